"""What a detector has found, drawn."""
from collections import Counter

import minidl
from minidl.metrics.functional import voc_precision_recall_curve
from minidl.train import plots
from minidl.vision.utils import draw_bounding_boxes

COLOURS = ("yellow", "deepskyblue", "red", "lime", "orange", "magenta", "white", "cyan", "green", "blue")


def found(data, results, path):
    """Draw the first images of data with the boxes that the detector is sure of, and their classes above them."""
    columns = 6 if data.size[1] < 128 else 3         # titles of many objects are long
    some = [sure(one) for one in results[:4 * columns]]
    shown = minidl.stack([with_boxes(image, one) for image, one in zip(data.x.cpu(), some)])
    titles = [said([data.classes[label] for label in one["labels"].tolist()]) for one in some]
    colours = ", ".join(f"{name} in {COLOURS[label]}" for label, name in enumerate(data.classes[1:]))
    caption = f"what is found on test images: {colours if columns == 3 else 'from left to right'}"
    plots.images(shown, path, titles, caption, columns)


def precision_recall(data, results, path):
    """A point for each detection: precision over recall, of each class, at an overlap of 0.5."""
    figure = plots.figure(6.5, 5)
    axes = figure.subplots()
    boxes = [[{name: value.cpu() for name, value in one.items()} for one in each] for each in (results, data.targets)]
    for label, (precision, recall, _) in voc_precision_recall_curve(*boxes).items():
        name = data.classes[label] + (": none found" if not recall.any() else "")
        axes.plot(recall.tolist(), precision.tolist(), marker=".", markersize=3, linewidth=1, label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    figure.legend(loc="outside right center")
    plots.save(figure, path)


def with_boxes(image, result):
    """An image (3, k H, k W) with boxes, k times larger; a colour for each class."""
    times = max(2, 256 // image.shape[-1])
    large, boxes = image.repeat_interleave(times, 1).repeat_interleave(times, 2), result["boxes"]
    if not len(boxes):
        return large.expand(3, -1, -1)
    colours = [COLOURS[label % len(COLOURS) - 1] for label in result["labels"].tolist()]
    return draw_bounding_boxes(large, boxes * times, colors=colours, width=3)


def said(names):
    """All names, or of many how often the four come that come most often."""
    if len(names) < 5:
        return " ".join(names) or "nothing"
    counts = [f"{n}x {name}" for name, n in Counter(names).most_common()]
    return ", ".join(counts[:4] + ["..."] * (len(counts) > 4))


def sure(result):
    """The boxes with a score of at least 0.3, from left to right."""
    order = result["boxes"][:, 0].argsort()
    return {name: value[order][result["scores"][order] >= 0.3].cpu() for name, value in result.items()}
