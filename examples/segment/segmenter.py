"""One run of a network that finds a class for each pixel: what the examples here share."""
import math

import drawing
from scenes import SIZES, Batches, Scenes, normalised

import minidl
from minidl import optim
from minidl.cli import arguments, ending, training
from minidl.cli.classification import finish, in_batches, load_weights, save
from minidl.metrics.functional import jaccard_index
from minidl.nn import functional as F
from minidl.train.objective import evaluated


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
        finish(args, history, interrupted, lambda: [self.say(*each) for each in found.items()],
               {"found": lambda path: drawing.found(self.test_data, found, path)})

    def say(self, name, found):
        """Print the figures of all classes, and of each."""
        overlaps = self.overlaps(found)
        dice = (2 * overlaps / (1 + overlaps)).nanmean().item()
        print(f"{name}: mean IoU {overlaps.nanmean().item():.3f}, mean Dice {dice:.3f}, pixel accuracy "
              f"{self.accuracy(found):.2%} on {len(found)} images")
        print("IoU: " + ", ".join(f"{kind} {'does not occur' if math.isnan(overlap) else f'{overlap:.3f}'}"
                                  for kind, overlap in zip(self.test_data.classes, overlaps.tolist())))
