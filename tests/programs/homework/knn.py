"""Nearest neighbours: squared distances with two loops, one and none; labels by vote; k by cross-validation."""
import minidl as torch
from minidl.vision.datasets import MNIST
import sys


def distances_in_two_loops(x_train, x_test):
    num_train, num_test = x_train.shape[0], x_test.shape[0]
    dists = x_train.new_zeros(num_train, num_test)
    for i in range(num_train):
        for j in range(num_test):
            dists[i, j] = ((x_train[i] - x_test[j]) ** 2).sum()
    return dists


def distances_in_one_loop(x_train, x_test):
    dists = x_train.new_zeros(x_train.shape[0], x_test.shape[0])
    for i in range(x_train.shape[0]):
        dists[i] = ((x_train[i] - x_test) ** 2).flatten(1).sum(dim=1)
    return dists


def distances_at_once(x_train, x_test):
    x, y = x_train.view(x_train.shape[0], -1), x_test.view(x_test.shape[0], -1)
    return (x ** 2).sum(dim=1, keepdim=True) + (y ** 2).sum(dim=1) - 2 * x.mm(y.t())


def majority(dists, y_train, k=1):
    num_train, num_test = dists.shape
    said = torch.zeros(num_test, dtype=torch.int64)
    for i in range(num_test):
        values, indices = torch.topk(dists[:, i], k, largest=False)
        labels, counts = torch.unique(y_train[indices], return_counts=True)
        said[i] = labels[counts == counts.max()].min()
    return said


class Neighbours:
    def __init__(self, x_train, y_train):
        self.x_train, self.y_train = x_train.contiguous(), y_train.contiguous()

    def predict(self, x_test, k=1):
        return majority(distances_at_once(self.x_train, x_test.contiguous()), self.y_train, k=k)

    def accuracy_on(self, x_test, y_test, k=1, quiet=True):
        right = (y_test == self.predict(x_test, k=k)).sum().item()
        return 100.0 * right / x_test.shape[0]


def cross_validated(x_train, y_train, folds=5, ks=(1, 3, 5, 8)):
    x_parts, y_parts = torch.chunk(x_train, folds, dim=0), torch.chunk(y_train, folds, dim=0)
    found = {}
    for k in ks:
        for fold in range(folds):
            train_x = torch.cat([x for i, x in enumerate(x_parts) if i != fold])
            train_y = torch.cat([y for i, y in enumerate(y_parts) if i != fold])
            classifier = Neighbours(train_x, train_y)
            found.setdefault(k, []).append(
                classifier.accuracy_on(x_parts[fold], y_parts[fold], k=k))
    return found


torch.manual_seed(0)
a, b = torch.randn(8, 3, 4, 4, dtype=torch.float64), torch.randn(5, 3, 4, 4, dtype=torch.float64)
two, one, none = (f(a, b) for f in (distances_in_two_loops, distances_in_one_loop,
                                    distances_at_once))
print("Difference: ", (two - one).pow(2).sum().sqrt().item(), (two - none).pow(2).sum().sqrt().item())
train, test = MNIST(sys.argv[1], train=True), MNIST(sys.argv[1], train=False)
x_train, y_train = train.data[:400].to(torch.float32) / 255, train.targets[:400]
x_test, y_test = test.data[:100].to(torch.float32) / 255, test.targets[:100]
accuracies = cross_validated(x_train, y_train)
means = {k: torch.tensor(v).mean().item() for k, v in sorted(accuracies.items())}
best_k = max(means, key=means.get)
print(f"k = {best_k}, accuracy {Neighbours(x_train, y_train).accuracy_on(x_test, y_test, k=best_k):.2f}%")
