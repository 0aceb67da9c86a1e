"""Losses: what a classifier is told about its errors.

The number of errors is flat almost everywhere and blind to the right direction; no descent can lower it. The distance
of scores from the one-hot row of the class was used for long, and punishes scores that are too right. Softmax makes
probabilities of scores, and cross-entropy is minus the logarithm of the right one: maximum likelihood, and the KL
divergence from the one-hot distribution. It is logsumexp(s) - s_y, which is about max(s) - s_y: the strongest wrong
class counts.

    python examples/course/learning/losses.py
    python examples/course/learning/losses.py --plot plots
"""
import math
import time

import minidl
from minidl import nn
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.train import plots

SCORES = minidl.tensor([3.2, 5.1, -1.7])        # of a cat, a car and a frog, say; the first is right
RIGHT = minidl.tensor([0])
FIVE = minidl.tensor([45.4, 128.0, 253.0, 0.23, -1.34])     # and the third is right
LINES = {"solid": 45, "dashed": 20, "dotted": 65}        # the angles of w, whose lines are w x = 0


def messages(count=60):
    """Numbers of links and of shouted words, around the mean: ordinary messages are low, spam is high."""
    stream = minidl.Generator().manual_seed(43)       # three lines make equally many errors
    x = minidl.randn(2 * count, 2, generator=stream)
    y = minidl.arange(2 * count) // count
    return x + 2.2 * (y[:, None] - 0.5), y.float()


def judged(degrees, x, y):
    """Errors of a line, its mean cross-entropy, and how fast that grows with the angle."""
    angle = minidl.tensor(math.radians(degrees), requires_grad=True)
    scores = 1.5 * x @ minidl.stack([angle.cos(), angle.sin()])
    loss = F.binary_cross_entropy_with_logits(scores, y)
    slope, = minidl.autograd.grad(loss, angle)
    return int(((scores > 0).float() != y).sum()), loss.item(), slope.item()


def three_ways(seed):
    """The gradient of cross-entropy by a bias: each way, its largest error, and its seconds."""
    stream = minidl.Generator().manual_seed(seed)
    scores = minidl.randn(64, 100, generator=stream, dtype=minidl.float64)
    labels = minidl.randint(100, (64,), generator=stream)
    bias = minidl.zeros(100, dtype=minidl.float64, requires_grad=True)

    def loss(b):
        return F.cross_entropy(scores + b, labels)

    def differences(h=1e-4):
        steps = h * minidl.eye(100, dtype=minidl.float64)
        return minidl.stack([(loss(step) - loss(minidl.zeros_like(step))) / h for step in steps])
    ways = {"differences": differences, "calculus": lambda: (scores.softmax(1) - F.one_hot(labels, 100)).mean(0),
            "automatic": lambda: minidl.autograd.grad(loss(bias), bias)[0]}
    exact, found = ways["calculus"](), {}
    for name, way in ways.items():
        start = time.perf_counter()
        error = (way() - exact).abs().max().item()
        found[name] = error, time.perf_counter() - start
    return found


