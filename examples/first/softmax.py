"""Softmax regression: one template for each class, and gradients by backward().

The scores of an image are its inner products with a template for each class, plus a bias. Softmax turns scores into
probabilities, and the loss is minus the logarithm of the probability that the right class was given. Nothing is hidden
here: the parameters are two leaves, and the optimizer is one line.

    python examples/first/softmax.py
    python examples/first/softmax.py --dataset mnist --data DIR --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import arguments, images
from minidl.cli.classification import Run
from minidl.train import plots

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 100, "lr": 0.05},
    "mnist": {"epochs": 10, "batch_size": 100, "lr": 0.05},
    "fashion": {"epochs": 10, "batch_size": 100, "lr": 0.02},
    "cifar10": {"epochs": 10, "batch_size": 100, "lr": 0.005},
    "tinyplaces": {"epochs": 20, "batch_size": 100, "lr": 0.005},
}
DECAY = 1e-4          # pull towards zero, so that templates stay smooth


class Softmax(nn.Module):
    """Scores (N, classes) of images: x W^T + b."""

    def __init__(self, pixels, classes):
        super().__init__()
        self.W = nn.Parameter(minidl.zeros(classes, pixels))      # the templates
        self.b = nn.Parameter(minidl.zeros(classes))

    def forward(self, x):
        return x.flatten(1) @ self.W.T + self.b                   # (N, C, H, W) -> (N, classes)


class GradientDescent(optim.Optimizer):
    """Each parameter takes a step down its gradient."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @minidl.no_grad()                                             # the update itself is not to be recorded
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * (p.grad + DECAY * p)


args = arguments.parse(__doc__, DEFAULTS)
data = images.load(args)
model = Softmax(data.train.x[0].numel(), len(data.classes)).to(args.device)
run = Run(args, data, model)

batches = run.batches()
optimizer = GradientDescent(model.parameters(), args.lr)
steps = args.epochs * len(batches)
schedule = optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)     # large steps first
run.train(batches, optimizer, schedule=schedule)


def templates(path):
    W = model.W.detach().cpu().reshape(-1, *data.train.x.shape[1:])
    bound = W.abs().max()
    if data.channels == 1:
        plots.images(W, path, data.classes, "red speaks for the class, blue against it", 5, cmap="RdBu_r", vmin=-bound,
                     vmax=bound)
    else:
        plots.images(W / (2 * bound) + 0.5, path, data.classes, "the template of each class", 5)


run.end(pictures={"templates": templates})
