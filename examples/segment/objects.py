"""Shapes as objects, and one run of a detector that outlines them: what mask_rcnn.py and keypoints.py share."""
from __future__ import annotations

import numpy as np

import minidl
from minidl import nn, optim
from minidl.cli import arguments, ending, training
from minidl.cli.classification import finish, load_weights, save
from minidl.train import plots
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.models.detection.anchor_utils import AnchorGenerator
from minidl.vision.ops import MultiScaleRoIAlign

SIZE = 64
KINDS = SyntheticShapes.classes


def parse(description, defaults, images=1500):
    def add_options(parser):
        parser.add_argument("--images", type=arguments.whole_number(1), default=images, metavar="N",
                            help="scenes to learn from (default: %(default)s)")
    args = arguments.parse(description, defaults, extra=add_options)
    if args.evaluate not in (None, "test"):
        ending.stop("--evaluate: only new scenes can be looked at; leave its value out")
    return args


class Objects:
    """Images (N, 3, H, W) from 0 to 1, and a dict for each of what a detector learns; label 0 is the background."""

    def __init__(self, args, train, prepare, scenes):
        number = args.images if train else min(200, args.images)
        data = SyntheticShapes(number, SIZE, shapes=(1, 3), radius=(0.12, 0.25), seed=0 if train else 1,
                               **scenes)
        samples = [data[i] for i in range(number)]
        pixels = np.stack([np.asarray(image, np.float32) for image, _ in samples])
        self.x = minidl.tensor(pixels).permute(0, 3, 1, 2).contiguous().to(args.device) / 255
        self.targets = [{name: value.to(args.device) for name, value in prepare(target).items()}
                        for _, target in samples]


class Batches:
    """Lists of as many images, and of their targets, in a new order each time."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def __len__(self):
        return -(-len(self.data.x) // self.size)

    def __iter__(self):
        for numbers in minidl.randperm(len(self.data.x)).split(self.size):
            yield list(self.data.x[numbers]), [self.data.targets[i] for i in numbers.tolist()]


def parts():
    """Arguments of a small Faster R-CNN, whose map has a pixel for 4x4 of the image."""
    layers, channels = [], 3
    for width, stride in ((16, 2), (32, 2), (64, 1), (64, 1)):
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    trunk = nn.Sequential(*layers)
    trunk.out_channels = channels
    return {"backbone": trunk, "min_size": SIZE, "max_size": SIZE, "image_mean": [0.4] * 3, "image_std": [0.25] * 3,
            "rpn_anchor_generator": AnchorGenerator(((14, 22, 32),), ((1.0,),)),
            "rpn_pre_nms_top_n_train": 200, "rpn_pre_nms_top_n_test": 100, "rpn_post_nms_top_n_train": 60,
            "rpn_post_nms_top_n_test": 30, "rpn_batch_size_per_image": 64, "box_batch_size_per_image": 32,
            "box_detections_per_img": 10, "box_roi_pool": pool(7)}


def pool(side):
    return MultiScaleRoIAlign(["0"], output_size=side, sampling_ratio=2)


class Run:
    """Trains a detector on scenes, as the options say, and shows what it finds.

    prepare: what the detector learns, of the annotations of a scene. figures: those of what was found. picture: an
    image with what was found in it. scenes: further arguments of SyntheticShapes.
    """

    def __init__(self, args, net, prepare, figures, picture, **scenes):
        self.args, self.net, self.prepare, self.of, self.picture = args, net.to(args.device), prepare, figures, picture
        self.scenes = scenes
        self.test_data = Objects(args, False, prepare, scenes)
        print(f"shapes: {len(self.test_data.x):,} scenes of {SIZE}x{SIZE} to look at; {type(net).__name__}: "
              f"{sum(p.numel() for p in net.parameters()):,} parameters")
        if args.weights:
            load_weights(net, args.weights, args.device)

    def train(self):
        """Returns figures of each epoch, and whether Ctrl-C came."""
        args = self.args
        batches = Batches(Objects(args, True, self.prepare, self.scenes), args.batch_size)
        optimizer = optim.AdamW(self.net.parameters(), lr=args.lr, weight_decay=1e-4)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
        return training.fit(args, self.net, batches, lambda net, x, targets: (sum(net(x, targets).values()), {}),
                            optimizer, args.epochs, schedule=schedule, clip_norm=5.0,
                            evaluate=lambda: self.of(self.found(50), self.test_data.targets[:50]))

    @minidl.no_grad()
    def found(self, count=None):
        """What is found in the first scenes."""
        self.net.eval()
        return [{name: value.cpu() for name, value in one.items()}
                for part in self.test_data.x[:count].split(25) for one in self.net(list(part))]

    def end(self):
        args = self.args
        history, interrupted = ([], False) if args.evaluate else self.train()
        if args.save:
            save(self.net, args.save)
        found = self.found()

        def report():
            said = self.of(found, self.test_data.targets)
            print(", ".join(f"{name} {figure:.3f}" for name, figure in said.items()), f"on {len(found)} scenes")
        finish(args, history, interrupted, report, {"found": lambda path: self.draw_found(found, path)})

    def draw_found(self, found, path, number=18):
        shown = minidl.stack([self.picture(image.cpu().repeat_interleave(4, 1).repeat_interleave(4, 2), sure(one))
                              for image, one in zip(self.test_data.x[:number], found)])
        titles = [" ".join(KINDS[label] for label in sure(one)["labels"].tolist()) or "nothing"
                  for one in found[:number]]
        plots.images(shown, path, titles, "what is found in new scenes", columns=6)


def sure(result):
    """What has a score of at least 0.5."""
    return {name: value[result["scores"] >= 0.5] for name, value in result.items()}
