"""Classical methods beside networks: for a table of numbers, which?

Decision trees ask one column after another (Breiman 1984), forests average many trees (Breiman 2001), support vector
machines keep the widest distance between classes (Cortes, Vapnik 1995), naive Bayes multiplies the likelihoods of
columns as if they knew nothing of each other. They are scikit-learn's; the neighbours, linear models and networks
beside them are ours. Tables are drawn here: two moons in a plane, a table of 100 columns of which 10 matter, and the
digits' pixels.

    python examples/course/learning/classical.py
    python examples/course/learning/classical.py --plot plots          (needs scikit-learn)
"""
import time

import minidl
from minidl import nn, optim
from minidl.cli import ending, lesson
from minidl.cli.classification import draw
from minidl.neighbors import KNeighborsClassifier
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets import Digits

try:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier
except ImportError:
    ending.stop("the classical methods are scikit-learn's; try: pip install scikit-learn")


class Network:
    """A softmax regression, or a perceptron with one hidden layer, under scikit-learn's contract."""

    def __init__(self, hidden=None, steps=300):
        self.hidden, self.steps = hidden, steps

    def fit(self, x, y):
        x, y = minidl.as_tensor(x), minidl.as_tensor(y)
        widths = [x.shape[1], *([self.hidden] if self.hidden else []), int(y.max()) + 1]
        parts = [part for pair in zip(widths, widths[1:]) for part in (nn.Linear(*pair), nn.ReLU())]
        self.net = nn.Sequential(*parts[:-1])
        optimizer = optim.AdamW(self.net.parameters(), lr=0.02, weight_decay=0.01)
        for _ in range(self.steps):
            some = minidl.randint(len(x), (128,))
            optimizer.zero_grad()
            F.cross_entropy(self.net(x[some]), y[some]).backward()
            optimizer.step()
        return self

    @minidl.no_grad()
    def predict(self, x):
        return self.net(minidl.as_tensor(x)).argmax(1).numpy()


METHODS = {
    "decision tree": lambda seed: DecisionTreeClassifier(random_state=seed),
    "random forest": lambda seed: RandomForestClassifier(100, random_state=seed),
    "support vectors": lambda seed: SVC(),
    "naive Bayes": lambda seed: GaussianNB(),
    "5 neighbours (ours)": lambda seed: KNeighborsClassifier(n_neighbors=5),
    "softmax regression (ours)": lambda seed: Network(),
    "perceptron (ours)": lambda seed: Network(64),
}


def moons(count):
    """Two half circles that reach into each other."""
    y = minidl.arange(count) % 2
    angle = minidl.pi * minidl.rand(count)
    x = minidl.stack([angle.cos() - 0.5, angle.sin() - 0.25], 1) * (1 - 2 * y[:, None])
    return x + 0.25 * minidl.randn(count, 2), y


def table(count):
    """100 columns, of which 10 matter: some in pairs, some by their size."""
    x = minidl.randn(count, 100)
    score = x[:, 0] * x[:, 1] + x[:, 2] + (x[:, 3] > 0.5).float() * 2 - x[:, 4].abs() + x[:, 5:10].sum(1) / 2
    return x, (score > score.median()).long()


def digits():
    parts = [Digits(train=train) for train in (True, False)]
    return [(part.data.flatten(1).float() / 16, part.targets) for part in parts]


def main():
    args = lesson.parse(__doc__, lambda parser: lesson.whole(parser, "rows", 600, "of each made table"))
    made = {name: [make(args.rows), make(1000)] for name, make in (("moons", moons), ("100 columns", table))}
    tables = {**made, "digits": digits()}
    print("test accuracy and ms      ", *(f"{name:>20}" for name in tables))
    for name, make in METHODS.items():
        said = ""
        for (x, y), (test_x, test_y) in tables.values():
            start = time.perf_counter()
            minidl.manual_seed(args.seed)
            found = make(args.seed % 2 ** 32).fit(x.numpy(), y.numpy()).predict(test_x.numpy())
            seconds = time.perf_counter() - start
            said += f"{(minidl.as_tensor(found) == test_y).float().mean().item():13.1%} {1000 * seconds:6.0f}"
        print(f"{name:26} {said}")

    def regions(path):
        (x, y), _ = tables["moons"]
        figure, axes = lesson.grid(2, 4, 2.6, 2.4)
        a, b = minidl.meshgrid(minidl.linspace(-2.2, 2.2, 120), minidl.linspace(-1.6, 1.6, 120), indexing="xy")
        points = minidl.stack([a.flatten(), b.flatten()], 1).numpy()
        for place, (name, make) in zip(axes.flat, METHODS.items()):
            said = minidl.as_tensor(make(0).fit(x.numpy(), y.numpy()).predict(points)).reshape(120, 120)
            place.contourf(a.numpy(), b.numpy(), said.numpy(), levels=[-0.5, 0.5, 1.5], cmap="coolwarm", alpha=0.4)
            place.scatter(*x.T.numpy(), c=y.numpy(), cmap="coolwarm", s=3)
            place.set_title(name, fontsize=10)
        axes[1][3].set_axis_off()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"regions": regions})


if __name__ == "__main__":
    main()
