"""The arithmetic of convolutions: how padding, stride and kernel size say how large the output is, as a film.

A convolution of i pixels with a kernel of k, padding p and stride s has floor((i + 2p - k) / s) + 1 outputs. Its
transpose goes the other way: to s (o - 1) + k - 2p. It is a convolution, too, with stride 1, of the input with s - 1
zeros between its pixels and k - 1 - p around them (Dumoulin and Visin, 2016), which is how it is drawn, and checked.
Orange is what one output looks at: where its gradient is not zero.

    python examples/course/networks/convolution_arithmetic.py
    python examples/course/networks/convolution_arithmetic.py --plot plots
"""
import numpy as np
from PIL import Image, ImageDraw

import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F

CASES = {       # input, kernel, stride, padding
    "no padding, no stride": (4, 3, 1, 0), "padding: as large as before": (5, 3, 1, 1),
    "stride": (5, 3, 2, 0), "padding and stride": (5, 3, 2, 1)}
CELL, COLUMNS, ROWS, HEAD = 16, 14, 7, 24       # pixels of a cell; cells of a panel; pixels of its title
BLUE, TEAL, ORANGE, EMPTY, LINE = "#6fa8dc", "#45b39d", "#f39c12", "#f4f4f4", "#9a9a9a"


def spread(x, kernel, stride, padding):
    """The input (1, 1, N, N) with zeros between its pixels and around them."""
    side = stride * (x.shape[-1] - 1) + 1
    wide = x.new_zeros(1, 1, side, side)
    wide[..., ::stride, ::stride] = x
    return F.pad(wide, (kernel - 1 - padding,) * 4)


class Panel:
    """One convolution: which places of its padded input are numbers, and what each output looks at.

    seen: (padded side, padded side), True where a number of the input lies. fields: for each output, in order, the
    places (padded side, padded side) that it depends on. side: outputs a side.
    """

    def __init__(self, title, size, kernel, stride, padding, transposed):
        self.title, weight = title, minidl.rand(1, 1, kernel, kernel)
        whole = minidl.rand(1, 1, size, size)
        if transposed:
            padded = spread(whole, kernel, stride, padding)
            self.seen = spread(minidl.ones_like(whole), kernel, stride, padding)[0, 0] > 0
            out = F.conv_transpose2d(whole, weight, stride=stride, padding=padding)
            flipped, step = weight.flip(2, 3), 1
            self.side, formula = out.shape[-1], stride * (size - 1) + kernel - 2 * padding
        else:
            padded = F.pad(whole, (padding,) * 4)
            self.seen = F.pad(minidl.ones_like(whole), (padding,) * 4)[0, 0] > 0
            out = F.conv2d(whole, weight, stride=stride, padding=padding)
            flipped, step = weight, stride
            self.side, formula = out.shape[-1], (size + 2 * padding - kernel) // stride + 1
        padded.requires_grad_()
        as_drawn = F.conv2d(padded, flipped, stride=step)
        self.error = (as_drawn - out).abs().max().item()
        self.fields = [minidl.autograd.grad(value, padded, retain_graph=True)[0][0, 0] != 0
                       for value in as_drawn.flatten()]
        self.told = (f"{title:40} {size:5} {kernel:6} {stride:6} {padding:7} {formula:8} {self.side:6} "
                     f"{self.error:10.1e}")

    def draw(self, pen, left, top, frame):
        """The input, and to the right of it the outputs so far."""
        now = frame % len(self.fields)
        pen.text((left, top), self.title, fill="black")
        top += HEAD
        for (row, column), seen in np.ndenumerate(self.seen.numpy()):
            looked_at = self.fields[now][row, column]
            cell(pen, left, top, row, column, BLUE if seen else EMPTY, ORANGE if looked_at else None)
        left += (len(self.seen) + 1) * CELL
        for number in range(self.side ** 2):
            color = ORANGE if number == now else TEAL if number < now else EMPTY
            cell(pen, left, top, number // self.side, number % self.side, color)


def cell(pen, left, top, row, column, color, ring=None):
    x, y = left + column * CELL, top + row * CELL
    pen.rectangle((x, y, x + CELL, y + CELL), fill=color, outline=LINE)
    if ring:
        pen.rectangle((x + 3, y + 3, x + CELL - 3, y + CELL - 3), fill=ring)


def main():
    args = lesson.parse(__doc__)
    panels = []
    print(f"{'':40} {'input':>5} {'kernel':>6} {'stride':>6} {'padding':>7} {'by rule':>8} {'output':>6} {'error':>10}")
    for transposed in (False, True):
        for title, (size, kernel, stride, padding) in CASES.items():
            if transposed:      # from the convolution's outputs back to its inputs
                size, title = (size + 2 * padding - kernel) // stride + 1, f"transposed: {title}"
            panels.append(Panel(title, size, kernel, stride, padding, transposed))
            print(panels[-1].told)
    print("error: of the convolution with stride 1 that is drawn, against the transposed one")

    def film(path):
        frames = []
        for number in range(max(len(panel.fields) for panel in panels)):
            width, height = COLUMNS * CELL, HEAD + (ROWS + 1) * CELL
            image = Image.new("RGB", (width * len(CASES), height * 2), "white")
            pen = ImageDraw.Draw(image)
            for i, panel in enumerate(panels):
                panel.draw(pen, 8 + i % len(CASES) * width, 6 + i // len(CASES) * height, number)
            frames.append(image)
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=500, loop=0)
    if args.plot:
        draw(args.plot, {"all.gif": film})


if __name__ == "__main__":
    main()
