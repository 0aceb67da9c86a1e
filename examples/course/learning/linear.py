"""The linear classifier: scores W x + b, read in three ways, and what to ask of them.

As algebra it is a matrix times a vector; as pictures, a template for each class, whose likeness to the image is the
score; as geometry, planes that cut the space of images. Asking for the number of the class as the only output is
wrong: 2.5 is no mixture of classes 2 and 3, and 3 is not more like 4 than like 9. Least squares asks for numbers,
logistic regression for the probability of one of two classes.

    python examples/course/learning/linear.py
    python examples/course/learning/linear.py --dataset mnist --data DIR --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import lesson
from minidl.cli.classification import accuracy, draw
from minidl.nn import functional as F
from minidl.train import plots

DEFAULTS = {"digits": {"epochs": 30, "batch_size": 64, "lr": 0.1},
            "mnist": {"epochs": 3, "batch_size": 128, "lr": 0.05},
            "cifar10": {"epochs": 3, "batch_size": 128, "lr": 0.005}}
W = minidl.tensor([[0.2, -0.5, 0.1, 2.0], [1.5, 1.3, 2.1, 0.0], [0.0, 0.25, 0.2, -0.3]])
IMAGE, B = minidl.tensor([56.0, 231.0, 24.0, 2.0]), minidl.tensor([1.1, 3.2, -1.2])
PLACES = {"living room": -96.8, "highway": 437.9, "mountain": 60.75}     # a lecture forgets a bias, and has 61.95


def fit(x, y, outputs, loss, args):
    """A linear layer of so many outputs, trained by SGD."""
    layer = nn.Linear(x.shape[1], outputs).to(args.device)
    with minidl.no_grad():
        layer.weight.zero_()
    optimizer = optim.SGD(layer.parameters(), lr=args.lr)
    for _ in range(args.epochs):
        for some in minidl.randperm(len(x)).to(x.device).split(args.batch_size):
            optimizer.zero_grad()
            loss(layer(x[some]), y[some]).backward()
            optimizer.step()
    return layer


def half_square(scores, targets):
    """1/2 (f(x) - y)^2, the mean over the data of the sum over outputs."""
    return ((scores - targets) ** 2).sum(1).mean() / 2


def numbers():
    print("a 2x2 image as a vector: W x + b")
    for (place, lectured), score in zip(PLACES.items(), (W @ IMAGE + B).tolist()):
        print(f"  {place:12} {score:8.2f}   {lectured:8.2f}")
    print("losses of a regression, 1/2 (f(x) - y)^2")
    for score, target, lectured in ((0.15, 1.0, "0.361"), (0.05, 0.0, "0.00125")):
        print(f"  {score} for a target of {target:g} {(score - target) ** 2 / 2:10.5f}   {lectured}")


def views(path, layer, x, y, shape, args):
    """The matrix, a row of it as an image, and lines between classes in the plane of two principal directions."""
    figure, ((algebra, template, geometry),) = lesson.grid(1, 3, 4, 3.4)
    algebra.imshow(W.numpy(), cmap="RdBu_r", vmin=-2.2, vmax=2.2)
    for row in range(3):
        for column in range(4):
            algebra.text(column, row, f"{W[row, column].item():g}", ha="center", va="center")
        algebra.text(5, row, f"{IMAGE[row].item():g}", ha="center", va="center")
        algebra.text(6.2, row, f"+ {B[row].item():g}".replace("+ -", "- "), ha="center", va="center")
        algebra.text(7.8, row, f"= {(W @ IMAGE + B)[row].item():.2f}", ha="center", va="center")
    algebra.text(5, 3, f"{IMAGE[3].item():g}", ha="center", va="center")
    algebra.text(4.4, 1, "x", ha="center", va="center")
    algebra.set(xlim=(-0.6, 8.8), ylim=(3.6, -0.6), xticks=[], yticks=range(3), yticklabels=list(PLACES),
                title="algebra: W x + b")
    first = layer.weight[1].detach().cpu().reshape(-1, *shape[1:]).mean(0).numpy()
    template.imshow(first, cmap="RdBu_r", vmin=-abs(first).max(), vmax=abs(first).max())
    template.set(title="a template: W's row of the second class", xticks=[], yticks=[])
    some = y < 3
    _, _, directions = minidl.pca_lowrank(x[some], 2)
    flat = x[some] @ directions
    flat = flat / flat.std()
    small = fit(flat, y[some], 3, F.cross_entropy, args)
    geometry.scatter(*flat.T.cpu().numpy(), c=y[some].cpu().numpy(), cmap="viridis", s=6)
    low, high = flat.min(0).values.cpu(), flat.max(0).values.cpu()
    a, b = minidl.meshgrid(*(minidl.linspace(low[i].item(), high[i].item(), 200) for i in range(2)), indexing="xy")
    with minidl.no_grad():
        said = small(minidl.stack([a, b], -1).to(args.device)).argmax(-1).cpu()
    geometry.contourf(a.numpy(), b.numpy(), said.numpy(), levels=[-0.5, 0.5, 1.5, 2.5], cmap="viridis", alpha=0.25)
    geometry.set(title="geometry: lines between three classes", xlabel="first principal direction", ylabel="second")
    plots.save(figure, path)


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    numbers()
    x, y, test_x, test_y, data = lesson.tensors(args)
    shape, classes = x.shape[1:], len(data.classes)
    x, test_x = x.flatten(1), test_x.flatten(1)
    one_hot = F.one_hot(y, classes).float()
    softmax = fit(x, y, classes, F.cross_entropy, args)
    binary = fit(x, (y == 1).float()[:, None], 1, F.binary_cross_entropy_with_logits, args)
    args.lr /= 10                                           # a square's slope grows with the error
    squares = fit(x, one_hot, classes, half_square, args)
    number = fit(x, y[:, None].float(), 1, half_square, args)
    with minidl.no_grad():
        output = number(test_x)[:, 0]
        rows = {"the class number as the output": (output.round() == test_y).float().mean().item(),
                "least squares on one-hot rows": accuracy(squares(test_x), test_y),
                "softmax and cross-entropy": accuracy(softmax(test_x), test_y),
                f"logistic regression, is it {data.classes[1]}?": (
                    (binary(test_x)[:, 0] > 0) == (test_y == 1)).float().mean().item()}
    print(f"{args.dataset}: {len(x):,} images, a linear layer")
    for name, right in rows.items():
        print(f"  {name:34} {right:8.2%}")

    def templates(path):
        pixels = softmax.weight.detach().cpu().reshape(-1, *shape)
        bound = pixels.abs().max()
        grey = {"cmap": "RdBu_r"} if data.channels == 1 else {}
        plots.images(pixels / (2 * bound) + 0.5, path, data.classes, "templates: the rows of W as images", 5, **grey)

    def class_number(path):
        figure, ((axes,),) = lesson.grid(1, 1, 6, 3.4)
        for label in range(classes):
            values = output[test_y == label].cpu().numpy()
            axes.plot([label] * len(values), values, ".", color="C0", alpha=0.3)
            axes.plot([label - 0.3, label + 0.3], [label, label], color="C3")
        axes.set(xlabel="class", ylabel="output", title="the class number as the output: red is right")
        axes.set_xticks(range(classes), data.classes)
        plots.save(figure, path)
    if args.plot:
        args.lr *= 10
        draw(args.plot, {"templates": templates, "views": lambda path: views(path, softmax, x, y, shape, args),
                         "class_number": class_number})


if __name__ == "__main__":
    main()