def numbers():
    print("scores                        ", *(f"{s:8.2f}" for s in SCORES.tolist()))
    print("exp                           ", *(f"{s:8.2f}" for s in SCORES.exp().tolist()), "  24.5, 164.0, 0.18")
    p = SCORES.softmax(0)
    print("softmax                       ", *(f"{s:8.2f}" for s in p.tolist()), "  0.13, 0.87, 0.00")
    print("softmax of scores + 1000      ", *(f"{s:8.2f}" for s in (SCORES + 1000).softmax(0).tolist()))
    loss = F.cross_entropy(SCORES[None], RIGHT)
    one_hot = F.one_hot(RIGHT, 3).float()
    print(f"\ncross-entropy, -log 0.13       {loss.item():8.2f}   2.04")
    print(f"NLLLoss of log_softmax         {nn.NLLLoss()(SCORES.log_softmax(0)[None], RIGHT).item():8.2f}")
    divergence = F.kl_div(SCORES.log_softmax(0)[None], one_hot, reduction="sum")
    print(f"KL divergence from (1, 0, 0)   {divergence.item():8.2f}")
    print(f"logsumexp(s) - s_y             {(SCORES.logsumexp(0) - SCORES[0]).item():8.2f}")
    print(f"max(s) - s_y                   {(SCORES.max() - SCORES[0]).item():8.2f}")
    for p, lectured in ((0.9, "0.105"), (0.09, "2.41")):
        y = minidl.tensor([1.0])
        print(f"binary cross-entropy of {p:<6}{nn.BCELoss()(minidl.tensor([p]), y).item():9.3f}   {lectured}")
    distance = (FIVE - F.one_hot(minidl.tensor(2), 5)).norm().item()
    print(f"\nfive scores with the right one on top: ||s - one-hot|| = {distance:.1f}, "
          f"cross-entropy {abs(F.cross_entropy(FIVE[None], minidl.tensor([2])).item()):.1f}")
    weights = nn.CrossEntropyLoss(weight=minidl.tensor([5.0, 1.0, 1.0]), ignore_index=-100)
    labels = minidl.tensor([[[0, 1], [-100, 0]]])                      # of 2x2 pixels, one of them without a class
    pixels = SCORES[None, :, None, None].expand(1, 3, 2, 2)
    print(f"weighted by (5, 1, 1), of 2x2 pixels, one without a class: {weights(pixels, labels).item():.3f}")


def main():
    args = lesson.parse(__doc__)
    numbers()
    x, y = messages()
    print("\nthree lines between messages   errors   cross-entropy   its slope by the angle")
    for name, degrees in LINES.items():
        errors, loss, slope = judged(degrees, x, y)
        print(f"{name:30} {errors:7} {loss:15.4f} {slope:14.4f}")

    print("\nthe gradient by the softmax bias   error        ms")
    for name, (error, seconds) in three_ways(args.seed).items():
        print(f"{name:30} {error:9.1e} {1000 * seconds:9.2f}")

    def zero_one(path):
        figure, axes = lesson.grid(1, 3, 3.8, 3.4)
        points, turn, plane = axes[0]
        points.scatter(*x.T.numpy(), c=y.numpy(), cmap="coolwarm", s=14)
        for style, degrees in LINES.items():
            falls = 4 / math.tan(math.radians(degrees))
            points.plot([-4, 4], [falls, -falls], linestyle=style, color="black",
                        label=f"{style}: {judged(degrees, x, y)[0]} errors")
        points.set(xlim=(-4, 4), ylim=(-4, 4), xlabel="links", ylabel="shouted words", title="spam is red")
        points.legend(fontsize=8)
        angles = minidl.linspace(0, 1.57, 300)
        scores = 1.5 * x @ minidl.stack([angles.cos(), angles.sin()])
        turn.plot(angles.numpy(), ((scores > 0).float() != y[:, None]).float().mean(0).numpy(), label="0-1 loss")
        turn.plot(angles.numpy(), F.binary_cross_entropy_with_logits(
            scores, y[:, None].expand_as(scores), reduction="none").mean(0).numpy(), label="cross-entropy")
        turn.set(xlabel="angle of w", title="steps without slope, and a slope")
        turn.legend(fontsize=8)
        a, b = minidl.meshgrid(minidl.linspace(-4, 4, 100), minidl.linspace(-4, 4, 100), indexing="xy")
        both = minidl.stack([a, b], -1)
        shown = plane.contourf(a.numpy(), b.numpy(), (both.logsumexp(-1) - a).numpy(), 20, cmap="viridis")
        plane.set(xlabel="s_y, the right score", ylabel="the other score", title="logsumexp(s) - s_y")
        figure.colorbar(shown)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"zero_one": zero_one})


if __name__ == "__main__":
    main()
