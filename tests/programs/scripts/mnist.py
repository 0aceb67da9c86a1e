"""Digits by a small convolutional network, from the command line: Adadelta, StepLR, losses that are summed."""
import argparse

import minidl as torch
import minidl.nn as nn
import minidl.nn.functional as F
import minidl.optim as optim
from minidl.optim.lr_scheduler import StepLR
from minidl.vision import datasets, transforms


class Reader(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, width, 5, stride=2), nn.Conv2d(width, 2 * width, 3)
        self.hidden = nn.Linear(2 * width * 5 * 5, 64)
        self.drop = nn.Dropout(0.25)
        self.last = nn.Linear(64, 10)

    def forward(self, images):
        h = F.relu(self.first(images))
        h = F.max_pool2d(F.relu(self.second(h)), 2)
        h = self.drop(F.relu(self.hidden(h.flatten(1))))
        return F.log_softmax(self.last(h), dim=-1)


def one_epoch(options, net, device, batches, optimizer, number):
    net.train()
    for count, (images, digits) in enumerate(batches):
        images, digits = images.to(device), digits.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(net(images), digits)
        loss.backward()
        optimizer.step()
        if count % options.report_every == 0:
            print(f"epoch {number}, {count:3d} of {len(batches)}: loss {loss.item():.4f}")


@torch.no_grad()
def examine(net, device, batches):
    net.eval()
    total, right = 0.0, 0
    for images, digits in batches:
        images, digits = images.to(device), digits.to(device)
        log_p = net(images)
        total += F.nll_loss(log_p, digits, reduction="sum").item()
        said = log_p.argmax(dim=1, keepdim=True)
        right += said.eq(digits.view_as(said)).sum().item()
    size = len(batches.dataset)
    print(f"test: mean loss {total / size:.4f}, {right} of {size} right, accuracy {100. * right / size:.1f}%")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--gamma", type=float, default=0.8)
    parser.add_argument("--no-cuda", action="store_true")
    parser.add_argument("--report-every", type=int, default=10)
    parser.add_argument("--save")
    options = parser.parse_args()

    torch.manual_seed(0)
    on_gpu = torch.cuda.is_available() and not options.no_cuda
    device = torch.device("cuda" if on_gpu else "cpu")
    loading = {"num_workers": 1, "pin_memory": True} if on_gpu else {}
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.13,), (0.31,))])
    seen = datasets.MNIST(options.data, train=True, download=True, transform=transform)
    unseen = datasets.MNIST(options.data, train=False, transform=transform)
    train_batches = torch.utils.data.DataLoader(seen, batch_size=options.batch_size, shuffle=True, **loading)
    test_batches = torch.utils.data.DataLoader(unseen, batch_size=100, **loading)

    net = Reader().to(device)
    optimizer = optim.Adadelta(net.parameters(), lr=options.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=options.gamma)
    for number in range(1, options.epochs + 1):
        one_epoch(options, net, device, train_batches, optimizer, number)
        examine(net, device, test_batches)
        scheduler.step()
    if options.save:
        torch.save(net.state_dict(), options.save)
        again = Reader()
        again.load_state_dict(torch.load(options.save))
        examine(again, torch.device("cpu"), test_batches)
