"""Boxes and maps by hand: what detection and segmentation are computed from, in pictures.

Overlaps of boxes, what non-maximum suppression leaves, how four numbers move a box, the area under precision over
recall (Everingham 2010), and COCO's mean (Lin 2014); cells of RoI pool, which are rounded, and points of RoI align
(He 2017); max unpooling, transposed convolution, and Dice's coefficient. The same computations, one by one:
docs/worked_examples.md.

    python examples/course/learning/boxes_and_maps.py
    python examples/course/learning/boxes_and_maps.py --plot plots
"""
import math

import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.metrics import functional as metrics
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision import ops

BOX = minidl.tensor([[0.0, 0.0, 10.0, 10.0]])
OTHERS = minidl.tensor([[3.0, 0.0, 13.0, 10.0], [0.0, 0.0, 10.0, 7.5], [0.0, 0.0, 9.5, 9.5]])
DOG = minidl.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [0.0, 2.0, 10.0, 12.0], [0.0, 2.0, 10.0, 10.0]])
SCORES = minidl.tensor([0.9, 0.8, 0.7, 0.6])
RIGHT = (True, True, False, False, True)            # five detections of three dogs, the surest first
BY_OVERLAP = (0.77, 0.71, 0.65, 0.40, 0.30, 0.27, 0.25, 0.23, 0.22, 0.20)
REGION = minidl.tensor([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1.0, 0.7, 0.2, 0.6, 0.1, 0.9],
                        [0.9, 0.8, 0.7, 0.3, 0.5, 0.2], [0.2, 0.1, 0.8, 0.6, 0.4, 0.3]])
NUMBERS = minidl.tensor([[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]])


def moved(proposal, t):
    """A box (x, y, w, h) after x = px + pw tx, y = py + ph ty, w = pw exp(tw), h = ph exp(th)."""
    (x, y, w, h), (tx, ty, tw, th) = proposal, t
    return x + w * tx, y + h * ty, w * math.exp(tw), h * math.exp(th)


def average_precision():
    """Precision and recall after each detection, and the area under the curve: Pascal VOC's, and by minidl."""
    points = [(sum(RIGHT[:n]) / n, sum(RIGHT[:n]) / 3) for n in range(1, len(RIGHT) + 1)]
    dogs = minidl.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0], [40.0, 0.0, 50.0, 10.0]])
    nothing = minidl.tensor([[0.0, 50.0, 10.0, 60.0], [20.0, 50.0, 30.0, 60.0]])
    found = {"boxes": minidl.cat([dogs[:2], nothing, dogs[2:]]), "labels": minidl.ones(5, dtype=minidl.int64),
             "scores": minidl.tensor([0.99, 0.95, 0.90, 0.50, 0.10])}
    truth = {"boxes": dogs, "labels": minidl.ones(3, dtype=minidl.int64)}
    return points, metrics.voc_mean_average_precision([found], [truth]).item()


def pooled(align):
    region = minidl.tensor([[0.0, 0.0, 6.0, 4.0] if align else [0.0, 0.0, 5.0, 3.0]])
    return (ops.roi_align(REGION[None, None], [region], 3, sampling_ratio=2, aligned=True) if align else
            ops.roi_pool(REGION[None, None], [region], 3))[0, 0]


def rectangle(place, box, **style):
    x1, y1, x2, y2 = box.tolist()
    place.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], **style)


def cells(place, values, title):
    """A map with its numbers."""
    place.imshow(values.numpy(), cmap="Blues", vmax=1.6 * values.max().item())
    for row in range(len(values)):
        for column in range(values.shape[1]):
            place.text(column, row, f"{values[row, column].item():.2g}", ha="center", va="center", fontsize=8)
    place.set(xticks=[], yticks=[])
    place.set_title(title, fontsize=9)


