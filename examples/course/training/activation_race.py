"""Activations drawn, and their race: how many steps the same network needs with each.

Sigmoid and tanh saturate: their slope goes to 0 on both sides. ReLU's is 1 on one side and 0 on the other, where units
may die; leaky ReLU, PReLU (whose slope is learned) and ELU have a slope there as well. Maxout takes the larger of two
linear functions, of twice the weights. AlexNet's ReLU came to an error of 25 % six times as fast as tanh
(Krizhevsky, Sutskever and Hinton, 2012). Here each runs at the best of several rates, from weights of the right size:
then tanh keeps up in a network of a few layers, and sigmoid, whose slope is a quarter at most, does not.

    python examples/course/training/activation_race.py
    python examples/course/training/activation_race.py --seed 1 --plot plots
"""
import itertools

import minidl
from minidl import nn, optim
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots

DEFAULTS = {"digits": {"epochs": 15, "batch_size": 50}, "mnist": {"epochs": 1, "batch_size": 100}}
RATES = [0.03, 0.1, 0.3, 1.0, 3.0]
GOAL = 0.75             # of the training images of the last steps are right


def add_options(parser):
    lesson.whole(parser, "layers", 4, "of 64 units")


ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU, "leaky ReLU": lambda: nn.LeakyReLU(0.1),
               "PReLU": nn.PReLU, "ELU": nn.ELU, "Maxout": None}


def build(name, inputs, layers, classes):
    widths = [inputs] + [64] * layers
    if name == "Maxout":
        parts = [nn.Maxout(*pair) for pair in itertools.pairwise(widths)]
    else:
        parts = [part for pair in itertools.pairwise(widths) for part in (nn.Linear(*pair), ACTIVATIONS[name]())]
    model = nn.Sequential(nn.Flatten(), *parts, nn.Linear(64, classes))
    for layer in model.modules():
        if isinstance(layer, nn.Linear):        # numbers keep their size through the layers
            nn.init.xavier_normal_(layer.weight) if name in ("sigmoid", "tanh", "Maxout") else \
                nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


def race(model, x, y, rate, args):
    """The training accuracy of each step's batch before the step, smoothed."""
    optimizer, mean, found = optim.SGD(model.parameters(), lr=rate), 0.0, []
    for _ in range(args.epochs):
        for numbers in minidl.randperm(len(x)).split(args.batch_size):
            scores = model(x[numbers])
            right = (scores.argmax(1) == y[numbers]).float().mean().item()
            mean = 0.9 * mean + 0.1 * right
            found.append(mean / (1 - 0.9 ** (len(found) + 1)))
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(scores, y[numbers])
            if not loss.isfinite():             # the rate is too high
                return found
            loss.backward()
            optimizer.step()
    return found


def steps_to(found):
    return next((step for step, value in enumerate(found, 1) if value >= GOAL), None)


def gallery(path):
    """The six of the lecture, and their slopes."""
    x = minidl.linspace(-4, 4, 401, requires_grad=True)
    shown = {**{name: ACTIVATIONS[name]()(x) for name in ("sigmoid", "tanh", "ReLU", "leaky ReLU", "ELU")},
             "Maxout of two lines": minidl.maximum(0.6 * x + 0.5, -0.3 * x - 0.5)}
    figure, axes = lesson.grid(2, 3, 3, 2.4)
    for panel, (name, y) in zip(axes.flat, shown.items()):
        slope, = minidl.autograd.grad(y.sum(), x, retain_graph=True)
        panel.plot(x.detach().numpy(), y.detach().numpy(), label="value")
        panel.plot(x.detach().numpy(), slope.numpy(), "--", label="slope")
        panel.axhline(0, color="lightgray", zorder=0)
        panel.set(title=name, ylim=(-1.5, 3))
    axes[0, 0].legend()
    plots.save(figure, path)


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    x, y, _, _, data = lesson.tensors(args)
    best = {}
    print(f"steps until {GOAL:.0%} of the training images are right, at each rate; {args.layers} hidden layers")
    print("             " + "".join(f"{rate:8g}" for rate in RATES))
    for name in ACTIVATIONS:
        runs = []
        for rate in RATES:
            minidl.manual_seed(args.seed)
            model = build(name, x[0].numel(), args.layers, len(data.classes)).to(args.device)
            runs.append(race(model, x, y, rate, args))
        steps = [steps_to(found) for found in runs]
        best[name] = min(runs, key=lambda found: steps_to(found) or 10 ** 9)
        print(f"{name:12} " + "".join(f"{step or '-':>8}" for step in steps))
    relu = steps_to(best["ReLU"])
    if relu:
        print("as many times ReLU's steps: " + ", ".join(f"{name} {steps_to(found) / relu:.1f}" if steps_to(found) else
                                                       f"{name} not reached" for name, found in best.items()))

    def picture(path):
        figure = plots.figure(7, 4.2)
        axes = figure.subplots()
        for name, found in best.items():
            axes.plot(found, label=name)
        axes.axhline(GOAL, color="lightgray", zorder=0)
        axes.set(xlabel="step", ylabel="training accuracy, smoothed", ylim=(0, 1),
                 xlim=(0, min(len(found) for found in best.values()) / 2), title="each at its best rate")
        axes.legend(ncols=2)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"gallery": gallery, "race": picture})


if __name__ == "__main__":
    main()
