"""Gradient descent where all of it can be seen: on a line and on a landscape.

The slope of a function is the limit of its differences, and a small step against it must lead down: f(x - r f') = f -
r f'^2 + O(r^2 f'^2), r being the rate. A rate that is too small gets nowhere, one that is too large leads up again.
Where it is flat there is no direction: on a plateau or a saddle the descent stays (Cauchy 1847).

    python examples/course/learning/descent.py
    python examples/course/learning/descent.py --plot plots
"""
import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots

RATES = {0.05: 3.486784, 0.2: 0.060466, 1.1: 61.917364}      # and where ten steps on x^2 lead from 10


def descend(function, start, rate, steps):
    """All points that gradient descent visits, (steps + 1, D)."""
    x = minidl.tensor(start, dtype=minidl.float64, requires_grad=True)
    visited = [x.detach().clone()]
    for _ in range(steps):
        slope, = minidl.autograd.grad(function(x), x)
        with minidl.no_grad():
            x -= rate * slope
        visited.append(x.detach().clone())
    return minidl.stack(visited)


def square(x):
    return (x * x).sum()


def hills(w):
    """A landscape with two valleys, the deeper one on the left: of points (..., 2)."""
    a, b = w[..., 0], w[..., 1]
    return (a * a - 1) ** 2 + 0.3 * a + 0.6 * b * b + 0.4 * a * b


def saddle(w):
    return w[..., 0] ** 2 - w[..., 1] ** 2


def traces(path):
    """Ten steps on x^2 at three rates."""
    figure, axes = lesson.grid(1, 3, 3.2, 3.2)
    for place, rate in zip(axes[0], RATES):
        x = descend(square, [10.0], rate, 10)[:, 0].numpy()
        reach = max(11.0, abs(x).max() * 1.05)
        curve = minidl.linspace(-reach, reach, 200).numpy()
        place.plot(curve, curve ** 2, color="lightgray", linewidth=3)
        place.plot(x, x ** 2, "o-", markersize=4)
        place.set(xlabel="x", title=f"rate {rate}: ends at {x[-1]:.4f}")
    axes[0][0].set_ylabel("f(x) = x^2")
    plots.save(figure, path)


def slopes(path):
    """Secants that become the tangent, and the fall that a step brings beside the predicted one."""
    figure, ((left, right),) = lesson.grid(1, 2, 4.4, 3.6)
    x = minidl.linspace(-0.5, 3.2, 100).numpy()
    left.plot(x, x ** 2, color="black", label="f(x) = x^2")
    for h in (2.0, 1.0, 0.5):
        left.plot(x, 1 + ((1 + h) ** 2 - 1) / h * (x - 1), linewidth=1, label=f"h = {h}: slope {(2 + h):g}")
    left.plot(x, 1 + 2 * (x - 1), "--", color="C3", label="the limit: slope 2")
    left.set(xlabel="x", ylim=(-1.5, 9), title="the slope at 1 is a limit")
    rates = minidl.linspace(0, 1.2, 60).numpy()
    right.plot(rates, 400 * rates, "--", label="predicted: rate f'^2")
    right.plot(rates, 100 - (10 - 20 * rates) ** 2, label="actual")
    right.axhline(0, color="lightgray")
    right.set(xlabel="rate", ylabel="fall of f", title="one step on x^2, from 10")
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    plots.save(figure, path)


def landscape(path):
    """Two starts on a landscape with two valleys; a plateau; and a saddle, on its ridge and beside it."""
    figure = plots.figure(12, 3.8)
    a, b = minidl.meshgrid(minidl.linspace(-1.6, 1.6, 80), minidl.linspace(-1.6, 1.6, 80), indexing="xy")
    surface, contours, line, ridge = (figure.add_subplot(1, 4, n + 1, projection="3d" if n == 0 else None)
                                      for n in range(4))
    height = hills(minidl.stack([a, b], -1))
    surface.plot_surface(a.numpy(), b.numpy(), height.numpy(), cmap="viridis", alpha=0.7, linewidth=0)
    contours.contour(a.numpy(), b.numpy(), height.numpy(), 25, cmap="viridis", linewidths=0.7)
    for colour, start in zip(("C3", "C1"), ([0.35, 1.4], [-0.2, -1.4])):
        way = descend(hills, start, 0.05, 60)
        surface.plot(*way.T.numpy(), hills(way).numpy() + 0.05, color=colour, linewidth=2)
        contours.plot(*way.T.numpy(), ".-", color=colour, markersize=3)
    for place, title in ((surface, "L(w1, w2)"), (contours, "two starts, two valleys")):
        place.set(title=title, xlabel="w1", ylabel="w2")
    x = descend(lambda x: (x ** 3).sum(), [1.0], 0.1, 100)[:, 0].numpy()
    curve = minidl.linspace(-1, 1.1, 100).numpy()
    line.plot(curve, curve ** 3, color="lightgray", linewidth=3)
    line.plot(x, x ** 3, ".-")
    line.set(title=f"x^3: after 100 steps at {x[-1]:.3f}", xlabel="x")
    ridge.contour(a.numpy(), b.numpy(), saddle(minidl.stack([a, b], -1)).numpy(), 21, cmap="viridis", linewidths=0.7)
    for offset in (1e-3, 0.0):
        ridge.plot(*descend(saddle, [1.4, offset], 0.1, 40).T.numpy(), ".-", label=f"from (1.4, {offset:g})")
    ridge.set(title="a saddle", xlabel="x", ylabel="y", ylim=(-1.6, 1.6))
    ridge.legend(fontsize=8)
    plots.save(figure, path)


def main():
    args = lesson.parse(__doc__)
    print("ten steps on x^2 from 10         the lecture")
    for rate, lectured in RATES.items():
        print(f"rate {rate:4}: x = {descend(square, [10.0], rate, 10)[-1].item():10.6f}   {lectured:10.6f}")
    print("\n(f(1 + h) - f(1)) / h of x^2:", *(f"{((1 + h) ** 2 - 1) / h:.4f}" for h in (1, 0.1, 0.01, 0.001)))
    print("\n  rate  fall  predicted  left over, rate^2 f'^2")
    for rate in (0.4, 0.2, 0.1, 0.05):
        fall = 100 - descend(square, [10.0], rate, 1)[-1].item() ** 2
        print(f"{rate:6} {fall:5.0f} {400 * rate:10.0f} {400 * rate - fall:11.0f}")
    on, beside = (descend(saddle, [1.4, y], 0.1, 40)[-1].tolist() for y in (0.0, 1e-3))
    print(f"\n40 steps on a saddle: from its ridge to ({on[0]:.3f}, {on[1]:.3f}), from 0.001 beside it to "
          f"({beside[0]:.3f}, {beside[1]:.3f})")
    if args.plot:
        draw(args.plot, {"traces": traces, "slopes": slopes, "landscape": landscape})


if __name__ == "__main__":
    main()
