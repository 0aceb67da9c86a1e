"""The training loop: it serves every network that scores classes."""
import common
from progress import Progress

from minidl import nn, optim
from minidl.utils.data import DataLoader, TensorDataset


def fit(model: nn.Module, data: common.Data, args) -> Progress:
    """Train `model` with Adam for `args.epochs`, and test it after each epoch."""
    loader = DataLoader(TensorDataset(data.train_x, data.train_y), batch_size=args.batch_size, shuffle=True)
    steps = args.epochs * len(loader)
    loss_function = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)   # down to zero in half a wave

    with Progress(steps, args.max_steps) as progress:
        while not progress.finished:
            model.train()                            # dropout drops
            for x, y in loader:
                output = model(x)
                loss = loss_function(output, y)

                optimizer.zero_grad()                # gradients add up, so start from none
                loss.backward()
                optimizer.step()
                schedule.step()

                progress.step(loss, output, y)
                if progress.finished:
                    break
            model.eval()                             # dropout lets everything through
            progress.epoch(common.accuracy(common.predict(model, data.test_x), data.test_y))
    model.eval()                                     # also after Ctrl-C
    return progress
