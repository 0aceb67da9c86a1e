"""VoxNet: a convolutional network with one more axis, which tells ten solids apart by their volumes.

Maturana and Scherer, 2015. With --subvolumes a second loss asks each of eight parts of the maps alone what the whole
is, a harder question that keeps the network from looking at one detail only (Qi et al., "Volumetric and Multi-View
CNNs for Object Classification on 3D Data", 2016). Their figures on ModelNet40 are printed beside those found here.

    python examples/space/voxnet.py --plot plots
    python examples/space/voxnet.py --subvolumes
    python examples/space/voxnet.py --rotation all --side 32 --epochs 20
"""
import learning

from minidl import nn
from minidl.cli.classification import finish
from minidl.metrics.functional import confusion_matrix
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets import SyntheticSolids
from minidl.vision.models import space

MODELNET40 = [      # accuracy in %, of networks trained on one orientation, and on several
    ("3D ShapeNets, end to end", 83.0, 87.8), ("VoxNet", 83.8, 85.9), ("3D-NIN", 86.1, 88.5),
    ("subvolume supervision", 87.2, 89.2), ("anisotropic probing", 84.4, 89.9)]


def add_options(parser):
    learning.add_solids(parser, side=20)
    parser.add_argument("--subvolumes", action="store_true", help="ask the parts, too")


class WithParts(nn.Module):
    """VoxNet, and a layer that says of each eighth of its maps what the whole is."""

    def __init__(self, net, classes):
        super().__init__()
        self.net = net
        self.part = nn.LazyLinear(classes)

    def forward(self, x):
        maps = self.net.features(x)                                     # (N, C, 3, 3, 3) of 20 voxels
        half = maps.shape[-1] // 2
        parts = maps[..., :2 * half, :2 * half, :2 * half].reshape(*maps.shape[:2], *[2, half] * 3)
        parts = parts.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(1, 3)          # (N, 8, C * half^3)
        return self.net.classifier(maps), self.part(parts)


def objective(model, x, y):
    scores, of_parts = model(x) if args.subvolumes else (model(x), None)
    loss = F.cross_entropy(scores, y)
    if of_parts is not None:
        loss = loss + F.cross_entropy(of_parts.flatten(0, 1), y.repeat_interleave(8))
    return loss, {"accuracy": learning.accuracy(scores.detach(), y)}


def tested():
    found["scores"] = learning.scores_of(args, net, test_x)
    return {"test accuracy": learning.accuracy(found["scores"], test_y)}


def report():
    print(f"test accuracy {tested()['test accuracy']:.2%}")
    print("on ModelNet40, as published (%)   one orientation   several")
    for name, one, several in MODELNET40:
        print(f"{name:32}  {one:15}   {several:7}")


args = learning.parse(__doc__, {"solids": {"epochs": 8, "batch_size": 32, "lr": 2e-3}}, add_options)
train_data, (test_x, test_y) = learning.solids(args, "voxels")
classes, found = SyntheticSolids.classes, {}
net = space.VoxNet(len(classes), side=args.side)
model = WithParts(net, len(classes)) if args.subvolumes else net
model(train_data[0][:2])        # the lazy layer learns its size
history, interrupted = learning.fit(args, model, train_data, tested, objective)


def confusion(path):
    counts = confusion_matrix(found["scores"].argmax(1), test_y, task="multiclass", num_classes=len(classes))
    plots.confusion_matrix(counts, classes, path)


finish(args, history, interrupted, report, {"confusion": confusion})
