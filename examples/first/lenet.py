"""LeNet: a convolutional network that reads handwritten digits.

Convolutions look for the same small patterns everywhere in the image, pooling lets them shift a little, and two
linear layers decide. The layout is LeNet's, with 20 and 50 maps and 500 hidden units
(LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998).

    python examples/first/lenet.py
    python examples/first/lenet.py --dataset mnist --data DIR --epochs 5 --plot plots
"""
import sys

import command_line
import common
import plots
import training

from minidl import nn


class LeNet(nn.Module):
    """Scores for ten digits from images of 28x28, or of 8x8 with smaller kernels."""

    def __init__(self, image_size: int) -> None:
        super().__init__()
        kernel, padding = (5, 0) if image_size == 28 else (3, 1)
        side = ((image_size - kernel + 1 + 2 * padding) // 2 - kernel + 1 + 2 * padding) // 2
        self.conv1 = nn.Conv2d(1, 20, kernel, padding=padding)
        self.conv2 = nn.Conv2d(20, 50, kernel, padding=padding)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(50 * side * side, 500)
        self.fc2 = nn.Linear(500, 10)

    def forward(self, x):
        x = self.pool(self.relu(self.conv1(x)))   # (N, 1, 28, 28) -> (N, 20, 12, 12)
        x = self.pool(self.relu(self.conv2(x)))   # -> (N, 50, 4, 4)
        x = self.relu(self.fc1(x.flatten(1)))     # -> (N, 500)
        return self.fc2(x)                        # -> (N, 10)


args = command_line.parse(__doc__, epochs=20, batch_size=64, lr=2e-3)
data = common.load(args)
model = LeNet(data.image_size).to(args.device)
print(model, f"{sum(p.numel() for p in model.parameters()):,} parameters", sep="\n")

progress = training.fit(model, data, args)

if args.save:
    common.save(model.state_dict(), args.save)
if args.plot:
    plots.loss_curve(progress, args.plot / "lenet_loss.png")
    plots.mistakes(data, common.predict(model, data.test_x), args.plot / "lenet_mistakes.png")
    plots.filters(model.conv1.weight.detach(), args.plot / "lenet_filters.png")

sys.exit(progress.status)
