"""The receptive field: which pixels reach a unit, measured by its gradient.

A layer of K x K filters adds K - 1 pixels to what the one before it sees, so L layers see 1 + L (K - 1) of a row; each
stride and each pooling multiplies what later layers add. That is why networks make their maps smaller on the way.
Pixels in the middle count most, since most paths lead there (Luo et al., "Understanding the effective receptive field
in deep convolutional neural networks", 2016).

    python examples/course/networks/receptive_field.py
    python examples/course/networks/receptive_field.py --plot plots
"""
import minidl
from minidl import nn
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision import models


def seen(steps, size):
    """Which numbers of a signal reach the middle one after layers of (K, S), by its gradient."""
    x = minidl.ones(1, 1, size, requires_grad=True)
    y = x
    for K, S in steps:
        y = F.conv1d(y, minidl.full((1, 1, K), 1 / K), stride=S)
    gradient, = minidl.autograd.grad(y[0, 0, y.shape[-1] // 2], x)
    return gradient[0, 0]


def rule(steps):
    """1 + the sum of K - 1 times all earlier strides."""
    size, jump = 1, 1
    for K, S in steps:
        size, jump = size + (K - 1) * jump, jump * S
    return size


def windows(model):
    """(K, S) of all convolutions and poolings of a network without branches."""
    found = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.MaxPool2d)]
    return [tuple(side[0] if isinstance(side, tuple) else side for side in (part.kernel_size, part.stride))
            for part in found]


def main():
    args = lesson.parse(__doc__)
    nets = {f"{L} layers, K = {K}": [(K, 1)] * L for K in (3, 5) for L in (1, 2, 4, 8)}
    nets["3 layers, K = 3, stride 2"] = [(3, 2)] * 3
    for name in ("lenet_caffe", "alexnet", "vgg16"):
        nets[f"{name}, up to its linear layers"] = windows(models.get_model(name))
    print("                                   measured  rule")
    for name, steps in nets.items():
        print(f"{name:34} {int((seen(steps, 4 * rule(steps)) > 0).sum()):8} {rule(steps):5}")

    def picture(path):
        figure = plots.figure(9, 3.6)
        left, right = figure.subplots(1, 2)
        for level in range(5):
            left.plot(range(-4, 5), [4 - level] * 9, "o", color="lightgray")
            left.plot(range(-level, level + 1), [4 - level] * (2 * level + 1), "o", color="C0")
        left.set(yticks=range(5), yticklabels=["pixels", *(f"layer {n}" for n in range(1, 5))], xlabel="place",
                 title="K = 3: one unit of layer 4 sees 9 pixels")
        for L in (1, 2, 4, 8, 16):
            weight = seen([(3, 1)] * L, 65)[16:49]
            right.plot(range(-16, 17), (weight / weight.max()).tolist(), label=f"layers: {L}, pixels: {2 * L + 1}")
        right.set(xlabel="place", title="how much each pixel counts")
        right.legend(fontsize=8)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"field": picture})


if __name__ == "__main__":
    main()
