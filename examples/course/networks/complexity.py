"""Accuracy against arithmetic: what the networks of the zoo cost, and how often they are right on ImageNet.

Each circle is a network with its best published weights: to the right more multiply-adds, above fewer mistakes, its
area for its parameters. Early networks (AlexNet, VGG) pay most for what they reach; ResNets, then the mobile ones, get
more for less (Canziani, Paszke and Culurciello, "An analysis of deep neural network models for practical applications",
2017). The accuracies are those that the weights' authors measured.

    python examples/course/networks/complexity.py
    python examples/course/networks/complexity.py --family resnet vgg --plot plots
"""
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.vision import models

FAMILIES = ["alexnet", "vgg", "googlenet", "resnet", "resnext", "densenet", "squeezenet", "mobilenet", "shufflenet",
            "mnasnet", "efficientnet", "regnet", "convnext", "swin", "vit"]
LABELLED = {"alexnet", "vgg16", "resnet18", "resnet50", "densenet121", "mobilenet_v2", "efficientnet_b0", "vit_b_16"}


def rows(families):
    """(name, accuracy in %, G multiply-adds, M parameters, family) of each network with ImageNet weights."""
    found = []
    for name in models.list_models():
        family = next((family for family in reversed(FAMILIES) if name.startswith(family)), None)
        if family not in families:
            continue
        try:
            metas = [weights.meta for weights in models.get_model_weights(name)]
        except ValueError:                  # nobody has trained it on ImageNet
            continue
        scored = [(meta["_metrics"]["ImageNet-1K"]["acc@1"], meta["_ops"], meta["num_params"] / 1e6) for meta in metas
                  if "ImageNet-1K" in meta.get("_metrics", {})]
        if scored:
            found.append((name, *max(scored), family))
    return found


def frontier(found):
    """The names of those that no other network beats with as little arithmetic."""
    best, names = 0.0, []
    for name, accuracy, *_ in sorted(found, key=lambda row: row[2]):
        if accuracy > best:
            best = accuracy
            names.append(name)
    return names


def main():
    args = lesson.parse(__doc__, lambda parser: parser.add_argument(
        "--family", choices=FAMILIES, nargs="+", default=FAMILIES, metavar="NAME", help="of " + ", ".join(FAMILIES)))
    found = rows(args.family)
    unbeaten = frontier(found)
    print("network              accuracy %   G multiply-adds   M parameters   (*: none is better for less)")
    for name, accuracy, products, parameters, _ in sorted(found, key=lambda row: row[2]):
        print(f"{name:20} {accuracy:10.2f} {products:17.2f} {parameters:14.1f}   {'*' if name in unbeaten else ''}")

    def picture(path):
        figure = plots.figure(9, 5.5)
        axes = figure.subplots()
        for number, family in enumerate(args.family):
            own = [row for row in found if row[4] == family]
            _, accuracy, products, parameters, _ = zip(*own) if own else [()] * 5
            axes.scatter(products, accuracy, s=[3 * millions for millions in parameters], alpha=0.5, label=family,
                         c=[number / len(args.family)] * len(own), cmap="tab20", vmin=0, vmax=1)
        for name, accuracy, products, *_ in found:
            if name in LABELLED:
                axes.annotate(name, (products, accuracy), fontsize=7, xytext=(4, -8), textcoords="offset points")
        axes.set(xscale="log", xlabel="G multiply-adds", ylabel="top-1 accuracy on ImageNet (%)", ylim=(54, 92),
                 xlim=(0.03, 3000))
        legend = axes.legend(ncols=2, fontsize=7, loc="lower right")
        for handle in legend.legend_handles:
            handle.set_sizes([30])
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"circles": picture})


if __name__ == "__main__":
    main()
