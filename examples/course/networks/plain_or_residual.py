"""Plain and residual: networks of 20 and of 56 layers, with and without shortcuts.

A deep plain network could copy what a shallow one does and leave the other layers as the identity, yet it learns worse,
also on the images that it is trained on. With shortcuts a block computes x + f(x), and is the identity where its
weights are 0 (He et al., "Deep residual learning for image recognition", 2015). All four have batch norm, the same
start and the same batches; the paper's networks are `--width 16` on CIFAR-10.

    python examples/course/networks/plain_or_residual.py
    python examples/course/networks/plain_or_residual.py --dataset cifar10 --data DIR --width 16 --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.train import Classification, fit, plots
from minidl.vision.models.small.cifar_resnet import PaddedShortcut

DEFAULTS = {"digits": {"epochs": 4, "batch_size": 64, "lr": 0.1}, "mnist": {"epochs": 1, "batch_size": 128, "lr": 0.1},
            "cifar10": {"epochs": 10, "batch_size": 128, "lr": 0.1}}


def add_options(parser):
    lesson.whole(parser, "width", 8, "channels of the first stage")
    parser.add_argument("--depths", type=int, nargs="+", default=[20, 56], metavar="N", help="6n + 2 (default: 20 56)")


class Block(nn.Module):
    """relu(f(x)), or with a shortcut relu(x + f(x)), where f is convolution, norm, ReLU, convolution, norm."""

    def __init__(self, inputs, outputs, shortcut):
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.f = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut = None
        if shortcut:
            self.shortcut = nn.Identity() if stride == 1 else PaddedShortcut(outputs - inputs)

    def forward(self, x):
        y = self.f(x)
        return (y if self.shortcut is None else self.shortcut(x) + y).relu()


def build(depth, shortcut, width, channels, classes):
    """A stem, three stages of blocks with twice the channels each, a mean and a linear layer: 6n + 2 layers."""
    layers = [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    inputs = width
    for outputs in (width, 2 * width, 4 * width):
        for _ in range((depth - 2) // 6):
            layers.append(Block(inputs, outputs, shortcut))
            inputs = outputs
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    data, losses, score = images.load(args), {}, Classification()
    print("layers            last training loss   test accuracy")
    for shortcut in (False, True):
        for depth in args.depths:
            minidl.manual_seed(args.seed)
            model = build(depth, shortcut, args.width, data.channels, len(data.classes)).to(args.device)
            optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
            steps = losses[f"{'residual' if shortcut else 'plain'}, {depth} layers"] = []

            def objective(model, x, y, steps=steps):
                loss, figures = score(model, x, y)
                steps.append(loss.item())
                return loss, figures
            fit(model, images.Batches(data, args.batch_size), objective, optimizer, args.epochs, show=False)
            scores = in_batches(lambda x, model=model: model.eval()(data.normalise(x)), data.test.x).cpu()
            few = steps[-20:]
            print(f"{'residual' if shortcut else 'plain':9} {depth:3} {sum(few) / len(few):17.3f} "
                  f"{accuracy(scores, data.test.y):18.2%}")

    def picture(path):
        figure = plots.figure(7, 4.2)
        axes = figure.subplots()
        for name, steps in losses.items():
            smooth = [sum(part) / len(part) for part in (steps[max(0, i - 9):i + 1] for i in range(len(steps)))]
            axes.plot(smooth, label=name, color="C1" if "plain" in name else "C0",
                      linestyle="-" if str(max(args.depths)) in name else "--")
        axes.set(xlabel="step", ylabel="training loss, mean of ten steps", ylim=(0, None),
                 title=f"depth and shortcuts on {args.dataset}")
        axes.legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"losses": picture})


if __name__ == "__main__":
    main()
