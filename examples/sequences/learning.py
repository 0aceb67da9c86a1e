"""What the programs that caption, answer and make sound share: batches, and a training from beginning to end."""
import minidl
from minidl import optim
from minidl.cli import training
from minidl.cli.classification import finish, load_weights, save


class Batches:
    """The rows of tensors in a new order each time."""

    def __init__(self, *tensors, size):
        self.tensors, self.size = tensors, size

    def __len__(self):
        return -(-len(self.tensors[0]) // self.size)

    def __iter__(self):
        for chosen in minidl.randperm(len(self.tensors[0])).split(self.size):
            yield tuple(tensor[chosen] for tensor in self.tensors)


def learn(args, model, batches, loss, evaluate, report, pictures):
    """Train as the options say, save, report, draw, and end the program.

    loss: `loss(model, *batch)`. evaluate: gives figures after each epoch. pictures: what `--plot` draws, by name.
    """
    print(f"{type(model).__name__}: {sum(p.numel() for p in model.parameters()):,} parameters")
    history, interrupted = [], False
    if args.weights:
        load_weights(model, args.weights, args.device)
    if not args.evaluate:
        optimizer = optim.Adam(model.parameters(), lr=args.lr)
        one_cycle = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
        history, interrupted = training.fit(args, model, batches, lambda *batch: (loss(*batch), {}), optimizer,
                                            args.epochs, schedule=one_cycle, clip_norm=5.0, evaluate=evaluate)
    if args.save:
        save(model, args.save)
    finish(args, history, interrupted, report, pictures)
