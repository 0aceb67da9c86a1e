"""Normalized cuts: segments of an image by eigenvectors, without learning.

Pixels are the nodes of a graph; near ones of a like colour are tied firmly. A cut between A and B costs the ties that
it cuts, as a share of all ties of A, and of all of B: so it pays to part large pieces along weak ties, and not to break
off single pixels. The cheapest cut is NP-hard to find, but if pixels may take any number in place of a side, they are
the second eigenvector of D^-1/2 (D - W) D^-1/2. Pieces are cut again while that is cheap. Shi and Malik, 1997.

    python examples/graphs/normalized_cuts.py --plot plots
    python examples/graphs/normalized_cuts.py --side 40 --scene 5
"""
import argparse
from pathlib import Path

import numpy as np

import minidl
from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.vision.datasets import SyntheticShapes

COLOUR, PLACE, RADIUS = 0.15, 4.0, 5.0      # how unlike colours and how far places may be
DEAREST = 0.06                              # of cuts that are made
LEAST = 12                                  # pixels of a piece


def ties(image):
    """How firmly each pair of pixels is tied: W (n, n), for an image (side, side, 3) of 0..1."""
    side = len(image)
    colours = image.reshape(-1, 3)
    places = minidl.cartesian_prod(minidl.arange(side), minidl.arange(side)).float()
    apart = minidl.cdist(places, places)
    unlike = minidl.cdist(colours, colours)
    return (-(unlike / COLOUR).square() - (apart / PLACE).square()).exp() * (apart < RADIUS)


def eigenvectors(w):
    """The eigenvalues and vectors of the relaxed problem, cheapest first."""
    root = w.sum(1).rsqrt()
    values, vectors = minidl.linalg.eigh(minidl.eye(len(w)) - root[:, None] * w * root)
    return values, vectors * root[:, None]


def cost(w, side):
    """What it costs to part the pixels of `side` from the others: cut / ties of A + cut / ties of B."""
    cut = w[side][:, ~side].sum()
    return (cut / w[side].sum() + cut / w[~side].sum()).item()


def cut(w, pixels):
    """The pieces of a piece: itself, if even its cheapest cut is dear."""
    part = w[pixels][:, pixels]
    if len(pixels) < 2 * LEAST:
        return [pixels]
    vector = eigenvectors(part)[1][:, 1]
    between = np.quantile(vector.numpy(), np.linspace(0.02, 0.98, 40))
    sides = [vector > float(value) for value in between]
    costs = [cost(part, side) if LEAST <= side.sum() <= len(pixels) - LEAST else 2.0 for side in sides]
    if min(costs) > DEAREST:
        return [pixels]
    side = sides[int(np.argmin(costs))]
    print(f"{len(pixels):5} pixels: cut into {int(side.sum()):4} and {int((~side).sum()):4}, cost {min(costs):.4f}")
    return cut(w, pixels[side]) + cut(w, pixels[~side])


ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--side", type=arguments.whole_number(16), default=32, metavar="N", help="pixels (default: 32)")
parser.add_argument("--scene", type=arguments.whole_number(0, 99), default=3, metavar="N", help="which (default: 3)")
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw eigenvectors and segments into DIR")
parser.set_defaults(device="cpu")
args = arguments.prepared(parser.parse_args())

scenes = SyntheticShapes(100, args.side, shapes=(3, 4), radius=(0.15, 0.25), max_overlap=0.0, seed=args.seed)
picture, truth = scenes[args.scene]
image = minidl.tensor(np.asarray(picture)) / 255
w = ties(image)
segments = sorted(cut(w, minidl.arange(args.side ** 2)), key=len, reverse=True)
labels = minidl.zeros(args.side ** 2, dtype=minidl.int64)
for number, pixels in enumerate(segments):
    labels[pixels] = number
labels = labels.reshape(args.side, args.side)
print(f"{len(segments)} segments, and for each shape the one that overlaps it best:")
for kind, mask in zip(truth["labels"].tolist(), truth["masks"].bool()):
    overlaps = [((labels == i) & mask).sum() / ((labels == i) | mask).sum() for i in range(len(segments))]
    print(f"{SyntheticShapes.classes[kind]:8}  IoU {max(overlaps).item():.2f}")


def cuts(path):
    """The image, the eigenvectors that say where to cut, and the segments."""
    vectors = eigenvectors(w)[1][:, 1:7].T.reshape(6, args.side, args.side)
    figure = plots.figure(13, 2.2)
    axes = figure.subplots(1, 8)
    axes[0].imshow(image.numpy())
    axes[0].set_title("image", fontsize=9)
    for number, (place, vector) in enumerate(zip(axes[1:7], vectors.numpy()), 2):
        place.imshow(vector, cmap="RdBu")
        place.set_title(f"eigenvector {number}", fontsize=9)
    axes[7].imshow(labels.numpy(), cmap="tab20", interpolation="nearest")
    axes[7].set_title(f"{len(segments)} segments", fontsize=9)
    for place in axes:
        place.set_axis_off()
    plots.save(figure, path)


if args.plot:
    draw(args.plot, {"cuts": cuts})
