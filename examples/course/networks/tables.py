"""The networks of the lectures as tables, each read off the network itself, with the lecture's numbers beside it.

A row a layer: what comes in, its window, what goes out, the memory of that in KB, parameters in thousands and
multiply-adds in millions. AlexNet's memory is in its first convolutions, its parameters are in its linear layers, its
arithmetic in the convolutions between; that is what its successors change. `--table years`: the winners of the ImageNet
challenge.

    python examples/course/networks/tables.py
    python examples/course/networks/tables.py --table googlenet
    python examples/course/networks/tables.py --table alexnet --plot plots
"""
from minidl import nn
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.utils import summary
from minidl.vision import models

ALEXNET = {"memory (KB)": [784, 182, 547, 127, 254, 169, 169, 36, 16, 16, 4],
           "parameters (K)": [23, 0, 307, 0, 664, 885, 590, 0, 37749, 16777, 4096],
           "multiply-adds (M)": [73, 0, 224, 0, 112, 145, 100, 0, 38, 17, 4]}
YEARS = [("2010", 28.2, "shallow"), ("2011", 25.8, "shallow"), ("2012", 16.4, "AlexNet, 8"), ("2013", 11.7, "8"),
         ("2014", 7.3, "VGG, 19"), ("2014", 6.7, "GoogLeNet, 22"), ("2015", 3.6, "ResNet, 152"), ("2016", 3.0, "152"),
         ("2017", 2.3, "152")]
PEOPLE = 5.1
VGG_TO_56 = [64, 64, "M", 128, 128, "M", 256, 256]      # VGG-16's first six convolutions


def lenet():
    """The lecture's LeNet-5, with a margin of 2 before both convolutions."""
    return nn.Sequential(nn.Conv2d(1, 20, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(20, 50, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(2450, 500), nn.ReLU(), nn.Linear(500, 10))


def layers(found):
    """The rows of the lecture's table: name, memory KB, parameters K, multiply-adds M; a pooling has K^2 an output."""
    rows, number = [], 0
    for line in found.by_layer().splitlines()[2:-2]:
        kind = next((kind for kind in ("conv", "pool", "linear") if kind in line.split(")")[0].lower()), None)
        if kind:
            number += kind != "pool"
            costs = [float(cell.replace(",", "")) for cell in line.split()[-3:]]
            rows.append((f"{'fc' if kind == 'linear' else kind}{number}", *costs))
    return rows


def bars(rows, path):
    """Where the memory, the parameters and the arithmetic of a network are."""
    figure, axes = lesson.grid(1, 3, 3.8, 3)
    names, *columns = zip(*rows)
    colors = {"c": "C0", "f": "C1", "p": "gray"}
    for panel, title, values in zip(axes.flat, ALEXNET, columns):
        panel.bar(range(len(rows)), values, color=[colors[name[0]] for name in names])
        panel.set_title(title)
        if len(rows) < 30:
            panel.set_xticks(range(len(rows)), names, rotation=90, fontsize=8)
        else:
            panel.set(xticks=[], xlabel="layers")
    plots.save(figure, path)


def table_of_lenet():
    found = summary(lenet(), (1, 1, 28, 28))
    print(found.by_layer())
    print(f"{found.total_params:,} parameters (lecture: 1,256,080 with biases)")
    return found


def table_of_alexnet():
    found = summary(models.alexnet(), (1, 3, 227, 227))
    print(found.by_layer())
    print(f"\nhere and (in the lecture), which counts no biases of linear layers\n{'':8}" +
          "".join(f"{name:>20}" for name in ALEXNET))
    for (name, *row), said in zip(layers(found), zip(*ALEXNET.values())):
        print(f"{name:8}" + "".join(f"{value:12,.0f} {f'({number:,})':>7}" for value, number in zip(row, said)))
    print("conv4: 13 x 13 x 256 outputs x 384 x 3 x 3 products are 150 million; the lecture's 145 is a slip")
    return found


def table_of_vgg(depth):
    found = summary(models.get_model(f"vgg{depth}", init_weights=False), (1, 3, 224, 224))
    print(found.by_layer())
    print(f"{found.total_params / 1e6:.1f} M parameters, {found.total_mult_adds / 1e9:.1f} G multiply-adds "
          f"(lecture: {'138.4 M, 15.5 G' if depth == 16 else '143.7 M, 19.6 G'})")
    return found


def table_of_googlenet():
    found = summary(models.googlenet(init_weights=False), (1, 3, 224, 224))
    print("the stem: from 224 pixels to 28", *found.by_layer().splitlines()[:7], sep="\n")
    _, *stem = zip(*layers(found)[:5])
    memory, parameters, products = map(sum, stem)
    print(f"{memory / 1024:.1f} MB, {parameters:.0f} K parameters, {products:.0f} M multiply-adds "
          f"(lecture: 7.5 MB, 124 K; its sum 418 is a slip, its rows add up to 481)")
    found_vgg = summary(models.vgg.make_layers(VGG_TO_56), (1, 3, 224, 224))
    _, *vgg = zip(*(row for row in layers(found_vgg) if "conv" in row[0]))
    ours = [sum(column) for column in vgg]
    print(f"VGG-16 for the same way: {ours[0] / 1024:.1f} MB, {ours[1] / 1000:.1f} M, {ours[2]:.0f} M: "
          f"{ours[0] / memory:.1f}, {ours[1] / parameters:.1f} and {ours[2] / products:.1f} times as much "
          f"(lecture: 5.7, 8.9 and, from the slip, 17.8)")
    print("\nthe heads")
    for name, widths in (("GoogLeNet", [1024, 1000]), ("VGG-16", [512 * 7 * 7, 4096, 4096, 1000])):
        products = sum(inner * outer for inner, outer in zip(widths, widths[1:]))
        print(f"{name:10} {(products + sum(widths[1:])) / 1e3:9,.0f} K parameters {products / 1e6:6,.0f} M")
    print("lecture:    1,025 K and 1 M; 123,633 K and 124 M, without biases")
    return found


def table_of_years():
    for year, error, net in YEARS:
        print(f"{year}  top-5 error {error:4} %  {net}")
    print(f"people {PEOPLE} %. Lectures give years of publication: VGG 2014, GoogLeNet 2015, ResNet 2016; the\n"
          "challenges were won in 2014 and 2015. DenseNet and NASNet came in 2017, and did not enter.")

    def drawn(path):
        figure = plots.figure(8, 4)
        axes = figure.subplots()
        for at, (_, error, net) in enumerate(YEARS):
            axes.bar(at, error, color="gray" if net == "shallow" else "C0")
            axes.text(at, max(error, PEOPLE) + 0.4, f"{error}\n{net}", ha="center", fontsize=8)
        axes.axhline(PEOPLE, linestyle="--", color="C3", label=f"people: {PEOPLE}")
        axes.legend()
        axes.set_xticks(range(len(YEARS)), [year for year, *_ in YEARS])
        axes.set(ylabel="top-5 error (%)", ylim=(0, 32), title="the ImageNet challenge, and layers of the winner")
        plots.save(figure, path)
    return drawn


def main():
    tables = {"lenet": table_of_lenet, "alexnet": table_of_alexnet, "vgg16": lambda: table_of_vgg(16),
              "vgg19": lambda: table_of_vgg(19), "googlenet": table_of_googlenet, "years": table_of_years}
    args = lesson.parse(__doc__, lambda parser: parser.add_argument("--table", choices=tables, default="alexnet"))
    found = tables[args.table]()
    if args.plot:
        draw(args.plot, {args.table: found if args.table == "years" else lambda path: bars(layers(found), path)})


if __name__ == "__main__":
    main()
