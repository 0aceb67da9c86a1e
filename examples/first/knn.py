"""k nearest neighbours: no training at all, only memory and a distance.

An image gets the label that most of its k nearest training images have. What k should be is not known beforehand.
Cross-validation finds out: a fifth of the training images is held back and read with the help of the others, and
each fifth takes its turn. The test images are looked at once, at the end.

    python examples/first/knn.py
    python examples/first/knn.py --dataset mnist --data DIR --plot plots
"""
import time

import command_line
import common
import plots

import minidl
from minidl.neighbors import KNeighborsClassifier, cross_validate_k

MOST = 5000   # training images that take part in cross-validation, so that MNIST needs no patience

args = command_line.parse(__doc__, ks=[1, 3, 5, 8, 10, 12, 15, 20, 50, 100])
data = common.load(args)
train_x, test_x = data.train_x.flatten(1), data.test_x.flatten(1)   # (N, 1, H, W) -> (N, H*W)

some = minidl.randperm(len(train_x))[:MOST].to(args.device)
result = cross_validate_k(train_x[some], data.train_y[some], sorted(set(args.k)), folds=5, seed=args.seed)

print(f"cross-validation on {len(some):,} training images in 5 folds")
print(f"{'k':>5}  {'accuracy':>8}  {'spread':>7}")
for k, mean, std in zip(result.ks, result.mean, result.std):
    print(f"{k:>5}  {mean:>8.2%}  {std:>7.2%}" + ("   best" if k == result.best_k else ""))

if args.plot:
    plots.cross_validation(result, args.plot / "knn_cross_validation.png")

start = time.perf_counter()
model = KNeighborsClassifier(n_neighbors=result.best_k).fit(train_x, data.train_y)
predictions = model.predict(test_x)
seconds = time.perf_counter() - start
print(f"test accuracy {common.accuracy(predictions, data.test_y):.2%} with k = {result.best_k} "
      f"({len(test_x) / seconds:,.0f} images a second)")

if args.plot:
    plots.mistakes(data, predictions, args.plot / "knn_mistakes.png")
