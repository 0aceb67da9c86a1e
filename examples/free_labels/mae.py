"""A masked autoencoder: three quarters of an image are hidden, and the network says what they show.

To do so it must know what such images look like, and that is what its features are good for. The encoder is a vision
transformer, which sees only the patches that are left; a small decoder guesses the others, and is thrown away. He et
al., "Masked Autoencoders Are Scalable Vision Learners", 2021.

    python examples/free_labels/mae.py
    python examples/free_labels/mae.py --dataset mnist --data DIR --compiled --run runs/mae --plot plots
"""
import probe

import minidl
from minidl import nn
from minidl.cli import arguments, images
from minidl.self_supervised import MaskedAutoencoder, patchify, unpatchify
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.vision import models
from minidl.vision.transforms import batched

DEFAULTS = {
    "digits": {"epochs": 30, "batch_size": 64, "lr": 3e-3},
    "mnist": {"epochs": 8, "batch_size": 128, "lr": 2e-3},
    "fashion": {"epochs": 8, "batch_size": 128, "lr": 2e-3},
    "cifar10": {"epochs": 10, "batch_size": 128, "lr": 2e-3},
    "tinyplaces": {"epochs": 40, "batch_size": 128, "lr": 2e-3},
}


class Encoder(nn.Module):
    """The features of a masked autoencoder, without its masks."""

    def __init__(self, mae):
        super().__init__()
        self.mae = mae

    def forward(self, x):
        return self.mae.features(x)


def objective(model, x, labels):
    return model.loss(x), {}


def add_options(parser):
    parser.add_argument("--masked", type=arguments.number_between(0.1, 0.9), default=0.75, metavar="SHARE",
                        help="of the patches (default: 0.75)")


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = images.load(args)
patch = 2 if data.size == 8 else 4
vit = models.VisionTransformer(image_size=data.size, patch_size=patch, num_layers=4, num_heads=4, hidden_dim=64,
                               mlp_dim=128, in_channels=data.channels)
model = MaskedAutoencoder(vit, masked=args.masked).to(args.device)
augment = batched.Compose([batched.RandomResizedCrop(data.size, (0.3, 1.0)), batched.RandomHorizontalFlip()]) \
    if data.channels == 3 else batched.RandomShift(data.size // 8)


def guesses(path):
    """Test images, what is left of them, and what the network makes of that."""
    x = data.normalise(data.test.x[:10])
    guess = evaluated(model, lambda: model(x))
    patches, hidden = patchify(x, patch), guess.hidden[..., None]
    shown = patches.masked_fill(hidden, patches.min().item() if data.channels == 1 else 0.0)
    rows = [unpatchify(part, patch, (data.size, data.size)) * data.std + data.mean
            for part in (patches, shown, patches.where(~hidden, guess.patches))]
    plots.images(minidl.cat(rows).clamp(0, 1), path, columns=10,
                 caption=f"test images; what is left when {args.masked:.0%} is hidden; what the network makes of that")


probe.learn(args, data, model, images.Batches(data, args.batch_size, augment), objective, {"guesses": guesses},
            encoder=Encoder(model), weight_decay=0.05)
