"""Characters to learn from, and others to be tested on: of Omniglot's alphabets, or the digits below and above 5."""
from __future__ import annotations

import numpy as np
from PIL import Image

import minidl
from minidl.cli import ending, images
from minidl.nn import functional as F
from minidl.vision.datasets import Omniglot

SIZE = 28       # pixels a side of Omniglot's characters


def load(args):
    """Images (N, 1, S, S) of bytes and labels to learn from, and others of new classes.

    Each training image is there in four directions, which count as four characters.
    """
    if args.dataset == "digits":
        x, y = (minidl.cat(parts) for parts in zip(*(part[:2] for part in images.load(args)[:2])))
        x, y, test = x[y < 5], y[y < 5], (x[y >= 5], y[y >= 5])
    else:
        x, y, known = read(args, True if args.published else "small1")
        test = read(args, False if args.published else "small2", () if args.published else known)[:2]
    turned = minidl.cat([x.rot90(turns, (2, 3)) for turns in range(4)])
    return (turned, minidl.cat([y + turns * (int(y.max()) + 1) for turns in range(4)])), test


def read(args, part, without=()):
    """Omniglot's characters (N, 1, SIZE, SIZE), ink 255, their labels, and the names of the alphabets.

    without: alphabets to leave out; the two small parts have Greek and Latin in common.
    """
    try:
        found = Omniglot(args.data, part, download=args.download)
    except (RuntimeError, ValueError, OSError) as error:
        ending.no_data(error)
    alphabets = [name.split("/")[0] for name in found._characters]
    kept = [(image, label) for image, label in found if alphabets[label] not in without]
    x = np.stack([255 - np.asarray(image.convert("L").resize((SIZE, SIZE), Image.Resampling.BOX)) for image, _ in kept])
    return minidl.tensor(x[:, None]), minidl.tensor([label for _, label in kept]), set(alphabets)


def warped(x):
    """Images (N, 1, S, S), each a little turned, stretched, sheared and moved."""
    matrix = minidl.eye(2, 3) + minidl.randn(len(x), 2, 3) * minidl.tensor([0.1, 0.1, 0.05])
    return F.grid_sample(x, F.affine_grid(matrix, x.shape, align_corners=False), align_corners=False)
