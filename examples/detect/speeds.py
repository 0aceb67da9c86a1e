"""R-CNN, Fast R-CNN and Faster R-CNN side by side: how long each takes to find what is on an image.

The time of selective search and that of the network are apart; Faster R-CNN has no selective search. Weights are
random: they change how many boxes are found, and so the last few percent of the time.

    python examples/detect/speeds.py
    python examples/detect/speeds.py --dataset mnist --data DIR --plot plots
"""
import time

import fast_rcnn
import faster_rcnn
import rcnn
import regions

import minidl
from minidl.cli import arguments
from minidl.cli.classification import draw
from minidl.train import plots


def add_options(parser):
    parser.add_argument("--images", type=arguments.whole_number(2), default=100, metavar="N",
                        help="canvases, of which half are looked at (default: 100)")


@minidl.no_grad()
def seconds_of(net, images):
    """Per image, one at a time; the first one is not counted."""
    net.eval()(images[:1])
    start = time.perf_counter()
    for image in images:
        net([image])
    return (time.perf_counter() - start) / len(images)


def bars(rows, path):
    """Both times of each network, one behind the other."""
    figure = plots.figure(7, 3)
    axes = figure.subplots()
    names, proposing, looking = zip(*rows)
    axes.barh(names, [1000 * each for each in proposing], color="lightgray", label="selective search")
    axes.barh(names, [1000 * each for each in looking], left=[1000 * each for each in proposing], label="network")
    axes.set_xlabel("milliseconds an image")
    axes.invert_yaxis()
    axes.legend()
    plots.save(figure, path)


args = arguments.parse(__doc__, {"digits": {}, "mnist": {}}, extra=add_options)
data = regions.Proposed(args, "test")
proposed = [data.image(i) for i in range(len(data.x))]
rows = []
print("             selective search  network  ms an image")
for name, module, images, proposing in (("R-CNN", rcnn, proposed, data.seconds), ("Fast R-CNN", fast_rcnn, proposed,
                                        data.seconds), ("Faster R-CNN", faster_rcnn, list(data.x), 0.0)):
    rows.append((name, proposing, seconds_of(module.build(data).to(args.device), images)))
    print(f"{name:12} {1000 * proposing:17.1f} {1000 * rows[-1][2]:8.1f}")
if args.plot:
    draw(args.plot, {"bars": lambda path: bars(rows, path)})
