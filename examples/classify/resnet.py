"""ResNet: a network so deep that its layers learn only what to add to their input.

Each block computes x + f(x), so gradients reach the first layers undiminished. ResNet-20 is the smallest of those made
for images of 32 pixels (He et al., "Deep residual learning for image recognition", 2015). The recipe: SGD with
momentum, a learning rate that rises and falls once, and images that are shifted at random, and mirrored in every other
epoch.

    python examples/classify/resnet.py
    python examples/classify/resnet.py --dataset cifar10 --data DIR --run runs/resnet --plot plots
    python examples/classify/resnet.py --dataset cifar10 --data DIR --weights runs/resnet/best.minidl --evaluate
"""
from minidl import optim
from minidl.cli import arguments, images
from minidl.cli.classification import Run
from minidl.train import weight_decay_groups
from minidl.vision import models
from minidl.vision.transforms import batched

DEFAULTS = {
    "digits": {"epochs": 10, "batch_size": 32, "lr": 0.1},
    "mnist": {"epochs": 3, "batch_size": 128, "lr": 0.2},
    "fashion": {"epochs": 10, "batch_size": 128, "lr": 0.2},
    "cifar10": {"epochs": 15, "batch_size": 64, "lr": 0.2},
    "tinyplaces": {"epochs": 40, "batch_size": 64, "lr": 0.2},
}

args = arguments.parse(__doc__, DEFAULTS)
data = images.load(args)
model = models.resnet20(num_classes=len(data.classes), in_channels=data.channels).to(args.device)
run = Run(args, data, model)

flip = batched.AlternatingFlip(args.seed)
shift = batched.RandomShift(2, "reflect") if args.dataset == "cifar10" else batched.RandomShift(data.size // 8)


def augment(x, indices):
    flip.epoch = schedule.last_epoch // len(batches)
    return shift(flip(x, indices=indices) if data.mirrored else x)


batches = run.batches(augment)
optimizer = optim.SGD(weight_decay_groups(model, 5e-4), lr=args.lr, momentum=0.9, nesterov=True)
schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=args.epochs * len(batches))
run.train(batches, optimizer, schedule=schedule)
run.end()
