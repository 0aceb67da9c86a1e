"""Tasks with free labels: an image says itself how it was turned, how its tiles lay, which colours it had.

Nobody needs to solve these tasks; but who can has learned what things look like. With `--task rotation` images are
turned by 0, 90, 180 or 270 degrees (Gidaris, Singh and Komodakis, 2018). With `--task jigsaw` the tiles of an image
are shuffled in one of 24 orders (Noroozi and Favaro, 2016). With `--task colour` an image is coloured from its greys
(Zhang, Isola and Efros, 2016; here by least squares, which makes pale colours: the mean of what might be).

    python examples/free_labels/pretext.py
    python examples/free_labels/pretext.py --task jigsaw
    python examples/free_labels/pretext.py --task colour --dataset shapes
    python examples/free_labels/pretext.py --dataset cifar10 --data DIR --compiled --run runs/turned --plot plots
"""
import probe
from encoder import Encoder

import minidl
from minidl import nn
from minidl.cli import arguments, ending, images
from minidl.cli.classification import accuracy
from minidl.nn import functional as F
from minidl.self_supervised import rotated, shuffled, tile_orders
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.vision.transforms import batched

DEFAULTS = {
    "digits": {"epochs": 15, "batch_size": 64, "lr": 3e-3},
    "shapes": {"epochs": 15, "batch_size": 64, "lr": 3e-3},
    "mnist": {"epochs": 2, "batch_size": 128, "lr": 3e-3},
    "cifar10": {"epochs": 6, "batch_size": 128, "lr": 3e-3},
    "tinyplaces": {"epochs": 20, "batch_size": 128, "lr": 3e-3},
}
SIDE = 2                # tiles of a jigsaw along each side
GREY = (0.299, 0.587, 0.114)


def add_options(parser):
    probe.add_images(parser)
    parser.add_argument("--task", choices=["rotation", "jigsaw", "colour"], default="rotation")
    parser.add_argument("--width", type=arguments.whole_number(1), default=24, metavar="N",
                        help="channels of the encoder's first layer (default: 24)")


class Solver(nn.Module):
    """An encoder, and a layer that only the task needs: scores of an answer, or colours for all pixels."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(data.channels, data.size, args.width)
        if args.task == "colour":       # every pixel sees all maps above it (hypercolumns: Larsson et al., 2016)
            self.head = nn.Conv2d(2 * self.encoder.width - args.width, data.channels, 1)
        else:
            self.head = nn.Linear(self.encoder.width, 4 if args.task == "rotation" else len(orders))

    def forward(self, x):
        if args.task != "colour":
            return self.head(self.encoder(x))
        maps = [F.interpolate(part, size=x.shape[2:], mode="bilinear") for part in self.encoder.maps(x)]
        return x + self.head(minidl.cat(maps, 1))


class Greyed(nn.Module):
    """The encoder as it has learned to colour: it sees greys."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return self.encoder(greyed(x))


def greyed(x):
    """The greys of normalised colours, in three equal channels."""
    grey = ((x * data.std + data.mean) * minidl.tensor(GREY).to(x.device)[:, None, None]).sum(1, keepdim=True)
    return (grey - data.mean) / data.std


def task(x):
    """What the network is given, and what it shall say."""
    if args.task == "rotation":
        return rotated(x)
    if args.task == "colour":
        return greyed(x), x
    answers = minidl.randint(len(orders), (len(x),)).to(x.device)
    return shuffled(x, orders.to(x.device)[answers], SIDE), answers


def objective(model, x, labels):
    given, wanted = task(x)
    said = model(given)
    if args.task == "colour":
        return F.mse_loss(said, wanted), {}
    return F.cross_entropy(said, wanted), {"solved": accuracy(said, wanted)}


def solved(path):
    """Test images as the network gets them, and what it makes of them."""
    x = data.normalise(data.test.x[:10])
    given, wanted = task(x)
    said = evaluated(model, lambda: model(given))
    if args.task == "colour":
        rows, titles = [given, said, wanted], []
        caption = "greys; as the network colours them; as they were"
    else:
        places = minidl.arange(10)
        if args.task == "rotation":         # the four directions in turn
            places = places + 10 * (places % 4)
        right = said.argmax(1)[places] == wanted[places]
        rows, titles = [x, given[places]], [""] * 10 + ["solved" if ok else "WRONG" for ok in right.tolist()]
        caption = f"test images, and as the network gets them: solved is the {args.task} that it finds"
    pixels = minidl.cat([row * data.std + data.mean for row in rows]).clamp(0, 1)
    plots.images(pixels, path, titles, caption, columns=10)


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = probe.load(args)
if args.task == "colour" and data.channels == 1:
    ending.stop(f"--task colour: the images of {args.dataset} are grey; try --dataset shapes")
orders = tile_orders(SIDE ** 2, 24)
model = Solver().to(args.device)
probe.learn(args, data, model, images.Batches(data, args.batch_size, batched.RandomShift(data.size // 8)), objective,
            {args.task: solved}, encoder=Greyed(model.encoder) if args.task == "colour" else None)
