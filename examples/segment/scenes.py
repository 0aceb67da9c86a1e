"""Images with a class for each pixel, and one run of a network that finds it: what the examples here share."""
from __future__ import annotations

import math
import sys

import drawing
import numpy as np

import minidl
from minidl import optim
from minidl.cli import arguments, ending, training
from minidl.cli.classification import draw, in_batches, load_weights, save
from minidl.metrics.functional import jaccard_index
from minidl.nn import functional as F
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.vision import tv_tensors
from minidl.vision.datasets import CamVid, SyntheticShapes
from minidl.vision.transforms import v2

SIZES = {"shapes": (64, 64), "camvid": (180, 240)}      # rows and columns of all images


def parse(description, defaults, extra=lambda parser: None):
    def add_options(parser):
        parser.add_argument("--images", type=arguments.whole_number(1), default=1500, metavar="N",
                            help="scenes of shapes to learn from (default: %(default)s)")
        parser.add_argument("--split", choices=["train", "val", "test"], default="val",
                            help="of CamVid, to look at (default: val)")
        extra(parser)
    args = arguments.parse(description, defaults, extra=add_options)
    if args.evaluate not in (None, "test"):
        ending.stop("--evaluate: --data DIR and --split say what to look at; leave its value out")
    return args


class Scenes:
    """Images (N, 3, H, W) and masks (N, H, W) of uint8, whose pixels are numbers of `classes`; one more has no class.

    part: of CamVid, "train", "val" or "test"; scenes of shapes are drawn anew for each.
    """

    def __init__(self, args, part):
        size = SIZES[args.dataset]
        try:
            if args.dataset == "camvid":
                data = CamVid(args.data, part)
                self.classes = data.classes[:data.ignore_index]
            else:
                number, seed = (args.images, 0) if part == "train" else (min(300, args.images), 1)
                data = SyntheticShapes(number, size[0], seed=seed, target_transform=classes_of_shapes)
                self.classes = ["background", *data.classes[1:]]
            pairs = [(sized(image, size), sized(mask, size, nearest=True)) for image, mask in data]
        except (RuntimeError, ValueError, OSError) as error:
            ending.stop(f"{str(error).rstrip('.')}; --data DIR names another folder")
        self.x = minidl.tensor(np.stack([image for image, _ in pairs])).permute(0, 3, 1, 2).contiguous()
        self.y = minidl.tensor(np.stack([mask for _, mask in pairs]))

    def weights(self):
        """Of each class in the loss: of two, the one with an eighth of the pixels counts twice as much."""
        counts = self.y.flatten().long().bincount(minlength=len(self.classes))[:len(self.classes)].float()
        weights = counts.clamp(min=1) ** (-1 / 3) * (counts > 0)
        return weights * ((counts > 0).sum() / weights.sum())


def classes_of_shapes(target):
    """The number of the kind that each pixel shows, 0 for the background."""
    return (target["masks"] * target["labels"][:, None, None]).sum(0).byte().numpy()


def sized(image, size, nearest=False):
    """An image or a mask as an array of (rows, columns) pixels."""
    image = v2.functional.to_pil_image(image) if isinstance(image, np.ndarray) else image
    return np.asarray(image.resize(size[::-1], 0 if nearest else 2))


def normalised(x, device):
    return (x.to(device).float() / 255 - 0.45) / 0.25