def main():
    args = lesson.parse(__doc__)
    overlaps, kept = ops.box_iou(BOX, OTHERS)[0].tolist(), ops.nms(DOG, SCORES, iou_threshold=0.7).tolist()
    points, area = average_precision()
    unpooled, places = F.max_pool2d(NUMBERS[None, None], 2, return_indices=True)
    back = F.max_unpool2d(minidl.tensor([[[[1.0, 2], [3, 4]]]]), places, 2)[0, 0]
    spread = F.conv_transpose2d(minidl.tensor([[[[1.0, 2], [3, 4]]]]), minidl.ones(1, 1, 3, 3), stride=2)[0, 0]
    line = minidl.arange(200)
    dice = metrics.dice(((line >= 24) & (line < 176)).long(), (line < 151).long(), average="none", num_classes=2)
    print("overlaps of three pairs:", *(f"{overlap:.4f}" for overlap in overlaps))
    print("of four boxes on a dog, suppression at 0.7 keeps:", kept)
    print("a proposal (50, 40, 20, 10) moved by (0.5, -0.2, log 2, 0):",
          tuple(round(n, 4) for n in moved((50, 40, 20, 10), (0.5, -0.2, math.log(2), 0))))
    print("precision, recall:", ", ".join(f"({p:.2f}, {r:.2f})" for p, r in points), f"area {area:.4f}")
    print(f"COCO's mean over ten overlaps: {sum(BY_OVERLAP) / 10:.2f}   the lecture: 0.4")
    print("4x6 to 3x3 by RoI pool, and by RoI align:")
    for left, right in zip(pooled(False).tolist(), pooled(True).tolist()):
        print("  ", *(f"{n:5.2f}" for n in left), "  ", *(f"{n:5.2f}" for n in right))
    print("max pooling keeps", unpooled[0, 0].int().tolist(), "and unpooling puts 1 2; 3 4 at", places[0, 0].tolist())
    print("transposed convolution, rows of 2x2 to 5x5:", spread.int().tolist()[::2])
    print(f"Dice's coefficient of 151 and 152 pixels, 127 shared: {dice[1].item():.5f}   the lecture: 0.83828")

    def boxes(path):
        figure, axes = lesson.grid(1, 5, 2.5, 2.6)
        for place, other, overlap in zip(axes[0], OTHERS, overlaps):
            rectangle(place, BOX[0], color="C0", linewidth=2)
            rectangle(place, other, color="C3", linewidth=2, linestyle="--")
            place.set_title(f"overlap {overlap:.2f}", fontsize=9)
        for place, chosen, title in ((axes[0][3], range(4), "four boxes on a dog"),
                                     (axes[0][4], kept, "what suppression leaves")):
            for number in chosen:
                rectangle(place, DOG[number], color=f"C{number}", linewidth=2, label=f"{SCORES[number].item():.1f}")
            place.legend(fontsize=7, loc="center")
            place.set_title(title, fontsize=9)
        for place in axes[0]:
            place.set(xlim=(-1, 14), ylim=(13, -1), xticks=[], yticks=[])
        plots.save(figure, path)

    def precision(path):
        figure, ((left, right),) = lesson.grid(1, 2, 3.8, 3.2)
        left.plot([r for _, r in points], [p for p, _ in points], "o-", label="after each detection")
        left.fill_between([0, 2 / 3, 2 / 3, 1], [1, 1, 0.6, 0.6], alpha=0.25, label=f"area {area:.4f}")
        left.set(xlabel="recall", ylabel="precision", ylim=(0, 1.08), title="three dogs, five detections")
        left.legend(fontsize=8, loc="lower left")
        right.bar([0.5 + 0.05 * n for n in range(10)], BY_OVERLAP, 0.04)
        right.axhline(sum(BY_OVERLAP) / 10, color="C3", linestyle="--", label="the mean, 0.4")
        right.set(xlabel="overlap that counts", title="average precision, COCO's mean")
        right.legend(fontsize=8)
        plots.save(figure, path)

    def maps(path):
        figure, axes = lesson.grid(2, 4, 2.5, 2.3)
        for place, values, title in zip(axes.flat, (
                REGION, pooled(False), pooled(True), NUMBERS, unpooled[0, 0], back, minidl.tensor([[1.0, 2], [3, 4]]),
                spread), ("a region, 4x6", "RoI pool: cells are rounded", "RoI align: they are not", "numbers, 4x4",
                          "their maxima", "1 2; 3 4, unpooled", "2x2", "transposed convolution")):
            cells(place, values, title)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"boxes": boxes, "precision": precision, "maps": maps})


if __name__ == "__main__":
    main()
