"""3-D semantic segmentation: what is each voxel of a scanned room?

As in ScanNet (Dai et al., 2017), a scanner tells which voxels of a room are filled, and misses some. A U-Net with one
more axis says of each filled one what it belongs to. To beat: the class that is the most frequent one at that height.
Rooms are furnished at random, when the program starts.

    python examples/space/rooms.py --plot plots
    python examples/space/rooms.py --rooms 2000 --missed 0.4
"""
import drawing
import learning
import numpy as np

import minidl
from minidl.cli import arguments
from minidl.cli.classification import finish
from minidl.metrics.functional import jaccard_index
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.models import space

SIZE = (20, 20, 12)         # height last
COLORS = {"floor": "#d9d2c5", "wall": "#c9daf8", "table": "#e69138", "chair": "#cc4125", "shelf": "#6aa84f",
          "bed": "#8e7cc3", "lamp": "#f1c232"}
CLASSES = list(COLORS)
EMPTY = len(CLASSES)        # not to be told


def furniture(kind, rng):
    """Which voxels of its own box (width, depth, height) a piece of furniture fills, turned by quarters at random."""
    if kind == "table":
        width, depth, top = rng.integers((5, 4, 4), (8, 6, 6))
        filled = np.zeros((width, depth, top), bool)
        filled[:, :, -1] = filled[::width - 1, ::depth - 1] = True
    elif kind == "chair":
        filled = np.zeros((3, 3, rng.integers(6, 8)), bool)
        filled[:, :, 2] = filled[::2, ::2, :2] = filled[0] = True
    elif kind == "shelf":
        filled = np.ones((2, rng.integers(4, 7), rng.integers(7, 10)), bool)
        filled[0, 1:-1, 2::3] = False
    elif kind == "bed":
        filled = np.ones((4, rng.integers(6, 8), 4), bool)
        filled[:, 1:, 3] = False
    else:
        filled = np.zeros((3, 3, rng.integers(7, 10)), bool)
        filled[1, 1] = filled[:, :, -2:] = True
    return np.rot90(filled, rng.integers(4))


def room(rng):
    """The class of each voxel; EMPTY where nothing is."""
    classes = np.full(SIZE, EMPTY)
    classes[:, :, 0] = CLASSES.index("floor")
    classes[-1, :, 1:] = classes[:, -1, 1:] = CLASSES.index("wall")
    for kind in rng.choice(CLASSES[2:], 8):
        filled = furniture(str(kind), rng)
        x, y = rng.integers(0, [SIZE[0] - filled.shape[0], SIZE[1] - filled.shape[1]])
        place = classes[x:x + filled.shape[0], y:y + filled.shape[1], 1:1 + filled.shape[2]]
        if (place == EMPTY).all():
            place[filled] = CLASSES.index(kind)
    return classes


def made(count, seed):
    """What the scanner says (N, 1, *SIZE), and the classes of what it saw (N, *SIZE)."""
    rng = np.random.default_rng(seed)
    classes = np.stack([room(rng) for _ in range(count)])
    classes[rng.random(classes.shape) < args.missed] = EMPTY
    return minidl.tensor((classes != EMPTY)[:, None].astype(np.float32)), minidl.tensor(classes)


def add_options(parser):
    parser.add_argument("--missed", type=arguments.number_between(0, 0.9), default=0.2, metavar="X",
                        help="the share of voxels that the scanner does not see (default: 0.2)")


def figures(said):
    """The share of filled voxels that are right, and the overlap of each class."""
    right = (said == y)[y != EMPTY].float().mean().item()
    overlaps = jaccard_index(said, y, task="multiclass", num_classes=len(CLASSES), average="none", ignore_index=EMPTY)
    return right, overlaps


def found():
    return learning.scores_of(args, net, x, 20).argmax(1)


def tested():
    right, overlaps = figures(found())
    return {"test accuracy": right, "test IoU": overlaps.mean().item()}


def report():
    counts = minidl.stack([(train_data[1] == kind).sum((0, 1, 2)) for kind in range(len(CLASSES))])      # (C, height)
    rows = {"by height": figures(counts.argmax(0).expand_as(y)), "3-D U-Net": figures(found())}
    print("             right voxels  mean IoU  " + "  ".join(f"{name:>5}" for name in CLASSES))
    for name, (right, overlaps) in rows.items():
        print(f"{name:11}  {right:12.2%}  {overlaps.mean().item():8.3f}  "
              + "  ".join(f"{value:5.2f}" for value in overlaps.tolist()))


args = learning.parse(__doc__, {"rooms": {"epochs": 8, "batch_size": 4, "lr": 1e-2}}, add_options, count=160, test=40)
train_data, (x, y) = made(args.count, 2 * args.seed), made(args.test, 2 * args.seed + 1)
net = space.VoxelUNet(len(CLASSES), width=8)
history, interrupted = learning.fit(
    args, net, train_data, tested, lambda net, x, y: (F.cross_entropy(net(x), y, ignore_index=EMPTY), {}))


def scanned(path):
    """A room: what the scanner saw, what the network says of it, and the truth."""
    picture, grid = drawing.panels(1, 3, "what belongs to what?", width=4.2)
    names = np.array([*COLORS.values(), "w"])
    said = learning.scores_of(args, net, x[:1]).argmax(1)[0].numpy()
    for axes, title, colors in zip(grid[0], ("scanned", "network", "truth"), ("0.8", names[said], names[y[0].numpy()])):
        drawing.voxels(axes, x[0, 0].numpy() > 0, colors, title, turn=220, zoom=1.1)
    drawing.key(picture, COLORS)
    plots.save(picture, path)


finish(args, history, interrupted, report, {"scanned": scanned})
