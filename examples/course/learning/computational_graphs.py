"""A program as a graph: values flow up, gradients flow down, and each op multiplies by its own derivative.

At every op, downstream = local x upstream: what arrives from above, times the op's derivative, goes on to each input.
Two graphs with all numbers at their edges: (x + y) z, and the logistic neuron 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))).
Then a layer of the Transformer as a graph of modules (Vaswani 2017). Pictures are SVG files, which any browser opens.

    python examples/course/learning/computational_graphs.py
    python examples/course/learning/computational_graphs.py --plot plots
"""
import minidl
from minidl import nn
from minidl.autograd.graph import draw, tree, watch
from minidl.cli import lesson
from minidl.utils import draw_modules

PRODUCT = {"x": (-2.0, -4), "y": (5.0, -4), "z": (-4.0, 3)}             # values, and the gradients of a lecture
NEURON = {"w0": (2.0, -0.20), "x0": (-1.0, 0.39), "w1": (-3.0, -0.39), "x1": (-2.0, -0.59), "w2": (-3.0, 0.20)}


def leaves(values):
    return {name: minidl.tensor(value, requires_grad=True) for name, (value, _) in values.items()}


def product(x, y, z):
    return (x + y) * z


def neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + (-(w0 * x0 + w1 * x1 + w2)).exp())


class Block(nn.Module):
    """Attention and a perceptron, each with a way around it and a norm behind."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x):
        x = self.norm1(x + self.attention(x, x, x, need_weights=False)[0])
        return self.norm2(x + self.mlp(x))


def main():
    args = lesson.parse(__doc__)
    pictures = {}
    for name, function, values in (("product", product, PRODUCT), ("neuron", neuron, NEURON)):
        tensors = leaves(values)
        with watch() as seen:
            result = function(**tensors)
        pictures[name] = draw(result, tensors, seen)
        text = tree(result, tensors)
        result.backward()
        print(f"{name}: {result.item():.2f}\n      value   gradient   the lecture")
        for key, (value, lectured) in values.items():
            print(f"{key:4} {value:6.2f} {tensors[key].grad.item():10.2f} {lectured:11.2f}")
        print(text, end="\n\n")
    block = Block(16, 4)
    pictures["block"] = draw_modules(block, minidl.randn(2, 5, 16), depth=1)
    print("a block of the Transformer:", ", ".join(name for name, _ in block.named_children()))
    x = minidl.tensor([1.0, 2.0, 3.0], dtype=minidl.float64)
    upstream = minidl.tensor([1.0, -1.0, 0.5], dtype=minidl.float64)
    jacobian = minidl.func.jacrev(minidl.Tensor.softmax)(x, 0)
    _, pull = minidl.func.vjp(lambda x: x.softmax(0), x)
    print("softmax: the Jacobian times what arrives, and the same without forming it:")
    for gradient in (upstream @ jacobian, pull(upstream)[0]):
        print("  ", *(f"{value:8.5f}" for value in gradient.tolist()))
    for name, picture in pictures.items() if args.plot else ():
        path = args.plot / f"computational_graphs_{name}.svg"
        picture.save(path)
        print("drew", path)


if __name__ == "__main__":
    main()
