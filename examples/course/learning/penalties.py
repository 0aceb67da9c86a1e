"""Of two classifiers that make no error, which? A penalty on the weights decides.

Cross-entropy alone prefers ever larger weights, since a cliff between two classes is surest of itself. L2, a penalty
on squares, prefers small weights and spreads them (Tikhonov); L1, on sizes, makes most of them zero, since its diamond
meets the contours of the loss in a corner (Tibshirani 1996). Zeros come from exact steps: after each step down the
gradient every weight moves towards zero by rate x penalty, and stops there.

    python examples/course/learning/penalties.py
    python examples/course/learning/penalties.py --steps 1000 --plot plots
"""
import minidl
from minidl.cli import lesson
from minidl.cli.classification import accuracy, draw
from minidl.nn import functional as F
from minidl.train import plots

POINTS = minidl.tensor([-3.0, -2.2, -1.5, -0.6, 0.7, 1.3, 2.4, 3.1])       # on a line; class 1 is on the right
STEEPNESS = (1.0, 3.0, 10.0)
PENALTIES = (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2)


def fit(x, y, classes, penalty, kind, steps, rate=0.5):
    """The weights (classes, D) and the bias of a softmax regression with a penalty."""
    w, b = minidl.zeros(classes, x.shape[1], device=x.device), minidl.zeros(classes, device=x.device)
    w.requires_grad_(), b.requires_grad_()
    for _ in range(steps):
        down_w, down_b = minidl.autograd.grad(F.cross_entropy(x @ w.T + b, y), (w, b))
        with minidl.no_grad():
            w -= rate * down_w
            b -= rate * down_b
            if kind == "L2":
                w /= 1 + 2 * rate * penalty         # the exact step on penalty * w^2
            else:
                w.copy_(F.softshrink(w, rate * penalty))        # ... on penalty * |w|
    return w.detach(), b.detach()


def cliffs(path):
    """The probability of class 1 by three models that make no error."""
    figure, ((axes,),) = lesson.grid(1, 1, 6, 3.6)
    line = minidl.linspace(-4, 4, 400)
    for w in STEEPNESS:
        loss = F.binary_cross_entropy_with_logits(w * POINTS, (POINTS > 0).float()).item()
        axes.plot(line.numpy(), (w * line).sigmoid().numpy(), label=f"w = {w:g}: loss {loss:.3f}, w^2 = {w * w:g}")
    axes.plot(POINTS.numpy(), (POINTS > 0).float().numpy(), "ko", label="training points")
    axes.set(xlabel="x", ylabel="probability of class 1", title="the lower the loss, the steeper the cliff")
    axes.legend(fontsize=8)
    plots.save(figure, path)


def corners(path):
    """A quadratic loss, and the smallest loss on a circle and on a diamond."""
    figure, axes = lesson.grid(1, 2, 3.8, 3.6)
    a, b = minidl.meshgrid(minidl.linspace(-1.6, 2.2, 300), minidl.linspace(-1.6, 2.6, 300), indexing="xy")
    loss = (a - 0.3) ** 2 + 0.6 * (b - 1.9) ** 2 + 0.3 * (a - 0.3) * (b - 1.9)
    for place, size, name in zip(axes[0], ((a * a + b * b).sqrt(), a.abs() + b.abs()), ("L2", "L1")):
        best = (loss + 100.0 * (size > 1)).argmin().item()
        place.contour(a.numpy(), b.numpy(), loss.numpy(), 18, cmap="viridis", linewidths=0.7)
        place.contourf(a.numpy(), b.numpy(), size.numpy(), [0, 1], colors=["C0"], alpha=0.4)
        at = a.flatten()[best].item(), b.flatten()[best].item()
        place.plot(*at, "o", color="C3")
        place.plot(0.3, 1.9, "*", color="black", markersize=10)
        place.set(title=f"{name} at most 1: best at ({at[0] + 0.0:.2f}, {at[1]:.2f})", xlabel="w1", ylabel="w2")
        place.set_aspect("equal")
    plots.save(figure, path)


def main():
    args = lesson.parse(__doc__, lambda parser: lesson.whole(parser, "steps", 200, "of each fit to the digits"),
                        {"digits": {}})
    x = minidl.ones(4)
    print("x = (1, 1, 1, 1)              w x    sum w^2   sum |w|")
    for w in (minidl.tensor([1.0, 0.0, 0.0, 0.0]), minidl.full((4,), 0.25)):
        print(f"{w.tolist()!s:25} {(w @ x).item():7.2f} {(w * w).sum().item():9.2f} {w.abs().sum().item():9.2f}")
    print("\non a line, without an error     loss   with 0.01 w^2")
    for w in STEEPNESS:
        loss = F.binary_cross_entropy_with_logits(w * POINTS, (POINTS > 0).float()).item()
        print(f"probability = sigmoid({w:4g} x) {loss:8.4f} {loss + 0.01 * w * w:10.4f}")
    train_x, train_y, test_x, test_y, data = lesson.tensors(args)
    rows = {}
    print(f"\n{args.dataset}, {args.steps} steps    L2: zeros   largest  test     L1: zeros   largest  test")
    for penalty in PENALTIES:
        said = ""
        for kind in ("L2", "L1"):
            w, b = fit(train_x.flatten(1), train_y, len(data.classes), penalty, kind, args.steps)
            zeros = (w == 0).float().mean().item()
            right = accuracy(test_x.flatten(1) @ w.T + b, test_y)
            rows[kind, penalty] = zeros, right
            said += f"{zeros:14.1%} {w.abs().max().item():9.3f} {right:7.2%} "
        print(f"penalty {penalty:<10g}{said}")

    def zeros(path):
        figure, axes = lesson.grid(1, 2, 3.8, 3.2)
        for place, which, name in zip(axes[0], (0, 1), ("share of weights that are zero", "test accuracy")):
            for kind in ("L2", "L1"):
                place.plot(PENALTIES[1:], [rows[kind, penalty][which] for penalty in PENALTIES[1:]], "o-", label=kind)
            place.set(xscale="log", xlabel="penalty", title=name)
            place.legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"cliffs": cliffs, "corners": corners, "zeros": zeros})


if __name__ == "__main__":
    main()
