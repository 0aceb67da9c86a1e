"""Assignment 1: linear, logistic and softmax regression, and an MLP, out of tensors alone.

What is asked: load images of places, shrink and normalise them; regress the class number, then one sigmoid for each
class, then a softmax, with losses and steps written out; then an MLP from one's own layers, loss, SGD and Adam, which
must do what the built-in ones do. Questions: what does a rate that is too high do, what is the first loss, what happens
if all weights begin at zero?

    python examples/course/assignments/assignment_1.py
    python examples/course/assignments/assignment_1.py --dataset tinyplaces --data DIR --plot plots
"""
import math

import from_tensors as own

import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import draw
from minidl.train import plots

DEFAULTS = {"digits": {"epochs": 10, "batch_size": 64}, "tinyplaces": {"epochs": 10, "batch_size": 64}}
HIDDEN = 128


KINDS = {   # outputs of one linear function, loss, what its scores say
    "linear": (lambda classes: 1, lambda scores, y: (scores[:, 0] - y).square().mean(),
               lambda scores: scores[:, 0].round().long()),
    "logistic": (lambda classes: classes, own.binary_cross_entropies, lambda scores: scores.argmax(1)),
    "softmax": (lambda classes: classes, own.cross_entropy, lambda scores: scores.argmax(1)),
}


def train(score, loss_of, said, optimizer, data, args):
    """The test accuracy after each epoch, and the loss of each step; up to where losses explode."""
    x, y, test_x, test_y = data
    accuracies, losses = [], []
    for _ in range(args.epochs):
        for numbers in minidl.randperm(len(x)).split(args.batch_size):
            loss = loss_of(score(x[numbers]), y[numbers])
            losses.append(loss.item())
            if not losses[-1] < 1e9:                # the rate is too high
                return [*accuracies, math.nan], losses
            loss.backward()
            optimizer.step()
        with minidl.no_grad():
            accuracies.append((said(score(test_x)) == test_y).float().mean().item())
    return accuracies, losses


def built_in(parts):
    """The same network, of modules, with copies of the same weights."""
    layers = [nn.Linear(*W.shape) for W in parts[::2]]
    with minidl.no_grad():
        for layer, W, b in zip(layers, parts[::2], parts[1::2]):
            layer.weight.copy_(W.T)
            layer.bias.copy_(b)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


class Clearing:
    """A built-in optimizer that forgets gradients after its step, as those above do."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        self.optimizer.step()
        self.optimizer.zero_grad()


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    data = images.load(args)
    parts = [part for images_ in (data.train, data.test) for part in (data.normalise(images_.x).flatten(1), images_.y)]
    inputs, classes, curves = parts[0].shape[1], len(data.classes), {}
    print("                          first loss  last loss  test accuracy")

    def tell(name, accuracies, losses):
        curves[name] = accuracies
        print(f"{name:26} {losses[0]:9.3f} {sum(losses[-20:]) / len(losses[-20:]):10.3g} {accuracies[-1]:14.2%}")
        return losses
    for kind, (outputs, loss_of, said) in KINDS.items():
        for lr in (1e-3, 1e-2, 1e-1):
            minidl.manual_seed(args.seed)
            W, b = minidl.zeros(inputs, outputs(classes), requires_grad=True), minidl.zeros(1, requires_grad=True)
            tell(f"{kind}, rate {lr:g}", *train(lambda x, W=W, b=b: x @ W + b, loss_of, said, own.SGD([W, b], lr),
                                                parts, args))
    says = KINDS["softmax"][2]
    for name, made, other in (("SGD", lambda p: own.SGD(p, 0.05, 0.9), lambda p: optim.SGD(p, 0.05, 0.9)),
                              ("Adam", lambda p: own.Adam(p, 2e-3), lambda p: optim.Adam(p, 2e-3))):
        minidl.manual_seed(args.seed)
        values = own.start(inputs, HIDDEN, classes, 0.05)
        net = built_in(values)              # of the same weights, and sees the same batches
        minidl.manual_seed(args.seed)
        first = tell(f"MLP, own {name}", *train(lambda x, values=values: own.mlp(x, values), own.cross_entropy, says,
                                                made(values), parts, args))
        minidl.manual_seed(args.seed)
        second = tell(f"MLP, built-in {name}", *train(net, nn.functional.cross_entropy, says,
                                                      Clearing(other(net.parameters())), parts, args))
        apart = max(abs(a - b) for a, b in zip(first[:10], second))
        print(f"    own and built-in parts: losses of the first ten steps at most {apart:.0e} apart")
    minidl.manual_seed(args.seed)
    values = own.start(inputs, HIDDEN, classes, 0.0)
    tell("MLP that starts at zero", *train(lambda x: own.mlp(x, values), own.cross_entropy, says,
                                          own.SGD(values, 0.05, 0.9), parts, args))
    print(f"a guess: {1 / classes:.1%}; a first loss of log {classes} = {math.log(classes):.3f} knows nothing")

    def picture(path):
        figure = plots.figure(8, 4.5)
        axes = figure.subplots()
        for number, (name, values) in enumerate(curves.items()):    # a style for each kind, a colour for each rate
            style, colour = (".-", number - 6) if "MLP" in name else (("-", "--", ":")[number // 3], number % 3)
            percents = [100 * value for value in values]
            axes.plot(range(1, len(values) + 1), percents, style, color=f"C{colour}", label=name)
        axes.set(xlabel="epoch", ylabel="test accuracy (%)")
        axes.locator_params("x", integer=True)
        figure.legend(loc="outside right center", fontsize=8)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"curves": picture})


if __name__ == "__main__":
    main()
