"""k nearest neighbours: no training at all, only memory and a distance.

An image gets the label that most of its k nearest training images have. What k should be is not known beforehand.
Cross-validation finds out: a fifth of the training images is held back and read with the help of the others, and
each fifth takes its turn. The test images are looked at once, at the end.

Digits are near to each other where their pixels are. Photographs differ more by their light than by what they show, so
they are compared by their angle (`--metric cosine`): how bright and how strong an image is does not count.

    python examples/first/knn.py
    python examples/first/knn.py --dataset mnist --data DIR --plot plots
"""
import time

import minidl
from minidl.cli import arguments, classification, ending, images
from minidl.neighbors import KNeighborsClassifier, cross_validate_k
from minidl.train import plots

MOST = 5000   # training images that take part in cross-validation, so that MNIST needs no patience
METRIC = {"cifar10": "cosine", "tinyplaces": "cosine"}      # l2 for the others
SHOWN = 8     # test images in the picture of neighbours


def add_options(parser):
    parser.add_argument("--metric", choices=["l1", "l2", "cosine"], help="default: l2, for photographs cosine")
    parser.add_argument("--k", type=arguments.whole_number(1, 1000), nargs="+", metavar="K", help="which k to compare",
                        default=[1, 3, 5, 8, 10, 12, 15, 20, 50, 100])


args = arguments.parse(__doc__, dict.fromkeys(arguments.DATASETS, {}), extra=add_options)
metric = args.metric or METRIC.get(args.dataset, "l2")
data = images.load(args)
print(f"{args.dataset}: {len(data.train.x):,} training and {len(data.test.x):,} test images of {data.size}x{data.size}")
train_x, test_x = (data.normalise(part.x).flatten(1) for part in (data.train, data.test))   # (N, C, H, W) -> (N, C*H*W)
train_y = data.train.y.to(args.device)

some = minidl.randperm(len(train_x))[:MOST].to(args.device)
ks = sorted({k for k in args.k if k <= 4 * len(some) // 5})      # as many as the four fifths have
if not ks:
    ending.stop(f"--k: expected at most {4 * len(some) // 5} neighbours among {len(some)} training images")
result = cross_validate_k(train_x[some], train_y[some], ks, folds=5, metric=metric, seed=args.seed)

print(f"cross-validation on {len(some):,} training images in 5 folds")
print(f"{'k':>5}  {'accuracy':>8}  {'spread':>7}")
for k, mean, std in zip(result.ks, result.mean, result.std):
    print(f"{k:>5}  {mean:>8.2%}  {std:>7.2%}" + ("   best" if k == result.best_k else ""))

start = time.perf_counter()
model = KNeighborsClassifier(n_neighbors=result.best_k, metric=metric).fit(train_x, train_y)
said = minidl.as_tensor(model.predict(test_x)).cpu()
seconds = time.perf_counter() - start
scores = minidl.nn.functional.one_hot(said, len(data.classes))
print(f"test accuracy {classification.accuracy(scores, data.test.y):.2%} with k = {result.best_k} "
      f"({len(test_x) / seconds:,.0f} images a second)")


def cross_validation(path):
    """Accuracy against k: a point for each fold, the mean, and bars of one standard deviation."""
    figure = plots.figure()
    axes = figure.subplots()
    for k, accuracies in zip(result.ks, result.accuracies):
        axes.plot([k] * len(accuracies), 100 * accuracies, ".", color="C0", alpha=0.4)
    axes.errorbar(result.ks, 100 * result.mean, yerr=100 * result.std, color="C0", capsize=3, marker="o")
    axes.axvline(result.best_k, color="C1", linestyle="--", label=f"best: k = {result.best_k}")
    axes.set(xlabel="k, the number of neighbours that vote", ylabel="accuracy (%)", xscale="log")
    axes.set_xticks(result.ks, labels=map(str, result.ks), rotation=90)
    axes.minorticks_off()
    axes.legend()
    plots.save(figure, path)


def neighbours(path):
    """A row for each of some test images: itself, and the training images that are nearest."""
    count = min(7, len(train_x))
    nearest = minidl.as_tensor(model.kneighbors(test_x[:SHOWN], count, return_distance=False)).cpu()
    shown = minidl.cat([data.test.x[:SHOWN, None], data.train.x[nearest]], dim=1).flatten(0, 1)
    labels = minidl.cat([data.test.y[:SHOWN, None], data.train.y[nearest]], dim=1).flatten()
    plots.images(shown.float() / 255, path, [data.classes[label] for label in labels.tolist()],
                 "a test image, then the training images that are nearest to it", columns=1 + count)


if args.plot:
    classification.draw(args.plot, {"cross_validation": cross_validation, "neighbours": neighbours,
                                    **classification.results(scores, data.test)})
