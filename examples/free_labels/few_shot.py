"""Few shots: who has learned to compare characters knows a new one from a single drawing of it.

The network never learns classes; it learns a space in which drawings of one character lie together, from alphabets that
the test does not have. With `--loss prototypical` a class is the mean of its features, and each training step is a
small problem of the kind that is tested (Snell, Swersky and Zemel, 2017). With `--loss siamese` pairs of drawings are
drawn together or apart (Hadsell, Chopra and LeCun, 2006; Koch et al., 2015). Pixels compared as they are stand beside.

    python examples/free_labels/few_shot.py
    python examples/free_labels/few_shot.py --dataset omniglot --data DIR --compiled --run runs/few --plot plots
    python examples/free_labels/few_shot.py --dataset omniglot --data DIR --compiled --loss siamese

Omniglot is read from the two small archives of five alphabets each, or from the published ones with `--published`.
"""
import math

import characters

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, training
from minidl.cli.classification import in_batches
from minidl.nn import functional as F
from minidl.self_supervised import Episodes, contrastive_loss, prototypical_scores
from minidl.train import plots
from minidl.train.objective import evaluated

DEFAULTS = {"digits": {"epochs": 10, "batch_size": 20, "lr": 3e-3},
            "omniglot": {"epochs": 30, "batch_size": 60, "lr": 5e-3}}
STEPS = {"digits": 20, "omniglot": 50}      # episodes in an epoch, after which it is tested


def add_options(parser):
    parser.add_argument("--loss", choices=["prototypical", "siamese"], default="prototypical")
    parser.add_argument("--published", action="store_true", help="learn from all 30 alphabets, test on the other 20")


class Problems:
    """Episodes of the training classes: images (ways, shots + queries, 1, H, W)."""

    def __len__(self):
        return STEPS[args.dataset]

    def __iter__(self):
        for numbers in Episodes(labels, args.batch_size, 1, 4, len(self)):
            yield [characters.warped(x[numbers.flatten()].float() / 255).unflatten(0, numbers.shape).to(args.device)]


def encode(images):
    """Features (N, D); those of Siamese twins have length 1, so that a margin of 1 means something."""
    return F.normalize(model(images)) if args.loss == "siamese" else model(images)


def objective(model, shown):
    z = encode(shown.flatten(0, 1)).unflatten(0, shown.shape[:2])       # (ways, shots + queries, D)
    if args.loss == "siamese":
        others = z[:, 1:]
        first, second = z[:, :1].expand_as(others).repeat(2, 1, 1), minidl.cat([others, others.roll(1, 0)])
        same = (minidl.arange(2 * len(z)) < len(z)).to(z.device).repeat_interleave(others.shape[1])
        return contrastive_loss(first.flatten(0, 1), second.flatten(0, 1), same), {}
    scores = prototypical_scores(z[:, :1], z[:, 1:].flatten(0, 1)) / math.sqrt(z.shape[2])      # log(ways) at first
    right = minidl.arange(len(z)).repeat_interleave(z.shape[1] - 1).to(z.device)
    return F.cross_entropy(scores, right), {"accuracy": (scores.argmax(1) == right).float().mean().item()}


def answers(features, ways, shots, count, queries=5):
    """For each problem of the test classes: which are right (ways * queries,), and the numbers of its images."""
    right = minidl.arange(ways).repeat_interleave(queries)
    for numbers in Episodes(test_labels, ways, shots, queries, count, minidl.Generator().manual_seed(1)):
        z = features[numbers.flatten()].unflatten(0, numbers.shape)
        yield prototypical_scores(z[:, :shots], z[:, shots:].flatten(0, 1)).argmax(1) == right, numbers


def measure(features, ways, shots, count=1000):
    """Mean accuracy of problems, and half the width of its 95 % interval."""
    found = minidl.stack([answer.float().mean() for answer, _ in answers(features, ways, shots, count)])
    return found.mean().item(), 1.96 * found.std().item() / math.sqrt(count)


def features_of(model):
    return evaluated(model, lambda: in_batches(lambda part: encode(part.to(args.device)), test_x.float() / 255)).cpu()


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
(x, labels), (test_x, test_labels) = characters.load(args)
ways = min(20, len(test_labels.unique()))
layers = []
for stage in range(int(math.log2(x.shape[-1]) - 1)):
    layers += [nn.Conv2d(64 if stage else 1, 64, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(64), nn.ReLU()]
model = nn.Sequential(*layers, nn.Flatten()).to(args.device)
print(f"{args.dataset}: learns from {len(x):,} images of {len(labels.unique())} classes, is tested on "
      f"{len(test_x):,} of {len(test_labels.unique())} others; "
      f"{sum(p.numel() for p in model.parameters()):,} parameters")
optimizer = optim.AdamW(model.parameters(), lr=args.lr)
problems = Problems()
schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.epochs * len(problems))
history, interrupted = ([], False) if args.evaluate else training.fit(
    args, model, problems, objective, optimizer, args.epochs, schedule=schedule,
    evaluate=lambda: {"one shot": measure(features_of(model), ways, 1, 100)[0]})


def report():
    for name, features in (("pixels", test_x.flatten(1).float() / 255), (args.loss, features_of(model))):
        for chosen in sorted({5, ways}):
            figures = ["{:.2%} +- {:.2%}".format(*measure(features, chosen, shots)) for shots in (1, 5)]
            print(f"{name:>12}, {chosen:>2} classes: one shot {figures[0]}, five shots {figures[1]}")


def episode(path):
    """One problem: on top the drawings that are shown, below those that are asked."""
    columns = min(ways, 10)
    right, numbers = next(answers(features_of(model), columns, 1, 1, 3))
    titles = ["shown"] * columns + ["right" if ok else "WRONG" for ok in right.view(columns, 3).T.flatten().tolist()]
    plots.images(test_x[numbers.T.flatten()].float() / 255, path, titles, columns=columns,
                 caption=f"one shot, {columns} classes: the first row is shown, each column is one character")


classification.finish(args, history, interrupted, report, {"episode": episode})
