"""A search for hyperparameters: a grid and random points side by side, with as many trials each.

A grid of 4 x 4 tries 4 learning rates; 16 random points try 16. Where one of two hyperparameters matters most, and one
does not know which, random points see more of it (Bergstra and Bengio, "Random search for hyper-parameter
optimization", 2012). Both are drawn on a logarithmic scale. A fifth of the training images judges; the test images are
looked at once, for the winner. Trials run side by side in an executor of `concurrent.futures`; any other would do.

    python examples/classify/hyperparameter_search.py
    python examples/classify/hyperparameter_search.py --dataset fashion --data DIR --workers 4 --plot plots
"""
import itertools
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from tqdm import tqdm

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, images
from minidl.train import Classification, evaluate, fit, plots

DEFAULTS = {
    "digits": {"epochs": 5, "batch_size": 64},
    "mnist": {"epochs": 1, "batch_size": 128},
    "fashion": {"epochs": 2, "batch_size": 128},
    "cifar10": {"epochs": 2, "batch_size": 128},
    "tinyplaces": {"epochs": 4, "batch_size": 64},
}
RATES, DECAYS = (1e-5, 1e-1), (1e-5, 1e1)       # the least and the greatest


def add_trials(parser):
    parser.add_argument("--side", type=arguments.whole_number(2), default=4, metavar="N",
                        help="a grid of N x N, and as many random points (default: 4)")
    parser.add_argument("--workers", type=arguments.whole_number(1), default=os.cpu_count(), metavar="N",
                        help="trials at a time (default: one for each core)")


def begin_worker(arguments):
    """Each process has the data for itself."""
    global args, data
    signal.signal(signal.SIGINT, signal.SIG_DFL)        # Ctrl-C ends it without a word
    threading.Thread(target=end_with_parent, daemon=True).start()
    minidl.set_num_threads(1)
    args, data = arguments, images.load(arguments, say=False)


def end_with_parent():
    """A process that began just after Ctrl-C was not told of it, and would wait for work forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def trial(setting):
    """The accuracies that an MLP reaches with a learning rate and a weight decay: on held-out and on test images."""
    lr, weight_decay = setting
    minidl.manual_seed(args.seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(data.train.x[0].numel(), 128), nn.ReLU(),
                          nn.Linear(128, len(data.classes))).to(args.device)
    order = minidl.randperm(len(data.train.x))
    batches = images.Batches(data, args.batch_size, numbers=order[len(order) // 5:])
    optimizer = optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    try:
        fit(model, batches, Classification(), optimizer, args.epochs, show=False)
    except FloatingPointError:                          # too large a step
        return 0.0, 0.0

    def accuracy(x, y):
        return evaluate(model, [(data.normalise(x), y.to(args.device))], Classification())["accuracy"]
    held_out = order[:len(order) // 5]
    return accuracy(data.train.x[held_out], data.train.y[held_out]), accuracy(data.test.x, data.test.y)


def between(bounds, shares):
    """Numbers between two bounds on a logarithmic scale, by their shares of the way."""
    low, high = np.log10(bounds)
    return (10 ** (low + (high - low) * np.asarray(shares))).tolist()


def settings(side, seed):
    """The learning rates and weight decays of both searches."""
    middles = (np.arange(side) + 0.5) / side
    points = np.random.default_rng(seed).random((2, side * side))
    return {"grid": list(itertools.product(between(RATES, middles), between(DECAYS, middles))),
            "random": list(zip(between(RATES, points[0]), between(DECAYS, points[1])))}


def search(executor, settings, name):
    """A row (learning rate, weight decay, held-out accuracy, test accuracy) for each setting."""
    results = tqdm(executor.map(trial, settings), name, len(settings), leave=False, disable=None)
    return [(*setting, *accuracies) for setting, accuracies in zip(settings, results)]


def draw(found, path):
    """Where each search looked and what it found; how far each had come after so many trials."""
    figure = plots.figure(12, 4)
    *maps, best = figure.subplots(1, 3)
    least, most = np.quantile([row[2] for rows in found.values() for row in rows], [0.25, 1])
    for axes, (name, rows) in zip(maps, found.items()):
        lr, weight_decay, accuracy, _ = np.array(rows).T
        points = axes.scatter(lr, weight_decay, c=accuracy, vmin=least, vmax=most, s=80, clip_on=False)
        axes.set(xscale="log", yscale="log", xlim=RATES, ylim=DECAYS, xlabel="learning rate", title=name)
        best.plot(range(1, len(rows) + 1), np.maximum.accumulate(accuracy), drawstyle="steps-post", label=name)
    maps[0].set_ylabel("weight decay")
    figure.colorbar(points, ax=maps, label="accuracy on held-out images")
    best.set(xlabel="trials", title="the best so far", ylim=(least, None))
    best.locator_params("x", integer=True)
    best.legend()
    plots.save(figure, path)


def main():
    args = arguments.parse(__doc__, DEFAULTS, extra=add_trials, keeps=False)
    images.load(args)                                   # what is missing is said before processes start
    print(f"{args.dataset}: {args.side ** 2} settings of a grid, and as many random ones")
    with ProcessPoolExecutor(min(args.workers, args.side ** 2), initializer=begin_worker, initargs=(args,)) as executor:
        found = {name: search(executor, some, name) for name, some in settings(args.side, args.seed).items()}
    for name, rows in found.items():
        lr, weight_decay, held_out, test = max(rows, key=lambda row: row[2])
        print(f"{name:>6} search: best of {len(rows)} has lr {lr:.1e}, weight decay {weight_decay:.1e}; "
              f"held-out accuracy {held_out:.2%}, test accuracy {test:.2%}")
    if args.plot:
        classification.draw(args.plot, {"trials": lambda path: draw(found, path)})


if __name__ == "__main__":
    main()
