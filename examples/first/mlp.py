"""A multi-layer perceptron: modules, an optimizer and a schedule.

Two hidden layers of rectified units. The model is a composition of modules, which own the parameters. `fit` trains it:
it shuffles and batches, asks for gradients, and lets the optimizer update the parameters (minidl/train/loop.py).

    python examples/first/mlp.py
    python examples/first/mlp.py --dataset mnist --data DIR --plot plots
"""
from minidl import nn, optim
from minidl.cli import arguments, images
from minidl.cli.classification import Run

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 64, "lr": 2e-3},
    "mnist": {"epochs": 5, "batch_size": 128, "lr": 2e-3},
    "fashion": {"epochs": 10, "batch_size": 128, "lr": 1e-3},
    "cifar10": {"epochs": 15, "batch_size": 128, "lr": 5e-4},
    "tinyplaces": {"epochs": 20, "batch_size": 128, "lr": 5e-4},
}

args = arguments.parse(__doc__, DEFAULTS)
data = images.load(args)
model = nn.Sequential(
    nn.Flatten(),                                                 # (N, C, H, W) -> (N, C*H*W)
    nn.Linear(data.train.x[0].numel(), 512),
    nn.ReLU(),
    nn.Linear(512, 256),
    nn.ReLU(),
    nn.Dropout(0.2),                                              # in training, every unit is away one time in five
    nn.Linear(256, len(data.classes)),
).to(args.device)
print(model)
run = Run(args, data, model)

batches = run.batches()
optimizer = optim.Adam(model.parameters(), lr=args.lr)
schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * len(batches))  # to zero in half a wave
run.train(batches, optimizer, schedule=schedule)
run.end()
