"""What a convolution does, in numbers: a filter slides, sizes follow a rule, and so do costs.

`--kind slide`: the mean of three neighbours, one position after the other. `sizes`: the rule (W - K + 2 P) / S + 1 for
the sides, beside what the layer makes; and what a layer costs. `dimensions`: signals, images, films, and films of
volumes, for which the layer of three dimensions is summed along a fourth.

    python examples/course/networks/convolutions.py
    python examples/course/networks/convolutions.py --kind sizes --plot plots
"""
import minidl
from minidl import nn
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.train import plots
from minidl.utils import summary

SIGNAL = [4, 3, 2, -5, 3, 5, 2, 5, 5, 6]
SIZES = [(7, 3, 0, 1, "5"), (7, 3, 1, 1, "7"), (7, 3, 0, 2, "3"), (32, 5, 0, 1, "28"), (32, 5, 2, 1, "32"),
         (227, 11, 2, 4, "56"), (224, 7, 3, 2, "112")]      # W, K, P, S, and what the lecture says


def slide():
    x, box = minidl.tensor(SIGNAL).float(), minidl.full((1, 1, 3), 1 / 3)
    means = F.conv1d(x[None, None], box)[0, 0].tolist()
    for at, mean in enumerate(means):
        print(f"({' + '.join(f'{value:2}' for value in SIGNAL[at:at + 3])}) / 3 = {mean + 0:.4g}")
    print("lecture: 3, 0, 0, 1, 10/3, 4, 4, 16/3")

    def picture(path):
        figure, axes = lesson.grid(4, 2, 4.2, 1.25)
        for at, panel in enumerate(axes.flat):
            for i, value in enumerate(SIGNAL):
                inside = at <= i < at + 3
                panel.text(i, 1, value, ha="center", va="center", weight="bold" if inside else None,
                           bbox={"boxstyle": "square", "facecolor": "orange" if inside else "white"})
            for i, mean in enumerate(means[:at + 1]):
                panel.text(i + 1, 0, f"{mean + 0:.3g}", ha="center", va="center",
                           bbox={"boxstyle": "square", "facecolor": "lightblue" if i == at else "white"})
            panel.plot([at, at + 1, at + 2], [0.75, 0.3, 0.75], color="gray", linewidth=1)
            panel.set(xlim=(-0.6, 9.6), ylim=(-0.5, 1.5))
            panel.set_axis_off()
        figure.suptitle("the mean of three numbers, at each of eight positions")
        plots.save(figure, path)
    return picture


def sizes():
    print("   W   K  P  S   rule   layer  lecture")
    for W, K, P, S, said in SIZES:
        made = nn.Conv2d(1, 1, K, S, P)(minidl.zeros(1, 1, W, W)).shape[-1]
        print(f"{W:4} {K:3} {P:2} {S:2} {(W - K + 2 * P) // S + 1:6} {made:7} {said:>8}")
    cost = summary(nn.Conv2d(3, 10, 5, padding=2), (1, 3, 32, 32))
    print(f"ten filters 5x5 on 3x32x32: {cost.total_params} parameters (760), {cost.total_mult_adds:,} multiply-adds "
          f"(768,000)")
    x = minidl.tensor([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
    print(f"max pooling of 4x4 numbers: {F.max_pool2d(x[None], 2)[0].int().tolist()} (6, 8; 3, 4)")

    def picture(path):
        figure, axes = lesson.grid(1, 3, 3.2, 3.8)
        for panel, (W, K, P, S, said) in zip(axes.flat, SIZES):
            side = W + 2 * P
            panel.imshow(F.pad(minidl.ones(W, W), [P] * 4).numpy(), cmap="Blues", vmin=0, vmax=4)
            for place, color in ((0, "red"), (S, "orange")):
                left, right, low, high = place - 0.45, place + K - 0.55, -0.45, K - 0.55
                panel.plot([left, right, right, left, left], [low, low, high, high, low], color=color, linewidth=2)
            centres = range((K - 1) // 2, side - K // 2, S)
            panel.plot([x for x in centres for _ in centres], [y for _ in centres for y in centres], "o", color="red")
            panel.set(xticks=[x - 0.5 for x in range(side + 1)], yticks=[x - 0.5 for x in range(side + 1)])
            panel.tick_params(labelbottom=False, labelleft=False, length=0)
            panel.grid(color="white")
            panel.set_title(f"{W} pixels, K = {K}, P = {P}, S = {S}:\n{said} x {said} places", fontsize=10)
        plots.save(figure, path)
    return picture


def conv4d(x, weight):
    """Convolve volumes over time: x (N, C, T, D, H, W), weight (O, C, K, K, K, K) -> (N, O, T-K+1, ...)."""
    steps = range(x.shape[2] - weight.shape[2] + 1)
    return minidl.stack([sum(F.conv3d(x[:, :, t + k], weight[:, :, k]) for k in range(weight.shape[2]))
                         for t in steps], 2)


def dimensions():
    cost = []
    print("dimensions                    input          filters        output         multiply-adds")
    for told, side, apply in (("1: sound", 4096, F.conv1d), ("2: images", 64, F.conv2d),
                              ("3: films, volumes", 16, F.conv3d), ("4: films of volumes", 8, conv4d)):
        D = int(told[0])
        x, weight = minidl.rand(1, 1, *[side] * D), minidl.rand(2, 1, *[3] * D)
        y = apply(x, weight)
        shapes = ["x".join(map(str, shape[1 if i == 0 else 0:])) for i, shape in enumerate((x.shape, weight.shape))]
        cost.append(y.numel() * 3 ** D)
        print(f"{told:22} {shapes[0]:>16} {shapes[1]:>14} {'x'.join(map(str, y.shape[1:])):>14} {cost[-1]:14,}")

    def picture(path):
        figure, axes = lesson.grid(1, 2, 3.8, 2.8)
        axes[0, 0].bar(range(1, 5), [3 ** D for D in range(1, 5)])
        axes[0, 1].bar(range(1, 5), [products / 1e3 for products in cost])
        axes[0, 0].set(title="numbers in a filter of side 3")
        axes[0, 1].set(title="thousand multiply-adds, of 4,096 inputs")
        for panel in axes.flat:
            panel.set(xlabel="dimensions", xticks=range(1, 5))
        plots.save(figure, path)
    return picture


def main():
    kinds = {"slide": slide, "sizes": sizes, "dimensions": dimensions}
    args = lesson.parse(__doc__, lambda parser: parser.add_argument("--kind", choices=kinds, default="slide"))
    picture = kinds[args.kind]()
    if args.plot:
        draw(args.plot, {args.kind: picture})


if __name__ == "__main__":
    main()
