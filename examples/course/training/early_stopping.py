"""Early stopping: a network learns its few training images by heart, and is best before it is done.

The training loss falls on and on. The validation loss falls, turns, and rises: from there on the network learns what is
particular about the images that it has. Either stop when the validation figure has not improved for some epochs
(patience), or train on and keep the best weights so far (Prechelt, "Early stopping - but when?", 1998).

    python examples/course/training/early_stopping.py
    python examples/course/training/early_stopping.py --images 300 --patience 10 --plot plots
"""
import copy

import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.nn import functional as F
from minidl.train import Classification, EarlyStopping, fit, plots

DEFAULTS = {name: {"epochs": 60, "batch_size": 50, "lr": 2e-3} for name in ("digits", "mnist")}
WRONG = 0.2             # share of the training labels that are wrong, as those of real data may be


def add_options(parser):
    lesson.whole(parser, "images", 200, "to train on")
    lesson.whole(parser, "patience", 5, "epochs without a gain that are let pass")


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    data = images.load(args)
    order = minidl.randperm(len(data.train.x))
    numbers, held_out = order[:args.images], order[args.images:args.images + 500]
    noisy = minidl.where(minidl.rand(len(order)) < WRONG, minidl.randint(10, (len(order),)), data.train.y)
    own = data._replace(train=data.train._replace(y=noisy))
    model = nn.Sequential(nn.Flatten(), nn.Linear(data.train.x[0].numel(), 256), nn.ReLU(), nn.Linear(256, 256),
                          nn.ReLU(), nn.Linear(256, len(data.classes))).to(args.device)
    stopping, best, stop = EarlyStopping(args.patience, mode="min"), {}, []

    def scores(x):
        return in_batches(lambda part: model(data.normalise(part)), x).cpu()

    def validate():
        found, right = scores(data.train.x[held_out]), data.train.y[held_out]
        loss = F.cross_entropy(found, right).item()
        stop.append(stopping.update(loss))
        if stopping.waited == 0:            # the best so far
            best.update(epoch=len(stop), weights=copy.deepcopy(model.state_dict()))
        return {"validation loss": loss, "validation accuracy": accuracy(found, right)}

    print(f"{args.images} images to learn from, {WRONG:.0%} of their labels drawn at random")
    history = fit(model, images.Batches(own, args.batch_size, numbers=numbers), Classification(),
                  optim.Adam(model.parameters(), lr=args.lr), args.epochs, evaluate=validate, show=False)
    stopped = stop.index(True) + 1 if True in stop else None
    last = accuracy(scores(data.test.x), data.test.y)
    model.load_state_dict(best["weights"])
    print(f"the best epoch is {best['epoch']}; " + (f"training would stop after epoch {stopped}" if stopped else
                                                    "the patience is not exhausted"))
    print(f"test accuracy after all {args.epochs} epochs {last:.2%}, with the best weights "
          f"{accuracy(scores(data.test.x), data.test.y):.2%}")

    def picture(path):
        figure, axes = lesson.grid(1, 2, 4.6, 3.6)
        epochs = range(1, len(history) + 1)
        for panel, what in zip(axes.flat, ("loss", "accuracy")):
            for name in ("train", "validation"):
                panel.plot(epochs, [row[f"{name} {what}"] for row in history], label=name)
            panel.axvline(best["epoch"], color="C2", linestyle="--", label=f"best: {best['epoch']}")
            if stopped:
                panel.axvline(stopped, color="C3", linestyle="--", label=f"stop: {stopped}")
            panel.set(xlabel="epoch", ylabel=what)
            panel.locator_params("x", integer=True)
        axes[0, 0].legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"curves": picture})


if __name__ == "__main__":
    main()
