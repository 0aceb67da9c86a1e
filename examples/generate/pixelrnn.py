"""PixelRNN: an LSTM runs down the rows of an image, and each state comes from the three above it.

Van den Oord, Kalchbrenner and Kavukcuoglu, 2016, the row LSTM: a pixel is told from a triangle of pixels above it and
from its left neighbours. The rows must be computed one after the other, where a PixelCNN computes all at once.

    python examples/generate/pixelrnn.py
    python examples/generate/pixelrnn.py --dataset mnist --data DIR --compiled --plot plots
"""
import pixels

from minidl import generative, nn
from minidl.cli import arguments

DEFAULTS = {
    "digits": {"epochs": 15, "batch_size": 32, "lr": 1e-2},
    "mnist": {"epochs": 3, "batch_size": 50, "lr": 5e-3},
    "fashion": {"epochs": 3, "batch_size": 50, "lr": 5e-3},
}


def add_options(parser):
    pixels.add_half(parser)
    for name, default, told in (("width", 16, "channels of a layer"), ("layers", 2, "row LSTMs, one on the other")):
        parser.add_argument(f"--{name}", type=arguments.whole_number(1), default=default, metavar="N",
                            help=f"{told} (default: {default})")


class PixelRNN(nn.Module):
    """Logits (N, C, 2, H, W) of images (N, C, H, W) of 0 and 1."""

    def __init__(self, channels, width, layers):
        super().__init__()
        self.channels = channels
        self.first = generative.MaskedConv2d("A", channels, width, 7)
        self.layers = nn.ModuleList([nn.Sequential(generative.RowLSTM("B", width, width), nn.Conv2d(width, width, 1))
                                     for _ in range(layers)])
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(width, 2 * width, 1), nn.ReLU(),
                                  nn.Conv2d(2 * width, 2 * channels, 1))

    def forward(self, x, labels=None):
        x = self.first(x.float() * 2 - 1)
        for layer in self.layers:
            x = x + layer(x)
        return self.head(x).unflatten(1, (self.channels, 2))


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = pixels.load(args)
pixels.learn(args, data, PixelRNN(data.channels, args.width, args.layers).to(args.device))
