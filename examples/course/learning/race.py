"""The race of the optimizers: five ways to use a gradient on a landscape that is steep one way and flat the other.

A rate that suits the steep direction crawls in the flat one. Momentum averages gradients (Polyak 1964); AdaGrad
divides each by the size of all earlier ones, so that its steps end (Duchi 2011); RMSProp forgets old ones (Tieleman,
Hinton 2012); Adam does both, and corrects for starting at zero (Kingma, Ba 2015). Weight decay shrinks weights beside
the step rather than through the gradient, which is the same for plain descent only (Loshchilov, Hutter 2019).

    python examples/course/learning/race.py
    python examples/course/learning/race.py --landscape valley --steps 300 --plot plots
"""
import minidl
from minidl import optim
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots

OPTIMIZERS = {      # how it is made, and: first moment, second moment, leaky, bias correction
    "SGD": (lambda p, rate: optim.SGD(p, lr=rate), ""),
    "momentum": (lambda p, rate: optim.SGD(p, lr=rate, momentum=0.9), "1"),
    "AdaGrad": (lambda p, rate: optim.Adagrad(p, lr=rate), " 2"),
    "RMSProp": (lambda p, rate: optim.RMSprop(p, lr=rate, alpha=0.9), " 23"),
    "Adam": (lambda p, rate: optim.Adam(p, lr=rate), "1234"),
}
LANDSCAPES = {      # the function, its start, its minimum, what is drawn of it, and the rates in the order above
    "bowl": (lambda x, y: 0.1 * x * x + 2 * y * y, (-5.0, -2.0), (0, 0), (-6, 2, -3, 3), (0.4, 0.04, 0.4, 0.4, 0.4)),
    "valley": (lambda x, y: (1 - x) ** 2 + 20 * (y - x * x) ** 2, (-1.2, 1.4), (1, 1), (-1.7, 1.7, -0.8, 2.2),
               (2e-3, 5e-4, 0.4, 0.02, 0.1)),
}


def trace(make, function, start, rate, steps):
    """The points that an optimizer visits, (steps + 1, 2)."""
    point = minidl.tensor(start, dtype=minidl.float64, requires_grad=True)
    optimizer, visited = make([point], rate), [point.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        function(*point).backward()
        optimizer.step()
        visited.append(point.detach().clone())
    return minidl.stack(visited)


def decayed(make, beside, steps=500, rate=0.05, decay=0.1):
    """Where 500 steps on (w - 1)^2, steep by 1 and by 9, end: the decay in the gradient, or beside the step."""
    w = minidl.tensor([3.0, 3.0], dtype=minidl.float64, requires_grad=True)
    steepness, optimizer = minidl.tensor([1.0, 9.0], dtype=minidl.float64), make([w], rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (steepness * (w - 1) ** 2).sum()
        (loss if beside else loss + decay / 2 * (w * w).sum()).backward()
        with minidl.no_grad():
            before = w.clone()
            optimizer.step()
            if beside:
                w -= rate * decay * before
    return w.tolist()


def main():
    args = lesson.parse(__doc__, lambda parser: (
        parser.add_argument("--landscape", choices=list(LANDSCAPES), default="bowl", help="default: bowl"),
        lesson.whole(parser, "steps", 20, "of each optimizer")))
    function, start, minimum, (left, right, low, high), rates = LANDSCAPES[args.landscape]
    ways = {name: trace(make, function, start, rate, args.steps)
            for (name, (make, _)), rate in zip(OPTIMIZERS.items(), rates)}
    print(f"{args.landscape}: {args.steps} steps from {start}\n"
          "           moments: first second leaky corrected   rate          x          y    height")
    for (name, way), rate in zip(ways.items(), rates):
        ticks = "".join(f"{'x' if number in OPTIMIZERS[name][1] else '-':^7}" for number in "1234")
        x, y = way[-1].tolist()
        print(f"{name:19}{ticks}{rate:8} {x:10.6f} {y:10.6f} {function(x, y):9.2e}")
    print("\n500 steps towards (1, 1) with a decay of 0.1: in the gradient        beside the step")
    for name in ("SGD", "momentum", "Adam"):
        ends = [decayed(OPTIMIZERS[name][0], beside) for beside in (False, True)]
        print(f"{name:45}", *(f"({x:.4f}, {y:.4f})     " for x, y in ends))

    def contours(path):
        x, y = minidl.meshgrid(minidl.linspace(left, right, 120), minidl.linspace(low, high, 120), indexing="xy")
        figure, axes = lesson.grid(2, 3, 3.6, 2.8)
        for place, (name, way), rate in zip(axes.flat, ways.items(), rates):
            place.contour(x.numpy(), y.numpy(), function(x, y).sqrt().numpy(), 15, cmap="viridis", linewidths=0.7)
            place.plot(*way.T.numpy(), "o-", color="C3", markersize=3, linewidth=1)
            place.plot(*minimum, "*", color="C0", markersize=10)
            place.set(title=f"{name}, rate {rate:g}", xlim=(left, right), ylim=(low, high))
        for name, way in ways.items():
            axes[1][2].plot(function(*way.T).numpy(), label=name)
        axes[1][2].set(yscale="log", xlabel="step", title="height")
        axes[1][2].legend(fontsize=8)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {args.landscape: contours})


if __name__ == "__main__":
    main()
