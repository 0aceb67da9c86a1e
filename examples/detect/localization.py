"""Classification and localization: one object, of which a network says what it is, and in four numbers where.

Two heads on one trunk, two losses: cross-entropy of the class, and the distance of the box's centre, width and height
from the true ones (Sermanet and others, OverFeat, 2013). An answer is right by ImageNet's rule if the class is, and the
box overlaps the true one by half. As there is one object, nothing is proposed, and nothing is suppressed.

    python examples/detect/localization.py --plot plots
    python examples/detect/localization.py --compiled --save localization.minidl
    python examples/detect/localization.py --weights localization.minidl --evaluate
"""
import numpy as np

import minidl
from minidl import nn, optim
from minidl.cli import arguments, training
from minidl.cli.classification import finish, in_batches, load_weights, save
from minidl.nn import functional as F
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.utils.data import DataLoader, TensorDataset
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.ops import box_convert, box_iou
from minidl.vision.utils import draw_bounding_boxes

DEFAULTS = {"shapes": {"epochs": 20, "batch_size": 16, "lr": 3e-3}}
SIDE = 64                   # pixels
BOX_WEIGHT = 20.0           # of the box's loss, which is a small fraction of the image's side


class Localizer(nn.Module):
    """Images (N, 3, 64, 64) -> scores (N, classes), and x, y of the centre, width and height (N, 4), 0 to 1."""

    def __init__(self, classes):
        super().__init__()
        layers, channels = [], 3
        for width in (16, 32, 64, 64):
            layers += [nn.Conv2d(channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 4 * 4, 128), nn.ReLU())
        self.classes, self.box = nn.Linear(128, classes), nn.Linear(128, 4)

    def forward(self, x):
        x = self.trunk(x)
        return self.classes(x), self.box(x).sigmoid()


def scenes(number, seed):
    """Images (N, 3, 64, 64) from 0 to 1, labels from 0 (N,), boxes (N, 4) as shares of the side."""
    data = SyntheticShapes(number, SIDE, shapes=(1, 1), radius=(0.12, 0.35), seed=seed)
    images, targets = zip(*(data[i] for i in range(number)))
    x = minidl.tensor(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2).float() / 255
    return (x, minidl.cat([target["labels"] for target in targets]) - 1,
            box_convert(minidl.cat([target["boxes"] for target in targets]) / SIDE, "xyxy", "cxcywh"))


def objective(model, x, labels, boxes):
    scores, found = model(x)
    return F.cross_entropy(scores, labels) + BOX_WEIGHT * F.smooth_l1_loss(found, boxes, beta=0.1), {}


def answers():
    """The classes (N,), and corners of the boxes (N, 4), in pixels, that the model gives for the test scenes."""
    out = evaluated(model, lambda: in_batches(lambda part: minidl.cat(model(part.to(args.device)), 1), test[0])).cpu()
    return out[:, :-4].argmax(1), corners(out[:, -4:])


def corners(boxes):
    return box_convert(boxes, "cxcywh", "xyxy") * SIDE


def figures():
    classes, boxes = answers()
    overlaps = box_iou(boxes, corners(test[2])).diagonal()
    right = classes == test[1]
    return {"class": right.float().mean().item(), "mean IoU": overlaps.mean().item(),
            "class and box": (right & (overlaps >= 0.5)).float().mean().item()}


args = arguments.parse(__doc__, DEFAULTS, extra=lambda parser: parser.add_argument(
    "--images", type=arguments.whole_number(1), default=2000, metavar="N", help="scenes to learn from"))
kinds = SyntheticShapes.classes[1:]
test = scenes(min(500, args.images), seed=1)
model = Localizer(len(kinds)).to(args.device)
print(f"shapes: one in each of {len(test[0]):,} scenes of {SIDE}x{SIDE} to look at; "
      f"{sum(p.numel() for p in model.parameters()):,} parameters")
if args.weights:
    load_weights(model, args.weights, args.device)
history, interrupted = [], False
if not args.evaluate:
    batches = DataLoader(TensorDataset(*(part.to(args.device) for part in scenes(args.images, seed=0))),
                         args.batch_size, shuffle=True)
    optimizer = optim.AdamW(model.parameters(), lr=args.lr)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
    history, interrupted = training.fit(args, model, batches, objective, optimizer, args.epochs, schedule=schedule,
                                        evaluate=figures)
if args.save:
    save(model, args.save)


def report():
    said = figures()
    print(f"the class is right in {said['class']:.1%}, the box overlaps by {said['mean IoU']:.3f} on average; "
          f"both are right in {said['class and box']:.1%}")


def found(path, number=16):
    """Test scenes with the true box in white, and what is found in yellow."""
    classes, boxes = answers()
    shown = [draw_bounding_boxes(image.repeat_interleave(4, 1).repeat_interleave(4, 2),
                                 4 * minidl.stack([corners(right), box]), colors=["white", "yellow"], width=3)
             for image, right, box in zip(test[0][:number], test[2], boxes)]
    plots.images(minidl.stack(shown), path, [kinds[label] for label in classes[:number].tolist()],
                 "one object: the true box in white, the one that is found in yellow")


finish(args, history, interrupted, report, {"found": found})
