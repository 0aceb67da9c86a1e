"""What a solid can be given as: a signed distance, voxels, points, pictures.

The distance to the surface, below 0 inside, says everything; the rest is made of it. Voxels are the coarsest form: the
table says how far their count is from the volume in closed form.

    python examples/space/volumes.py --plot plots
"""
import argparse
import math
from pathlib import Path

import drawing
import numpy as np

import minidl
from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.rendering import SOLIDS
from minidl.train import plots
from minidl.vision.datasets.beyond_torchvision.solids import rays_around, shaded, surface, voxels

VOLUMES = {"sphere": 4 / 3 * math.pi * 0.8 ** 3, "cube": 1.14 ** 3, "cylinder": math.pi * 0.55 ** 2 * 1.5,
           "cone": math.pi * 0.7 ** 2 * 1.6 / 3, "torus": 2 * math.pi ** 2 * 0.68 * 0.3 ** 2,
           "pyramid": 1.2 ** 2 * 1.4 / 3, "tetrahedron": 8 / 9 / math.sqrt(3), "octahedron": 4 / 3,
           "capsule": math.pi * 0.42 ** 2 * (1.1 + 4 / 3 * 0.42), "hemisphere": 2 / 3 * math.pi * 0.9 ** 3}
SIDES = (8, 16, 32, 64)


def in_space(picture, axes):
    """Three axes in the place of two."""
    place = axes.get_subplotspec()
    axes.remove()
    return picture.add_subplot(place, projection="3d")


def forms(path):
    """Each solid in a column: the distance in the plane through its axis, voxels, points, a picture."""
    picture = plots.figure(16, 6.6)
    grid = picture.subplots(4, len(SOLIDS))
    x = minidl.linspace(-1.2, 1.2, 60)
    slice_ = minidl.stack([x.expand(60, 60), minidl.zeros(60, 60), -x[:, None].expand(60, 60)], -1)
    view = [part[5 * 48 * 48:6 * 48 * 48] for part in rays_around(8, 48)]
    for column, (name, distance) in enumerate(SOLIDS.items()):
        far = distance(slice_).numpy()
        grid[0, column].imshow(far, cmap="RdBu", vmin=-1, vmax=1, extent=(-1.2, 1.2, -1.2, 1.2))
        grid[0, column].contour(far[::-1], levels=[0], colors="black", linewidths=1, extent=(-1.2, 1.2, -1.2, 1.2))
        grid[0, column].set_title(name, fontsize=9)
        drawing.voxels(in_space(picture, grid[1, column]), voxels(distance, 12).numpy(), "#9fc5e8")
        cloud = surface(distance, 400, np.random.default_rng(0)).T.numpy()
        drawing.points(in_space(picture, grid[2, column]), cloud, "C0", sizes=2)
        grid[3, column].imshow(shaded(distance, *view).reshape(48, 48).numpy(), cmap="gray", vmin=0, vmax=1)
    for axes in picture.axes:
        axes.set_axis_off()
    picture.suptitle("signed distance (blue outside, red inside), voxels, points, a picture")
    plots.save(picture, path)


ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the ten solids in all forms into DIR")
parser.set_defaults(device="cpu", seed=0)
args = arguments.prepared(parser.parse_args())
print("volume        exact  " + "  ".join(f"{side:>3}^3 voxels" for side in SIDES))
for name, exact in VOLUMES.items():
    counted = [voxels(SOLIDS[name], side).sum().item() * (2 / side) ** 3 for side in SIDES]
    print(f"{name:11}  {exact:6.3f}  " + "  ".join(f"{value:12.3f}" for value in counted))
if args.plot:
    draw(args.plot, {"forms": forms})
