"""Softmax regression: one template for each class, and gradients by backward().

The scores of an image are its inner products with ten templates, plus a bias. Softmax turns scores into
probabilities, and the loss is minus the logarithm of the probability that the right class was given. Nothing but
tensors is used here: the parameters are two leaves, and the update is one line.

    python examples/first/softmax.py
    python examples/first/softmax.py --dataset mnist --data DIR --plot plots
"""
import sys

import command_line
import common
import plots
from progress import Progress

import minidl
import minidl.nn.functional as F

DECAY = 1e-5          # pull towards zero, so that templates stay smooth

args = command_line.parse(__doc__, epochs=20, batch_size=100, lr=0.7)
data = common.load(args)
pixels = data.image_size ** 2

W = minidl.zeros(10, pixels, device=args.device, requires_grad=True)   # the templates
b = minidl.zeros(10, device=args.device, requires_grad=True)


def scores(x):
    return x.flatten(1) @ W.T + b   # (N, 1, H, W) -> (N, 10)


steps = args.epochs * -(-len(data.train_x) // args.batch_size)
with Progress(steps, args.max_steps) as progress:
    while not progress.finished:
        for batch in minidl.randperm(len(data.train_x)).split(args.batch_size):
            x, y = data.train_x[batch], data.train_y[batch]

            output = scores(x)
            loss = F.cross_entropy(output, y) + DECAY * (W ** 2).sum()
            loss.backward()                                  # fills W.grad and b.grad

            rate = args.lr * (1 - len(progress.losses) / steps)   # large steps first, small ones at the end
            with minidl.no_grad():                           # the update itself is not to be recorded
                for parameter in (W, b):
                    parameter -= rate * parameter.grad
                    parameter.grad = None

            progress.step(loss, output, y)
            if progress.finished:
                break
        progress.epoch(common.accuracy(common.predict(scores, data.test_x), data.test_y))

if args.save:
    common.save({"W": W.detach(), "b": b.detach()}, args.save)
if args.plot:
    predictions = common.predict(scores, data.test_x)
    plots.loss_curve(progress, args.plot / "softmax_loss.png")
    plots.mistakes(data, predictions, args.plot / "softmax_mistakes.png")
    plots.templates(W.detach(), data.image_size, args.plot / "softmax_templates.png")

sys.exit(progress.status)
