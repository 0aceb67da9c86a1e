"""Schedules of the learning rate: drawn over a training, and what they do to the loss.

Large steps first, to get about and out of narrow places; small ones at the end, since steps of one size only bounce
around the minimum. A rate that falls to a tenth after 30, 60 and 90 % of the way makes a loss with three falls (He et
al., 2015); cosine and one cycle fall all the time. A constant rate never comes to rest.

    python examples/course/training/schedules.py
    python examples/course/training/schedules.py --epochs 100 --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.optim import lr_scheduler
from minidl.train import Classification, fit, plots
from minidl.vision.transforms import batched

DEFAULTS = {"digits": {"epochs": 50, "batch_size": 32, "lr": 0.3}, "mnist": {"epochs": 10, "batch_size": 64, "lr": 0.3}}
SCHEDULES = {       # of an optimizer and its number of steps
    "constant": lambda optimizer, steps: lr_scheduler.ConstantLR(optimizer, 1.0),
    "three falls": lambda optimizer, steps: lr_scheduler.MultiStepLR(
        optimizer, [steps * 3 // 10, steps * 6 // 10, steps * 9 // 10], gamma=0.1),
    "cosine": lambda optimizer, steps: lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps),
    "linear": lambda optimizer, steps: lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps),
    "exponential": lambda optimizer, steps: lr_scheduler.ExponentialLR(optimizer, 0.01 ** (1 / steps)),
    "one cycle": lambda optimizer, steps: lr_scheduler.OneCycleLR(
        optimizer, max_lr=optimizer.param_groups[0]["lr"], total_steps=steps),
    "inverse root": lambda optimizer, steps: lr_scheduler.LambdaLR(
        optimizer, lambda step: (1 + 99 * step / steps) ** -0.5),
    "warm restarts": lambda optimizer, steps: lr_scheduler.CosineAnnealingWarmRestarts(optimizer, -(-steps // 3)),
}
TRAINED = ["constant", "three falls", "cosine", "one cycle"]


def rates(name, lr, steps=200):
    """The rate at each of some steps."""
    optimizer = optim.SGD([minidl.zeros(1, requires_grad=True)], lr=lr, momentum=0.9)
    schedule, found = SCHEDULES[name](optimizer, steps), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    data, losses = images.load(args), {}
    print("schedule        loss of the last epoch   test accuracy")
    for name in TRAINED:
        minidl.manual_seed(args.seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(data.train.x[0].numel(), 64), nn.BatchNorm1d(64), nn.ReLU(),
                              nn.Linear(64, len(data.classes))).to(args.device)
        batches = images.Batches(data, args.batch_size, batched.RandomShift(data.size // 8))   # noise that stays
        optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
        schedule = SCHEDULES[name](optimizer, args.epochs * len(batches))
        rows = fit(model, batches, Classification(), optimizer, args.epochs, schedule=schedule, show=False)
        losses[name] = [row["train loss"] for row in rows]
        scores = in_batches(lambda x, model=model: model(data.normalise(x)), data.test.x).cpu()
        print(f"{name:14} {losses[name][-1]:23.4f} {accuracy(scores, data.test.y):15.2%}")

    def drawn(path):
        figure, axes = lesson.grid(2, 4, 2.4, 1.9)
        for panel, name in zip(axes.flat, SCHEDULES):
            panel.plot(rates(name, args.lr))
            panel.set(title=name, ylim=(0, 1.05 * args.lr), xticks=[])
        for panel in axes[1]:
            panel.set_xlabel("steps")
        axes[0, 0].set_ylabel("learning rate")
        axes[1, 0].set_ylabel("learning rate")
        plots.save(figure, path)

    def curves(path):
        figure = plots.figure(7, 4.2)
        axes = figure.subplots()
        for name, values in losses.items():
            axes.plot(range(1, len(values) + 1), values, label=name)
        for share in (0.3, 0.6, 0.9):
            axes.axvline(share * args.epochs + 0.5, color="lightgray", linestyle="--", zorder=0)
        axes.set(xlabel="epoch; the lines are the three falls", ylabel="training loss", yscale="log")
        axes.locator_params("x", integer=True)
        axes.legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"rates": drawn, "losses": curves})


if __name__ == "__main__":
    main()
