"""Softmax regression: one template for each class, and gradients by backward().

The scores of an image are its inner products with ten templates, plus a bias. Softmax turns scores into
probabilities, and the loss is minus the logarithm of the probability that the right class was given. Nothing but
tensors is used here: the parameters are two leaves, and the update is one line.

    python examples/softmax.py
    python examples/softmax.py --dataset mnist --data DIR --plot plots
"""
import common
import plots

import minidl
import minidl.nn.functional as F

BATCH = 100
LEARNING_RATE = 0.7
DECAY = 1e-5          # pull towards zero, so that templates stay smooth

args = common.arguments(__doc__, epochs=20)
data = common.load(args)
pixels = data.image_size ** 2

W = minidl.zeros(10, pixels, device=args.device, requires_grad=True)   # the templates
b = minidl.zeros(10, device=args.device, requires_grad=True)


def scores(x):
    return x.flatten(1) @ W.T + b   # (N, 1, H, W) -> (N, 10)


steps = args.epochs * (len(data.train_x) // BATCH)
progress = common.Progress(steps, args.max_steps)
while not progress.finished:
    order = minidl.randperm(len(data.train_x))
    for batch in order[:len(order) // BATCH * BATCH].split(BATCH):
        x, y = data.train_x[batch], data.train_y[batch]

        output = scores(x)
        loss = F.cross_entropy(output, y) + DECAY * (W ** 2).sum()
        loss.backward()                                  # fills W.grad and b.grad

        rate = LEARNING_RATE * (1 - len(progress.losses) / steps)   # large steps first, small ones at the end
        with minidl.no_grad():                           # the update itself is not to be recorded
            for parameter in (W, b):
                parameter -= rate * parameter.grad
                parameter.grad = None

        progress.step(loss, output, y)
        if progress.finished:
            break
    progress.epoch(common.accuracy(common.predict(scores, data.test_x), data.test_y))
progress.table()

if args.plot:
    predictions = common.predict(scores, data.test_x)
    plots.loss_curve(progress, args.plot / "softmax_loss.png")
    plots.mistakes(data, predictions, args.plot / "softmax_mistakes.png")
    plots.templates(W.detach(), data.image_size, args.plot / "softmax_templates.png")
