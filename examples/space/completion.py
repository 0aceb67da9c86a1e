"""Shape completion: from the side of a solid that a scanner saw to the whole volume, by a 3-D encoder-decoder.

Dai, Qi and Niessner, 2017. A scanner stands on one side: of each row of voxels it sees the first filled one, and
nothing behind. The network says of every voxel whether it belongs to the solid. To beat are what was seen itself, and
all that lies behind it, as deep as solids are on average.

    python examples/space/completion.py --plot plots
    python examples/space/completion.py --side 24 --solids 4000
"""
import drawing
import learning

import minidl
from minidl.cli.classification import finish
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.models import space


def add_options(parser):
    learning.add_solids(parser, side=16)
    parser.set_defaults(noise=0.0, rotation="all")


def scanned(volumes):
    """What is seen of volumes (N, 1, D, H, W) from the far end of the axis D: the last filled voxel of each row."""
    return volumes * (volumes.flip(2).cumsum(2).flip(2) == 1)


def overlap(said, truth):
    """The mean over solids of the intersection over the union."""
    both, either = ((op(said > 0, truth > 0)).flatten(1).sum(1) for op in (minidl.logical_and, minidl.logical_or))
    return (both / either.clamp(min=1)).mean().item()


def behind(seen, depth):
    """What was seen, and all behind it, `depth` voxels in all."""
    filled = seen.flip(2).cumsum(2)
    return (filled - F.pad(filled, (0, 0, 0, 0, depth, 0))[:, :, :args.side]).flip(2)


def objective(net, seen, truth):
    return F.binary_cross_entropy_with_logits(net(seen), truth), {}


def tested():
    return {"test IoU": overlap(learning.scores_of(args, net, seen), truth)}


def report():
    depths = {depth: overlap(behind(seen, depth), truth) for depth in range(1, args.side)}
    best = max(depths, key=depths.get)
    print("what                         mean IoU of test solids")
    print(f"what was seen                {depths[1]:8.3f}")
    print(f"{best:2} voxels behind it, too     {depths[best]:8.3f}")
    print(f"the network                  {tested()['test IoU']:8.3f}")


defaults = {"solids": {"epochs": 4, "batch_size": 16, "lr": 5e-3}}
args = learning.parse(__doc__, defaults, add_options, count=500, test=200)
(volumes, _), (truth, _) = learning.solids(args, "voxels")
seen = scanned(truth)
net = space.VoxelUNet(width=8)
history, interrupted = learning.fit(args, net, (scanned(volumes), volumes), tested, objective)


def completed(path):
    """Solids from behind, where the scanner saw nothing: what was seen, what is completed, the truth."""
    picture, grid = drawing.panels(3, 5, "five solids, seen from the side that the scanner did not see")
    said = (learning.scores_of(args, net, seen[:5]) > 0).float()
    for row, name, color, shown in zip(grid, ("seen", "completed", "truth"), ("#9fc5e8", "#f9cb9c", "#b6d7a8"),
                                       (seen, said, truth)):
        for axes, volume in zip(row, shown):
            drawing.voxels(axes, volume[0].numpy() > 0, color, name)
    plots.save(picture, path)


finish(args, history, interrupted, report, {"completed": completed})
