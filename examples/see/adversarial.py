"""Adversarial images: a change that nobody sees, and the network errs; and a network that has learned to withstand.

FGSM changes every pixel by epsilon in the direction that raises the loss (Goodfellow, Shlens and Szegedy, 2015), PGD
does it in many small steps (Madry et al., 2018). A second network learns from images that are attacked while it
learns, by one step from a random place (Wong, Rice and Kolter, "Fast Is Better than Free", 2020).

    python examples/see/adversarial.py
    python examples/see/adversarial.py --dataset mnist --data DIR --compiled --plot plots

PyTorch's tutorial on FGSM prints the row that stands first in the table, of a LeNet on MNIST.
"""
import nets

import minidl
from minidl import interpret, nn
from minidl.cli import arguments, classification
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision import models

DEFAULTS = {
    "digits": {"epochs": 30, "batch_size": 64, "lr": 2e-3},
    "mnist": {"epochs": 8, "batch_size": 100, "lr": 2e-3},
}
EPSILONS = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
PUBLISHED = [0.981, 0.943, 0.851, 0.683, 0.430, 0.208, 0.087]


def add_options(parser):
    parser.add_argument("--attacked", type=arguments.whole_number(1), default=500, metavar="N",
                        help="test images to attack (default: 500)")
    parser.add_argument("--epsilon", type=arguments.number_between(0, 1), default=0.25, metavar="E",
                        help="of the attacks that the second network learns from (default: 0.25)")


def lenet(data):
    return models.LeNet([20, 50], [128], nn.ReLU, nn.MaxPool2d, 0, len(data.classes), data.channels, data.size)


def withstand(model, x, y):
    """The loss of attacked images: one long step from a random place, cut off at epsilon."""
    start = (x + args.epsilon * (2 * minidl.rand_like(x) - 1)).clamp(0, 1)
    attacked = interpret.fgsm(model, start, y, 1.25 * args.epsilon)
    loss = F.cross_entropy(model(attacked.clamp(x - args.epsilon, x + args.epsilon).clamp(0, 1)), y)
    return loss, {"attacked loss": loss.item()}


def withstands(model, attack):
    """The share of test images that are still read, for each epsilon."""
    return [sum((model(attack(model, part, labels, epsilon)).argmax(1) == labels).sum().item()
                for part, labels in zip(x.split(250), y.split(250))) / len(x) for epsilon in EPSILONS]


args = nets.parse(__doc__, add_options, DEFAULTS)
data = nets.load(args)
x, y = (part[:args.attacked].to(args.device) for part in data.test[:2])
plain = nets.learned(args, data, lenet)
robust = lenet(data).to(args.device)
nets.train(robust, data.train, args, withstand)
robust.eval()
print(f"the second network: test accuracy {nets.accuracy(robust, data.test, args.device):.2%}")

curves = {"published, FGSM": PUBLISHED} if args.dataset == "mnist" else {}
for name, model in (("plain", plain), ("trained on attacks", robust)):
    curves[f"{name}, FGSM"] = withstands(model, interpret.fgsm)
    curves[f"{name}, PGD"] = withstands(model, lambda *rest: interpret.pgd(*rest, steps=10))
print(f"{'accuracy if each pixel changes by at most':<42}" + "".join(f"{epsilon:>7}" for epsilon in EPSILONS))
for name, curve in curves.items():
    print(f"{name:<42}" + "".join(f"{share:>7.3f}" for share in curve))

wanted = (y[:6] + 1) % len(data.classes)            # each is to be taken for the class after its own
shown = interpret.pgd(plain, x[:6], wanted, 0.3, steps=40, targeted=True)


def images(path):
    """Images, what is added, ten times that, and the sum, which is another class for the network."""
    change = shown - x[:6]
    rows = minidl.cat([x[:6], change / 2 + 0.5, (10 * change / 2 + 0.5).clamp(0, 1), shown])
    with minidl.no_grad():
        said = [classification.in_batches(plain, each).softmax(1).max(1) for each in (x[:6], shown)]
    titles = [f"{data.classes[c]} ({p:.0%})" for p, c in zip(*(each.tolist() for each in said[0]))]
    last = [f"{data.classes[c]} ({p:.0%})" for p, c in zip(*(each.tolist() for each in said[1]))]
    titles += ["change"] * 6 + ["10 x change"] * 6 + last
    plots.images(rows, path, titles, "each is to be taken for the class after its own", columns=6)


def curve(path):
    figure = plots.figure(6, 4)
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(EPSILONS, values, {"F": "o-", "P": "s--"}[name.split(", ")[1][0]], label=name,
                  color={"pla": "C0", "tra": "C1", "pub": "0.6"}[name[:3]])
    axes.set(xlabel="largest change of a pixel", ylabel="accuracy", ylim=(0, 1))
    axes.legend()
    plots.save(figure, path)


if args.plot:
    classification.draw(args.plot, {"curve": curve, "images": images})
