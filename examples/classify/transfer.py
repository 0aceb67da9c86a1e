"""Transfer: what a network learned from some classes helps with others of which there are few images.

A ResNet-20 learns the first half of the classes, or brings `--weights` from another data set. Then the second half is
learned from a few images of each class, in five ways: by a network that starts anew; by neighbours among the features
of the frozen network; by a linear layer on these; by fine-tuning the last stage; by fine-tuning all of it.

    python examples/classify/transfer.py
    python examples/classify/transfer.py --dataset cifar10 --data DIR --shots 50 --plot plots
    python examples/classify/transfer.py --dataset tinyplaces --data DIR --weights runs/resnet/best.minidl
"""
import copy
from pathlib import Path

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, images
from minidl.cli.classification import accuracy, in_batches
from minidl.neighbors import KNeighborsClassifier
from minidl.train import Classification, fit, plots
from minidl.utils.data import DataLoader, TensorDataset
from minidl.vision import models

DEFAULTS = {
    "digits": {"epochs": 10, "batch_size": 32, "lr": 0.1},
    "mnist": {"epochs": 2, "batch_size": 128, "lr": 0.1},
    "fashion": {"epochs": 4, "batch_size": 128, "lr": 0.2},
    "cifar10": {"epochs": 10, "batch_size": 128, "lr": 0.4},
    "tinyplaces": {"epochs": 20, "batch_size": 64, "lr": 0.2},
}


def add_options(parser):
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of a ResNet-20 for images of as many channels")
    parser.add_argument("--shots", type=arguments.whole_number(1), default=10, metavar="N",
                        help="images of each class to learn from (default: 10)")
    parser.add_argument("--steps", type=arguments.whole_number(1), default=200, metavar="N",
                        help="by which each way learns from them (default: 200)")


def only(part, classes):
    """The images of these classes, which are counted from 0."""
    chosen = minidl.cat([(part.y == number).nonzero().flatten() for number in classes])
    return images.Images(part.x[chosen], part.y[chosen] - classes[0], [part.classes[number] for number in classes])


def few(part, shots):
    """So many images of each class."""
    order = minidl.randperm(len(part.x))
    chosen = minidl.cat([order[part.y[order] == number][:shots] for number in range(len(part.classes))])
    return images.Images(part.x[chosen], part.y[chosen], part.classes)


def learn(model, x, y, epochs, batch_size, lr, show=False):
    """Train a model by SGD, with a rate that rises and falls once."""
    batches = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=epochs * len(batches))
    fit(model, batches, Classification(), optimizer, epochs, schedule=schedule, show=show)


def outputs(model, x):
    """What a model makes of all of x."""
    return in_batches(model.eval(), x)


def halves(network):
    """A ResNet-20 in two: what sees edges and textures, and the last stage, which sees objects."""
    network = copy.deepcopy(network)
    early = nn.Sequential(network.conv1, network.bn1, network.relu, network.layer1, network.layer2)
    return early, nn.Sequential(network.layer3, network.avgpool, nn.Flatten())


args = arguments.parse(__doc__, DEFAULTS, extra=add_options, keeps=False)
data = images.load(args)
classes, middle = len(data.classes), 0 if args.weights else len(data.classes) // 2
network = models.resnet20(middle or len(data.classes), data.channels).to(args.device)
if args.weights:
    network.fc = nn.Identity()          # the last layer knows the classes of another data set
    classification.load_weights(network, args.weights, args.device, without="fc.")
    print(f"the network comes from {args.weights}")
else:
    source = only(data.train, range(middle))
    print(f"a network learns {', '.join(source.classes)} from {len(source.x):,} images")
    learn(network, data.normalise(source.x), source.y.to(args.device), args.epochs, args.batch_size, args.lr,
          show=True)

target = few(only(data.train, range(middle, classes)), args.shots)
test = only(data.test, range(middle, classes))
print(f"then {', '.join(target.classes)} are learned from {len(target.x)} images, and tested on {len(test.x):,}")
x, y, test_x = data.normalise(target.x), target.y.to(args.device), data.normalise(test.x)
fresh = models.resnet20(len(target.classes), data.channels).to(args.device)


def head():
    return nn.Linear(64, len(target.classes)).to(args.device)


def neighbours():
    """The class of the nearest image among the features."""
    trunk = nn.Sequential(*halves(network))
    said = KNeighborsClassifier(n_neighbors=1).fit(outputs(trunk, x), y).predict(outputs(trunk, test_x))
    return nn.functional.one_hot(minidl.as_tensor(said), len(target.classes))


def tuned(frozen, learning, lr):
    """The scores of a network of which only the second part learns."""
    features = outputs(frozen, x)
    learn(learning, features, y, -(-args.steps // -(-len(x) // 32)), 32, lr)
    return outputs(learning, outputs(frozen, test_x))


def ways():
    """The scores of each way, as they come."""
    yield "a new network", tuned(nn.Identity(), fresh, 0.1)
    yield "neighbours among its features", neighbours()
    yield "a linear layer on its features", tuned(nn.Sequential(*halves(network)), head(), 0.1)
    early, late = halves(network)
    yield "its last stage fine-tuned", tuned(early, nn.Sequential(late, head()), 0.02)
    yield "all of it fine-tuned", tuned(nn.Identity(), nn.Sequential(*halves(network), head()), 0.02)


found = {}
for name, scores in ways():
    found[name] = accuracy(scores.cpu(), test.y)
    print(f"{found[name]:>7.2%}  {name}")


def bars(path):
    figure = plots.figure(8, 3)
    axes = figure.subplots()
    axes.bar_label(axes.barh(list(found), [100 * figure for figure in found.values()]), fmt="%.1f")
    axes.invert_yaxis()
    axes.set(xlabel="test accuracy (%)", xlim=(0, 105), title=f"learned from {args.shots} images of each class")
    plots.save(figure, path)


if args.plot:
    classification.draw(args.plot, {"ways": bars, **classification.results(scores.cpu(), test)})
