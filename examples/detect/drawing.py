"""What a detector has found, drawn."""
import minidl
from minidl.train import plots
from minidl.vision.utils import draw_bounding_boxes


def found(images, results, path):
    """Draw images (N, 1, H, W) with the boxes that the detector is sure of, and the digits above them."""
    shown = minidl.stack([with_boxes(*pair) for pair in zip(images, results)])
    titles = [" ".join(str(label - 1) for label in sure(one)["labels"].tolist()) for one in results[:len(images)]]
    plots.images(shown, path, titles, "what is found on test canvases, from left to right", columns=6)


def with_boxes(image, result):
    """An image (3, 4 H, 4 W) with boxes."""
    large, boxes = image.repeat_interleave(4, 1).repeat_interleave(4, 2), sure(result)["boxes"]
    return draw_bounding_boxes(large, boxes * 4, colors="yellow", width=3) if len(boxes) else large.expand(3, -1, -1)


def sure(result):
    """The boxes with a score of at least 0.3, from left to right."""
    order = result["boxes"][:, 0].argsort()
    return {name: value[order][result["scores"][order] >= 0.3].cpu() for name, value in result.items()}
