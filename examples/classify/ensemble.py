"""An ensemble: networks that differ by chance alone make different mistakes, and together make fewer.

Each member is the same small network, trained on the same images from another random start in another random order.
Together they can vote, each for one class, or average their probabilities, where one that is sure counts for more. The
average of their weights, however, is as good as a guess: what is unit 3 of one is unit 17 of another.

    python examples/classify/ensemble.py
    python examples/classify/ensemble.py --dataset mnist --data DIR --members 5 --plot plots
"""
import minidl
from minidl import optim
from minidl.cli import arguments, classification, images
from minidl.cli.classification import accuracy, in_batches
from minidl.train import Classification, fit, plots
from minidl.vision import models

DEFAULTS = {
    "digits": {"epochs": 8, "batch_size": 64, "lr": 3e-3},
    "mnist": {"epochs": 3, "batch_size": 64, "lr": 2e-3},
    "fashion": {"epochs": 5, "batch_size": 64, "lr": 1e-3},
    "cifar10": {"epochs": 8, "batch_size": 64, "lr": 1e-3},
    "tinyplaces": {"epochs": 10, "batch_size": 64, "lr": 1e-3},
}


def add_members(parser):
    parser.add_argument("--members", type=arguments.whole_number(2), default=5, metavar="N", help="default: 5")


args = arguments.parse(__doc__, DEFAULTS, extra=add_members, keeps=False)
data = images.load(args)
print(f"{args.dataset}: {len(data.train.x):,} training and {len(data.test.x):,} test images")


def trained(member):
    """A network, trained from a start of its own."""
    minidl.manual_seed(args.seed + member)
    model = models.lenet_caffe(len(data.classes), data.channels, data.size).to(args.device)
    batches = images.Batches(data, args.batch_size)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * len(batches))
    fit(model, batches, Classification(), optimizer, args.epochs, schedule=schedule)
    return model.eval()


def probabilities(model):
    return in_batches(lambda x: model(data.normalise(x)).softmax(1), data.test.x).cpu()


def vote(members):
    """The share of members (M, N, classes) that name each class."""
    return minidl.nn.functional.one_hot(members.argmax(2), members.shape[2]).float().mean(0)


nets, answers, history = [], [], []
for member in range(args.members):
    print(f"member {member + 1} of {args.members} learns")
    nets.append(trained(member))
    answers.append(probabilities(nets[-1]))
    members = minidl.stack(answers)
    row = {"newest accuracy": accuracy(answers[-1], data.test.y),
           "vote accuracy": accuracy(vote(members), data.test.y),
           "average accuracy": accuracy(members.mean(0), data.test.y)}
    history.append({"members": member + 1, **row})
    print("; ".join(f"{name} {value:.2%}" for name, value in row.items()))

alone = [row["newest accuracy"] for row in history]
print(f"test accuracy {row['average accuracy']:.2%} of the average; of one alone "
      f"{sum(alone) / len(alone):.2%} on average, {min(alone):.2%} to {max(alone):.2%}")
differ = (members[0].argmax(1) != members[1].argmax(1)).float().mean().item()
print(f"the first two members say different classes for {differ:.2%} of the images")

states = [net.state_dict() for net in nets]
nets[0].load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
print(f"a network with the average of their weights: {accuracy(probabilities(nets[0]), data.test.y):.2%}")

if args.plot:
    classification.draw(args.plot, {"members": lambda path: plots.curves(history, path, x="members"),
                                    **classification.results(members.mean(0), data.test)})
