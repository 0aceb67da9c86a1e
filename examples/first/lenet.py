"""LeNet: a convolutional network that reads handwritten digits.

Convolutions look for the same small patterns everywhere in the image, pooling lets them shift a little, and two
linear layers decide. The layout is LeNet's, with 20 and 50 maps and 500 hidden units
(LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998).

    python examples/first/lenet.py
    python examples/first/lenet.py --dataset mnist --data DIR --plot plots
"""
from minidl import nn, optim
from minidl.cli import arguments, images
from minidl.cli.classification import Run
from minidl.train import plots

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 64, "lr": 2e-3},
    "mnist": {"epochs": 5, "batch_size": 64, "lr": 2e-3},
    "fashion": {"epochs": 10, "batch_size": 64, "lr": 1e-3},
    "cifar10": {"epochs": 15, "batch_size": 64, "lr": 1e-3},
    "tinyplaces": {"epochs": 20, "batch_size": 64, "lr": 1e-3},
}


class LeNet(nn.Module):
    """Scores for classes of images; the shapes beside the layers are those for MNIST."""

    def __init__(self, channels, image_size, classes):
        super().__init__()
        kernel, padding = (5, 0) if image_size >= 16 else (3, 1)
        side = ((image_size - kernel + 1 + 2 * padding) // 2 - kernel + 1 + 2 * padding) // 2
        self.conv1 = nn.Conv2d(channels, 20, kernel, padding=padding)
        self.conv2 = nn.Conv2d(20, 50, kernel, padding=padding)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(50 * side * side, 500)
        self.fc2 = nn.Linear(500, classes)

    def forward(self, x):
        x = self.pool(self.relu(self.conv1(x)))   # (N, 1, 28, 28) -> (N, 20, 12, 12)
        x = self.pool(self.relu(self.conv2(x)))   # -> (N, 50, 4, 4)
        x = self.relu(self.fc1(x.flatten(1)))     # -> (N, 500)
        return self.fc2(x)                        # -> (N, 10)


args = arguments.parse(__doc__, DEFAULTS)
data = images.load(args)
model = LeNet(data.channels, data.size, len(data.classes)).to(args.device)
print(model)
run = Run(args, data, model)

batches = run.batches()
optimizer = optim.Adam(model.parameters(), lr=args.lr)
schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * len(batches))  # to zero in half a wave
run.train(batches, optimizer, schedule=schedule)


def filters(path):
    kernels = model.conv1.weight.detach().cpu()                   # (20, C, 5, 5)
    bound = kernels.abs().max()
    plots.images(kernels / (2 * bound) + 0.5, path, caption="the kernels of the first convolution", columns=10)


run.end(pictures={"filters": filters})
