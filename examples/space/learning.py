"""What the programs on solids, rooms and films share: options, data in memory, and a training."""
import minidl
from minidl import optim
from minidl.cli import arguments, training
from minidl.cli.classification import in_batches, load_weights, save
from minidl.train import Classification
from minidl.train.objective import evaluated
from minidl.vision.datasets import SyntheticSolids


def parse(description, defaults, extra=lambda parser: None, count=2000, test=500):
    """The options of a program whose examples are made when it starts: `count` to learn from, `test` to test with."""
    made = next(iter(defaults))

    def add_options(parser):
        for name, default in (("count", count), ("test", test)):
            parser.add_argument(f"--{made if name == 'count' else name}", dest=name, metavar="N",
                                type=arguments.whole_number(2), default=default,
                                help=f"{made} to {'learn from' if name == 'count' else 'test with'} (%(default)s)")
        extra(parser)
    return arguments.parse(description, defaults, extra=add_options)


def add_solids(parser, side=24):
    """The options of solids."""
    parser.add_argument("--side", type=arguments.whole_number(12), default=side, metavar="N",
                        help=f"voxels or pixels a side (default: {side})")
    parser.add_argument("--rotation", choices=["none", "z", "all"], default="z",
                        help="of the solids (default: %(default)s)")
    parser.add_argument("--noise", type=arguments.number_between(0, 1), default=0.02, metavar="X",
                        help="in volumes, points or pictures (default: 0.02)")


def solids(args, form, **settings):
    """Solids to learn from and to test with, and their kinds: (x, y), (x, y)."""
    settings = {"side": args.side, "rotation": args.rotation, "noise": args.noise, **settings}
    parts = []
    for size, seed in ((args.count, 2 * args.seed), (args.test, 2 * args.seed + 1)):
        made = SyntheticSolids(size, form, seed=seed, **settings)
        x, y = zip(*(made[i] for i in range(size)))
        parts.append((minidl.stack(x), minidl.tensor(y)))
    return parts


class Batches:
    """Random batches of tensors with as many rows, on the device."""

    def __init__(self, parts, args):
        self.parts, self.size, self.device = parts, min(args.batch_size, len(parts[0])), args.device

    def __len__(self):
        return len(self.parts[0]) // self.size

    def __iter__(self):
        for chosen in minidl.randperm(len(self.parts[0])).split(self.size)[:len(self)]:
            yield [part[chosen].to(self.device) for part in self.parts]


def fit(args, net, parts, figures, objective=None):
    """Train with AdamW and one cycle of the rate, unless there is --evaluate; `figures()` follow each epoch.

    Returns the figures of the epochs, and whether Ctrl-C came.
    """
    net.to(args.device)
    print(f"{args.dataset}: {args.count:,} to learn from, {args.test:,} to test with; "
          f"{sum(p.numel() for p in net.parameters()):,} parameters")
    if args.weights:
        load_weights(net, args.weights, args.device)
    history, interrupted = [], False
    if not args.evaluate:
        batches = Batches(parts, args)
        optimizer = optim.AdamW(net.parameters(), lr=args.lr, weight_decay=1e-2)
        cycle = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
        history, interrupted = training.fit(args, net, batches, objective or Classification(), optimizer, args.epochs,
                                            schedule=cycle, clip_norm=5.0, evaluate=figures)
    net.eval()
    if args.save:
        save(net, args.save)
    return history, interrupted


def scores_of(args, net, x, size=100):
    """What a network says of x, computed in batches, in `eval` mode."""
    return evaluated(net, lambda: in_batches(lambda part: net(part.to(args.device)).cpu(), x, size))


def accuracy(scores, right):
    """The share of the largest scores, along axis 1, that are the right class's."""
    return (scores.argmax(1) == right).float().mean().item()
