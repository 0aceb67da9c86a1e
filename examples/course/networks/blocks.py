"""What a block costs: basic, bottleneck, grouped and ResNeXt, by the formulas of the lecture and by counting.

On maps of H x W a basic block of C channels costs 18 HWC^2, and a bottleneck 4C -> C -> C -> 4C only 17: more layers,
less work (He et al., 2015). A convolution in G groups costs a G-th. ResNeXt has G paths 4C -> c -> c -> 4C, which are
one grouped convolution: (8Cc + 9c^2) HWG, as much as a bottleneck where 9Gc^2 + 8GCc - 17C^2 = 0 (Xie et al., 2017).

    python examples/course/networks/blocks.py
    python examples/course/networks/blocks.py --channels 32 --plot plots
"""
import math

import minidl
from minidl import nn
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.train import plots
from minidl.utils import summary
from minidl.vision.models.resnet import BasicBlock, Bottleneck

SIDE = 8                # of the maps; costs are given for each of their pixels


def products(block, channels):
    """Multiply-adds for each pixel, and parameters of the convolutions."""
    found = summary(block, (1, channels, SIDE, SIDE))
    weights = sum(p.numel() for p in block.parameters() if p.ndim == 4)
    return found.total_mult_adds / SIDE ** 2, weights


def resnext(C, G, c):
    """The same sum of G paths as one network: three convolutions, that in the middle in groups."""
    return nn.Sequential(nn.Conv2d(4 * C, G * c, 1, bias=False),
                         nn.Conv2d(G * c, G * c, 3, padding=1, groups=G, bias=False),
                         nn.Conv2d(G * c, 4 * C, 1, bias=False))


def equal_width(C, G):
    """The positive root c of 9 G c^2 + 8 G C c - 17 C^2 = 0."""
    return C * (math.sqrt(16 + 153 / G) - 4) / 9


def paths(block, x, G):
    """What the G paths of a ResNeXt block add up to, each computed alone."""
    first, middle, last = block
    c = middle.weight.shape[1]
    parts = [slice(g * c, (g + 1) * c) for g in range(G)]
    return sum(F.conv2d(F.conv2d(F.conv2d(x, first.weight[part]), middle.weight[part], padding=1), last.weight[:, part])
               for part in parts)


def main():
    args = lesson.parse(__doc__, lambda parser: lesson.whole(parser, "channels", 64, "C"))
    C = args.channels
    rows = [("basic block", *products(BasicBlock(C, C), C), 18 * C * C),
            ("bottleneck", *products(Bottleneck(4 * C, C), 4 * C), 17 * C * C)]
    for G in (2, 4, 8, 16, 32, 64):
        c = max(1, round(equal_width(C, G)))
        rows.append((f"ResNeXt, G = {G}, c = {c}", *products(resnext(C, G, c), 4 * C), G * (8 * C * c + 9 * c * c)))
    print(f"C = {C}                multiply-adds a pixel      by formula      parameters   more than a bottleneck")
    for name, cost, weights, formula in rows:
        print(f"{name:26} {cost:16,.0f} {formula:15,} {weights:15,} {formula / (17 * C * C) - 1:15.1%}")
    if C == 64:
        print("rest of 9Gc^2 + 8GCc - 17C^2 (lecture: nearly 0): " + ", ".join(
            f"{9 * G * c * c + 8 * G * C * c - 17 * C * C} for G = {G}, c = {c}" for G, c in ((4, 24), (32, 4))))
    print(f"\none convolution 3x3 of {4 * C} channels in G groups: " + ", ".join(
        f"G = {G}: {products(nn.Conv2d(4 * C, 4 * C, 3, padding=1, groups=G, bias=False), 4 * C)[0]:,.0f}"
        for G in (1, 2, 4)))
    block, x = resnext(C, 4, 2), minidl.rand(1, 4 * C, SIDE, SIDE)
    with minidl.no_grad():
        apart = (block(x) - paths(block, x, 4)).abs().max().item()
    print(f"four paths, each alone and then added, and one grouped convolution: at most {apart:.0e} apart")

    def picture(path):
        figure = plots.figure(10, 3.6)
        left, right = figure.subplots(1, 2)
        left.barh([name for name, *_ in rows], [cost / 1e3 for _, cost, *_ in rows],
                  color=["gray", "C1"] + ["C0"] * (len(rows) - 2))
        left.invert_yaxis()
        left.set(xlabel="thousand multiply-adds a pixel", title=f"C = {C}: about the same work")
        groups = range(1, 65)
        right.plot(groups, [equal_width(C, G) for G in groups], label="c, channels of a path")
        right.plot(groups, [G * equal_width(C, G) for G in groups], label="G c, channels of all")
        right.set(xscale="log", yscale="log", xlabel="G, number of paths", title="the same work in more paths")
        right.set_xticks([1, 2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32, 64])
        right.legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"costs": picture})


if __name__ == "__main__":
    main()
