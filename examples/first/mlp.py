"""A multi-layer perceptron: modules, an optimizer and a data loader.

Two hidden layers of rectified units. The model is a composition of modules, which own the parameters. The loop
that trains it stands in training.py: the loader shuffles and batches, the optimizer updates the parameters.

    python examples/first/mlp.py
    python examples/first/mlp.py --dataset mnist --data DIR --epochs 5 --plot plots
"""
import sys

import command_line
import common
import plots
import training

from minidl import nn

args = command_line.parse(__doc__, epochs=20, batch_size=128, lr=2e-3)
data = common.load(args)

model = nn.Sequential(
    nn.Flatten(),                            # (N, 1, H, W) -> (N, H*W)
    nn.Linear(data.image_size ** 2, 512),
    nn.ReLU(),
    nn.Linear(512, 256),
    nn.ReLU(),
    nn.Dropout(0.2),                         # in training, every unit is away one time in five
    nn.Linear(256, 10),
).to(args.device)
print(model)

progress = training.fit(model, data, args)

if args.save:
    common.save(model.state_dict(), args.save)
if args.plot:
    plots.loss_curve(progress, args.plot / "mlp_loss.png")
    plots.mistakes(data, common.predict(model, data.test_x), args.plot / "mlp_mistakes.png")

sys.exit(progress.status)
