"""Initial weights: what becomes of the numbers on their way through six layers.

Seven widths of 4,096, so six layers, and a batch of 16. With weights of deviation 0.01 all numbers die out, with 0.05
tanh saturates at -1 and 1; in either case nothing is learned, since gradients are products of what is left. Xavier's
1 / sqrt(inputs) keeps the spread under tanh (Glorot and Bengio, 2010). ReLU loses half of it in each layer, which
Kaiming's sqrt(2 / inputs) makes up for (He et al., 2015); the lecture's listing leaves the 2 out. With batch norm after
each layer the deviation does not matter.

    python examples/course/training/initial_weights.py
    python examples/course/training/initial_weights.py --width 1024 --plot plots
"""
import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots

LAYERS = 6
WAYS = {        # name: activation, deviation of the weights for a number of inputs, batch norm
    "tanh, 0.01": ("tanh", lambda inputs: 0.01, False),
    "tanh, 0.05": ("tanh", lambda inputs: 0.05, False),
    "tanh, Xavier": ("tanh", lambda inputs: inputs ** -0.5, False),
    "ReLU, Xavier": ("relu", lambda inputs: inputs ** -0.5, False),
    "ReLU, Kaiming": ("relu", lambda inputs: (2 / inputs) ** 0.5, False),
    "tanh, 0.01, batch norm": ("tanh", lambda inputs: 0.01, True),
    "ReLU, 0.01, batch norm": ("relu", lambda inputs: 0.01, True),
}


def activations(width, batch):
    """The numbers of each layer in each way: lists of (batch, width). All ways share the draws of the weights."""
    start = minidl.randn(batch, width)
    found = {name: [start] for name in WAYS}
    for _ in range(LAYERS):
        weight = minidl.randn(width, width)
        for name, (activation, deviation, normed) in WAYS.items():
            y = found[name][-1] @ weight * deviation(width)
            if normed:
                y = (y - y.mean(0)) / (y.var(0, correction=0) + 1e-5).sqrt()
            found[name].append(getattr(y, activation)())
    return {name: layers[1:] for name, layers in found.items()}


def add_options(parser):
    lesson.whole(parser, "width", 4096, "units of a layer")
    lesson.whole(parser, "batch", 16, "samples", least=2)


def main():
    args = lesson.parse(__doc__, add_options)
    with minidl.no_grad():
        found = activations(args.width, args.batch)
    print(f"deviation of the numbers after each of {LAYERS} layers of {args.width}")
    for name, layers in found.items():
        last = layers[-1]
        word = f"{(last.abs() > 0.95).float().mean().item():.0%} saturated" if "tanh" in name else \
            f"{(last == 0).float().mean().item():.0%} are 0"
        print(f"{name:24}" + "".join(f"{layer.std().item():9.2g}" for layer in layers) + f"   {word}")

    def picture(path):
        figure, axes = lesson.grid(len(found), LAYERS, 1.7, 1.25)
        for row, (name, layers) in zip(axes, found.items()):
            for number, (panel, layer) in enumerate(zip(row, layers), 1):
                low, high = (-1, 1) if "tanh" in name else (0, 2.5)
                counts, *_ = panel.hist(layer.flatten().numpy(), 40, range=(low, high), color="C0")
                if low == 0:
                    panel.set_ylim(0, 4 * max(counts[1:]))      # half of the numbers are 0: a bar without end
                panel.set(yticks=[], xticks=[low, high])
                panel.tick_params(labelsize=6)
                panel.set_title(f"layer {number}: {layer.std().item():.2g}", fontsize=7)
            row[0].set_ylabel(name.replace(", ", "\n"), fontsize=7)
        figure.suptitle("numbers after each layer, and their deviation", fontsize=10)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"histograms": picture})


if __name__ == "__main__":
    main()
