"""Diffusion: a U-Net learns to take a little noise away, and makes images by doing so again and again.

Ho, Jain and Abbeel, 2020, with the cosine schedule of Nichol and Dhariwal, 2021. Some labels are hidden while training,
so that one network knows images of each class and of all (Ho and Salimans, 2022): --guidance leads it to a class. The
images are made in 100 of the 1,000 steps, without fresh noise (Song, Meng and Ermon, 2021).

    python examples/generate/diffusion.py
    python examples/generate/diffusion.py --dataset mnist --data DIR --compiled --run runs/diffusion --plot plots
"""
from judge import add_judge, report, signed

import minidl
from minidl import generative, optim
from minidl.cli import arguments, generation, images
from minidl.train import EMA, Progress, plots

DEFAULTS = {
    "digits": {"epochs": 15, "batch_size": 64, "lr": 2e-3},
    "mnist": {"epochs": 10, "batch_size": 64, "lr": 1e-3},
    "fashion": {"epochs": 10, "batch_size": 64, "lr": 1e-3},
    "cifar10": {"epochs": 20, "batch_size": 64, "lr": 1e-3},
    "tinyplaces": {"epochs": 60, "batch_size": 64, "lr": 1e-3},
}
HIDDEN = 0.1        # share of the labels that are hidden while training


def add_options(parser):
    add_judge(parser)
    parser.add_argument("--width", type=arguments.whole_number(2), default=16, metavar="N",
                        help="channels of the first level (default: 16)")
    parser.add_argument("--steps", type=arguments.whole_number(1, 1000), metavar="N",
                        help="in which an image is made, at most 1,000 (default: 100, for digits 25)")
    parser.add_argument("--guidance", type=arguments.number_between(0), default=0.5, metavar="W",
                        help="how strongly images are led to their class (default: 0.5)")


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
args.steps = args.steps or (25 if args.dataset == "digits" else 100)
data = images.load(args)
classes = len(data.classes)
widths = (1, 2) if data.size < 16 else (1, 2, 2)
model = generative.UNet(data.channels, args.width, widths, blocks=1, classes=classes + 1).to(args.device)
schedule = generative.NoiseSchedule.cosine(1000).to(args.device)
fixed = minidl.randn(60, data.channels, data.size, data.size).to(args.device)


def objective(model, x, labels):
    hidden = minidl.rand(len(labels)).to(labels.device) < HIDDEN
    labels = labels.masked_fill(hidden, classes)
    return schedule.loss(lambda x_t, t: model(x_t, t, labels), x), {}


def make(noise=fixed, steps=None, guidance=None, show=False):
    """Images from -1 to 1, of one class after the other."""
    labels = minidl.arange(len(noise)).remainder(classes).to(args.device)
    steps, guidance = steps or args.steps, args.guidance if guidance is None else guidance
    parts = list(zip(noise.split(250), labels.split(250)))
    with Progress(len(parts) * steps, show=show) as progress:
        return minidl.cat([generative.ddim(generative.guided(model, y, classes, guidance), schedule, x, steps,
                                           progress=lambda t: progress.step()) for x, y in parts]).cpu()


def say():
    print(f"images are made in {args.steps} steps")
    report(args, data, lambda count: make(minidl.randn(count, *fixed.shape[1:]).to(args.device), show=True))


def steps(path):
    """The same noise in more and more steps."""
    rows = minidl.cat([make(fixed[:10], count) for count in (2, 5, 10, 25)])
    plots.images(rows / 2 + 0.5, path, caption="the same noise in 2, 5, 10 and 25 steps", columns=10)


def guidance(path):
    """The same noise, led more and more strongly."""
    rows = minidl.cat([make(fixed[:10], guidance=weight) for weight in (0.0, 0.5, 2.0, 5.0)])
    plots.images(rows / 2 + 0.5, path, caption="led to a class with weights 0, 0.5, 2 and 5", columns=10)


run = generation.Run(args, data, model, lambda: make(steps=min(args.steps, 50)) / 2 + 0.5)
batches = images.Batches(data, args.batch_size, prepare=lambda x: signed(x.to(args.device)))
optimizer = optim.Adam(model.parameters(), lr=args.lr)
one_cycle = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
run.train(batches, objective, optimizer, schedule=one_cycle, ema=EMA(model, 0.995), clip_norm=1.0)
run.end(say, {"steps": steps, "guidance": guidance})
