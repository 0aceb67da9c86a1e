"""The convolutional network whose features the programs of this folder judge."""
from __future__ import annotations

from minidl import nn

STAGES = {8: 3}         # pixels a side: stages of the encoder; 4 of other images


class Encoder(nn.Sequential):
    """Features (N, size) of images: convolutions, each with a norm, and twice as many channels where the image halves.

    A stage is a convolution of 3 x 3 with norm and ReLU. `maps` gives the output of each.
    """

    def __init__(self, channels, size, width):
        stages = STAGES.get(size, 4)
        widths = [channels, *(width << stage for stage in range(stages))]
        layers = []
        for stage, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            pooled = [nn.MaxPool2d(2)] if stage else []
            layers += [*pooled, nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
                       nn.ReLU()]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.width = widths[-1]

    def maps(self, x):
        """The maps (N, width of the stage, h, w) after each stage."""
        found = []
        for layer in list(self)[:-2]:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(x)
        return found
