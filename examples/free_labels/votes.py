"""Who labels the images? Votes of a crowd that errs, and whether more data, cleaner data or a better model helps most.

A data set is made by asking people, and each of them errs (Zhou et al., "Places", 2017, asked three times). Here a
voter gives a wrong class with probability `--error`. The first table says how often the majority of 1, 3, 5 ... voters
errs: what is drawn, and what the binomial law says for two classes. The second trains three models on few or many
images, with labels of one voter, of five, or without error: preparing data is most of the work because it pays.

    python examples/free_labels/votes.py
    python examples/free_labels/votes.py --dataset mnist --data DIR --error 0.4 --compiled --plot plots
"""
import math

import numpy as np
from encoder import Encoder

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, images
from minidl.neighbors import KNeighborsClassifier
from minidl.train import Classification, fit, plots
from minidl.train.objective import evaluated

DEFAULTS = {"digits": {"epochs": 10, "batch_size": 32, "lr": 1e-2},
            "mnist": {"epochs": 2, "batch_size": 64, "lr": 5e-3}}
CROWDS = (1, 3, 5, 7, 9)
LABELLERS = {"one voter": 1, "five voters": 5, "no error": 0}


def add_options(parser):
    parser.add_argument("--error", type=arguments.number_between(0, 1), default=0.4, metavar="SHARE",
                        help="of votes that are wrong (default: 0.4)")
    parser.add_argument("--most", type=arguments.whole_number(80), default=1200, metavar="N",
                        help="images to learn from; also a quarter and a sixteenth of them (default: 1200)")


def voted(right, voters, classes):
    """The class with most votes, (N,); among equals one at random."""
    wrong = stream.random((len(right), voters)) < args.error
    votes = (right[:, None] + wrong * stream.integers(1, classes, (len(right), voters))) % classes
    counts = (votes[..., None] == np.arange(classes)).sum(1)
    return (counts + 0.5 * stream.random(counts.shape)).argmax(1)


def majority_errs(voters):
    """The chance that more than half of the voters err: of two classes, and an odd number."""
    return sum(math.comb(voters, k) * args.error ** k * (1 - args.error) ** (voters - k)
               for k in range(voters // 2 + 1, voters + 1))


def network(layers):
    """A network that is trained on images and labels, and asked for classes."""
    def learn(x, y, asked):
        minidl.manual_seed(args.seed)
        model = nn.Sequential(*layers(), nn.LazyLinear(len(data.classes))).to(args.device)
        model(x[:2])
        part = images.Images(x, y, data.classes)
        batches = images.Batches(data._replace(train=part), args.batch_size, prepare=lambda x: x)
        optimizer = optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
        steps = max(1, args.most // args.batch_size) * args.epochs      # as many, however few the images are
        epochs = -(-steps // len(batches))
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, epochs * len(batches))
        fit(model, batches, Classification(), optimizer, epochs, schedule=schedule, show=False)
        return evaluated(model, lambda: classification.in_batches(model, asked)).argmax(1)
    return learn


def neighbours(x, y, asked):
    return minidl.as_tensor(KNeighborsClassifier(5).fit(x.flatten(1), y).predict(asked.flatten(1)))


args = arguments.parse(__doc__, DEFAULTS, extra=add_options, keeps=False)
data = images.load(args)
stream = np.random.default_rng(args.seed)
models = {"5 neighbours": neighbours, "softmax regression": network(lambda: [nn.Flatten()]),
          "convolutions": network(lambda: list(Encoder(data.channels, data.size, 24)))}
two, ten = stream.integers(0, 2, 20_000), stream.integers(0, 10, 20_000)
print("voters   wrong of 2 classes   (by the law)   wrong of 10 classes")
crowd = {voters: (np.mean(voted(two, voters, 2) != two), majority_errs(voters), np.mean(voted(ten, voters, 10) != ten))
         for voters in CROWDS}
for voters, (drawn, law, of_ten) in crowd.items():
    print(f"{voters:>6} {drawn:>20.1%} {law:>14.1%} {of_ten:>21.1%}")

order = minidl.randperm(len(data.train.x))
sizes = [size for size in (args.most // 16, args.most // 4, args.most) if size <= len(order)] or [len(order)]
x, asked = data.normalise(data.train.x[order]), data.normalise(data.test.x)
right, found = data.train.y[order].numpy(), {}
print(f"\ntest accuracy        labels of    {'   '.join(f'{size:>6,} images' for size in sizes)}")
for name, learn in models.items():
    for labeller, voters in LABELLERS.items():
        y = minidl.tensor(voted(right, voters, len(data.classes)) if voters else right).to(args.device)
        found[name, labeller] = [(learn(x[:size], y[:size], asked).cpu() == data.test.y).float().mean().item()
                                 for size in sizes]
        print(f"{name:<20} {labeller:<12} " + "   ".join(f"{share:>13.1%}" for share in found[name, labeller]))


def compared(path):
    """The crowd's errors, and the accuracy of each model over the number of images."""
    figure = plots.figure(13, 3.6)
    first, *others = figure.subplots(1, 1 + len(models))
    for label, column in (("2 classes", 0), ("2 classes, by the law", 1), ("10 classes", 2)):
        first.plot(CROWDS, [100 * row[column] for row in crowd.values()], "--" if column == 1 else ".-", label=label)
    first.set(xlabel="voters", ylabel="wrong labels (%)", title="what a crowd gets wrong", xticks=CROWDS)
    least = min(40, *(99 * min(shares) for shares in found.values()))
    for axes, name in zip(others, models):
        for labeller in LABELLERS:
            axes.plot(sizes, [100 * share for share in found[name, labeller]], ".-", label=labeller)
        axes.set(xscale="log", xlabel="images", title=name, ylim=(least, 101), ylabel="test accuracy (%)")
        axes.set_xticks(sizes, sizes)
        axes.minorticks_off()
    first.legend(fontsize=8)
    others[-1].legend(fontsize=8)
    plots.save(figure, path)


if args.plot:
    classification.draw(args.plot, {"compared": compared})
