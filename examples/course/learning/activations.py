"""Activations, their slopes, and how units die.

Sigmoid and tanh are flat far from 0, so gradients vanish there: sigmoid' = s (1 - s) is at most a quarter, tanh' = 1 -
tanh^2. ReLU has a slope of 1 on the right and of 0 on the left; a unit that is negative on all data gets no gradient,
and nothing will change that. Leaky ReLU, ELU and softplus have a slope on the left as well. All slopes are made by
backward().

    python examples/course/learning/activations.py
    python examples/course/learning/activations.py --lr 1 --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.train import plots

DEFAULTS = {"digits": {"epochs": 10, "batch_size": 64, "lr": 0.5}}
ACTIVATIONS = {
    "sigmoid": minidl.sigmoid, "tanh": minidl.tanh, "ReLU": F.relu, "leaky ReLU, 0.2": lambda x: F.leaky_relu(x, 0.2),
    "softplus": F.softplus, "ELU": F.elu,
}
LOOKED_AT = (-8.0, -1.0, 0.0, 1.0, 8.0)


def slopes(function, x):
    """Values and slopes at each x."""
    x = x.detach().requires_grad_()
    y = function(x)
    y.backward(minidl.ones_like(x))
    return y.detach(), x.grad


def negative(x, layers):
    """The share of units that are 0 on all images."""
    with minidl.no_grad():
        hidden = [x := F.relu(layer(x)) for layer in layers]
    return (minidl.cat(hidden, 1) == 0).all(0).float().mean().item()


def dying(x, y, args, rate):
    """The share of dead units at the start and after each epoch of SGD."""
    minidl.manual_seed(args.seed)
    hidden = nn.ModuleList([nn.Linear(x.shape[1], 128), nn.Linear(128, 128), nn.Linear(128, 128)]).to(args.device)
    last = nn.Linear(128, 10).to(args.device)
    optimizer, shares = optim.SGD([*hidden.parameters(), *last.parameters()], lr=rate), [negative(x, hidden)]
    for _ in range(args.epochs):
        for some in minidl.randperm(len(x)).to(x.device).split(args.batch_size):
            out = x[some]
            for layer in hidden:
                out = F.relu(layer(out))
            optimizer.zero_grad()
            F.cross_entropy(last(out), y[some]).backward()
            optimizer.step()
        shares.append(negative(x, hidden))
    return shares


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    at = minidl.tensor(LOOKED_AT)
    print("slope at          ", *(f"{x:8g}" for x in LOOKED_AT))
    for name, function in ACTIVATIONS.items():
        print(f"{name:18}", *(f"{slope:8.4f}" for slope in slopes(function, at)[1].tolist()))
    data = images.load(args)
    x, y = data.normalise(data.train.x).flatten(1), data.train.y.to(args.device)
    dead = {rate: dying(x, y, args, rate) for rate in (args.lr / 10, args.lr, 4 * args.lr)}
    print(f"\nReLU units that are 0 on all {len(x):,} images, three hidden layers of 128, {args.epochs} epochs of SGD")
    for rate, shares in dead.items():
        print(f"rate {rate:<6g} at first {shares[0]:6.1%}   in the end {shares[-1]:6.1%}")

    def gallery(path):
        figure, axes = lesson.grid(2, 6, 2.2, 2.1)
        line = minidl.arange(-8, 8, 0.1)
        for (name, function), above, below in zip(ACTIVATIONS.items(), *axes):
            value, slope = slopes(function, line)
            above.plot(line.numpy(), value.numpy())
            above.set_title(name, fontsize=10)
            below.plot(line.numpy(), slope.numpy(), color="C1")
            below.set(ylim=(-0.1, 1.15), xlabel="x")
        axes[0][0].set_ylabel("value")
        axes[1][0].set_ylabel("slope")
        plots.save(figure, path)

    def units(path):
        figure, ((axes,),) = lesson.grid(1, 1, 5.5, 3.4)
        for rate, shares in dead.items():
            axes.plot([100 * share for share in shares], "o-", label=f"rate {rate:g}")
        axes.set(xlabel="epoch", ylabel="share of the units (%)", title="ReLU units that are 0 on all images")
        axes.locator_params("x", integer=True)
        axes.legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"gallery": gallery, "dead": units})


if __name__ == "__main__":
    main()