class Batches:
    """Images and masks in a new order each time; each image is cut, mirrored and lit anew."""

    def __init__(self, data, args):
        self.data, self.size, self.device = data, args.batch_size, args.device
        rows, columns = SIZES[args.dataset]
        cut = (v2.RandomResizedCrop((rows * 4 // 5, columns * 4 // 5), scale=(0.3, 1), ratio=(1.1, 1.6))
               if args.dataset == "camvid" else v2.Identity())
        self.augment = v2.Compose([cut, v2.RandomHorizontalFlip(), v2.ColorJitter(0.3, 0.3, 0.3)])

    def __len__(self):
        return -(-len(self.data.x) // self.size)

    def __iter__(self):
        for numbers in minidl.randperm(len(self.data.x)).split(self.size):
            pairs = [self.augment(tv_tensors.Image(self.data.x[i]), tv_tensors.Mask(self.data.y[i]))
                     for i in numbers.tolist()]
            x, y = (minidl.stack([part.as_subclass(minidl.Tensor) for part in parts]) for parts in zip(*pairs))
            yield normalised(x, self.device), y.to(self.device).long()


class Run:
    """Trains a network that scores each pixel, as the options say, and shows what it finds.

    outputs: names of the scores that the network returns; the losses of all are added.
    """

    def __init__(self, args, net, test_data, outputs):
        self.args, self.net, self.test_data, self.outputs = args, net.to(args.device), test_data, outputs
        sizes = "x".join(map(str, reversed(SIZES[args.dataset])))
        print(f"{args.dataset}: {len(test_data.x):,} images of {sizes} to look at; {', '.join(outputs)}: "
              f"{sum(p.numel() for p in net.parameters()):,} parameters")
        if args.weights:
            load_weights(net, args.weights, args.device)

    def train(self):
        """Returns figures of each epoch, and whether Ctrl-C came."""
        args, data = self.args, Scenes(self.args, "train")
        batches, weights = Batches(data, args), data.weights().to(args.device)
        print(f"{len(data.x):,} images to train on")

        def loss(net, images, masks):
            return sum(F.cross_entropy(scores, masks, weights, ignore_index=len(weights))
                       for scores in net(images).values()), {}
        optimizer = optim.AdamW(self.net.parameters(), lr=args.lr, weight_decay=1e-2)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
        return training.fit(args, self.net, batches, loss, optimizer, args.epochs, schedule=schedule, clip_norm=5.0,
                            evaluate=lambda: self.figures(self.found()))

    def found(self):
        """The class (N, H, W) with the highest score at each pixel, by each of the network's outputs."""
        def classes(x):
            scores = self.net(normalised(x, self.args.device)).values()
            return minidl.stack([each.argmax(1).byte().cpu() for each in scores], 1)
        return dict(zip(self.outputs, evaluated(self.net, lambda: in_batches(classes, self.test_data.x, 20)).unbind(1)))

    def overlaps(self, found):
        """Intersection over union of each class; nan for one that is neither there nor found."""
        classes = len(self.test_data.classes)
        return jaccard_index(found.long(), self.test_data.y.long(), task="multiclass", num_classes=classes,
                             average="none", ignore_index=classes, zero_division=math.nan)

    def accuracy(self, found):
        """The share of the pixels with a class that have got it."""
        known = self.test_data.y < len(self.test_data.classes)
        return (found == self.test_data.y)[known].float().mean().item()

    def figures(self, found):
        """Of an epoch."""
        overlaps = {name: self.overlaps(each).nanmean().item() for name, each in found.items()}
        last = self.outputs[-1]
        return {**{f"{name} mean IoU": overlap for name, overlap in overlaps.items()},
                f"{last} accuracy": self.accuracy(found[last])}

    def end(self):
        args = self.args
        history, interrupted = ([], False) if args.evaluate else self.train()
        if args.save:
            save(self.net, args.save)
        found = self.found()
        if interrupted:
            print(f"interrupted after {len(history)} of {args.epochs} epochs", file=sys.stderr)
        else:
            for name, each in found.items():
                self.say(name, each)
        if args.plot:
            curves = {"curves": lambda path: plots.curves(history, path)} if history else {}
            draw(args.plot, {**curves, "found": lambda path: drawing.found(self.test_data, found, path)})
        sys.exit(ending.CTRL_C if interrupted else 0)

    def say(self, name, found):
        """Print the figures of all classes, and of each."""
        overlaps = self.overlaps(found)
        dice = (2 * overlaps / (1 + overlaps)).nanmean().item()
        print(f"{name}: mean IoU {overlaps.nanmean().item():.3f}, mean Dice {dice:.3f}, pixel accuracy "
              f"{self.accuracy(found):.2%} on {len(found)} images")
        print("IoU: " + ", ".join(f"{kind} {'does not occur' if math.isnan(overlap) else f'{overlap:.3f}'}"
                                  for kind, overlap in zip(self.test_data.classes, overlaps.tolist())))
