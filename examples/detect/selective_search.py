"""Selective search: boxes that may hold an object, from segments that are merged step by step. Nothing is learned.

Uijlings, van de Sande, Gevers and Smeulders, 2013. The figure is the recall: the share of digits that one of the first
so many boxes overlaps with by half.

    python examples/detect/selective_search.py
    python examples/detect/selective_search.py --dataset mnist --data DIR --plot plots
"""
import time

import regions
from canvases import Canvases

import minidl
from minidl.cli import arguments
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.vision.ops import box_iou
from minidl.vision.proposals import graph_segmentation, objectness
from minidl.vision.utils import draw_bounding_boxes


def add_options(parser):
    parser.add_argument("--images", type=arguments.whole_number(2), default=200, metavar="N",
                        help="canvases, of which half are looked at (default: 200)")


def picture(data, found, path):
    """Segments of the first canvases, and the boxes that fit the digits best."""
    shown, titles = [], []
    for image, target, boxes in list(zip(data.x, data.targets, found))[:6]:
        segments = graph_segmentation(image, scale=0.1, sigma=0.5, min_size=8)
        overlaps = box_iou(target["boxes"], boxes).max(1)
        large = image.expand(3, -1, -1).repeat_interleave(4, 1).repeat_interleave(4, 2)
        hues = segments.float() * 0.618 % 1                     # neighbours get shades that differ
        shown += [hues.expand(3, -1, -1).repeat_interleave(4, 1).repeat_interleave(4, 2),
                  draw_bounding_boxes(large, boxes[overlaps.indices] * 4, colors="yellow", width=3)]
        titles += [f"{int(segments.max()) + 1} segments",
                   f"{len(boxes)} boxes, IoU " + " ".join(f"{value:.2f}" for value in overlaps.values.tolist())]
    plots.images(minidl.stack(shown), path, titles, "segments at the start, and the box that fits each digit best", 4)


args = arguments.parse(__doc__, {"digits": {}, "mnist": {}}, extra=add_options)
data = Canvases(args, "test")
start = time.perf_counter()
found = [regions.proposals(image) for image in data.x.cpu()]
seconds = time.perf_counter() - start
print(f"{len(data.x)} canvases of {data.size[1]}x{data.size[0]}: {sum(map(len, found)) / len(found):.0f} boxes each, "
      f"in {1000 * seconds / len(found):.1f} ms")
print("boxes  recall  recall of the best by objectness")
ranked = []
for image, boxes in zip(data.x.cpu(), found):
    scores = objectness(graph_segmentation(image, scale=0.1, sigma=0.5, min_size=8), boxes)
    ranked.append(boxes[scores.argsort(descending=True, stable=True)])
for count in (5, 10, 20, 50, 100, 200):
    recalls = [minidl.cat([box_iou(target["boxes"].cpu(), boxes[:count]).amax(1) >= 0.5
                           for target, boxes in zip(data.targets, some)]).float().mean().item()
               for some in (found, ranked)]
    print(f"{count:5}  {recalls[0]:6.3f}  {recalls[1]:6.3f}")
if args.plot:
    draw(args.plot, {"boxes": lambda path: picture(data, found, path)})
