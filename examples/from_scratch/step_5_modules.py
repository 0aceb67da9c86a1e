"""Step 5: layers that own their parameters, and an optimizer that moves them.

A layer is a function with memory. `Module` asks one thing of it: keep parameters and inner layers as attributes. Then
all parameters of a network are found by looking through attributes, and an optimizer needs no more than their list.

    python examples/from_scratch/step_5_modules.py
"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from step_2_arrays import Array
from step_4_memory import Tensor

import minidl


class Module:
    """A function with parameters: subclasses write `forward`. Every tensor that is an attribute is a parameter."""

    def parameters(self) -> Iterator[Tensor]:
        """The parameters of this module and of all modules in it."""
        for attribute in vars(self).values():
            for part in attribute if isinstance(attribute, (list, tuple)) else [attribute]:
                if isinstance(part, Tensor):
                    yield part
                elif isinstance(part, Module):
                    yield from part.parameters()

    def __call__(self, x: Array) -> Array:
        return self.forward(x)

    def forward(self, x: Array) -> Array:
        raise NotImplementedError


class Linear(Module):
    """y = x @ weight + bias, x (N, inputs) -> (N, outputs)"""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        bound = inputs ** -0.5      # so that sums of `inputs` terms are about as large as the terms
        self.weight = Tensor(rng.uniform(-bound, bound, size=(inputs, outputs)))
        self.bias = Tensor(rng.uniform(-bound, bound, size=outputs))

    def forward(self, x: Array) -> Array:
        return x @ self.weight + self.bias


class ReLU(Module):
    def forward(self, x: Array) -> Array:
        return x.relu()


class Sequential(Module):
    """One layer after the other."""

    def __init__(self, *layers: Module) -> None:
        self.layers = layers

    def forward(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer(x)
        return x


class SGD:
    """Stochastic gradient descent with momentum: velocity = momentum * velocity + gradient; p -= lr * velocity"""

    def __init__(self, parameters: Iterator[Tensor], lr: float, momentum: float = 0.9) -> None:
        self.parameters = list(parameters)
        self.lr, self.momentum = lr, momentum
        self.velocities = [np.zeros_like(p.value) for p in self.parameters]

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.gradient = None

    def step(self) -> None:
        for p, velocity in zip(self.parameters, self.velocities, strict=True):
            if p.gradient is None:      # the loss does not depend on it
                continue
            velocity *= self.momentum
            velocity += p.gradient
            p.value -= self.lr * velocity
            p.version[0] += 1           # a write like any other


def the_same_in_minidl(model: Sequential) -> minidl.nn.Sequential:
    """A network of the library with the parameters of ours."""
    layers = []
    for layer in model.layers:
        if isinstance(layer, Linear):
            twin = minidl.nn.Linear(*layer.weight.value.shape, dtype=minidl.float64)
            with minidl.no_grad():
                twin.weight.copy_(minidl.tensor(layer.weight.value.T))      # PyTorch's weights are (outputs, inputs)
                twin.bias.copy_(minidl.tensor(layer.bias.value))
        else:
            twin = minidl.nn.ReLU()
        layers.append(twin)
    return minidl.nn.Sequential(*layers)


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x, wanted = rng.normal(size=(32, 3)), rng.normal(size=(32, 1))
    model = Sequential(Linear(3, 16, rng), ReLU(), Linear(16, 1, rng))
    twin = the_same_in_minidl(model)
    print(f"{sum(p.value.size for p in model.parameters())} parameters")

    optimizer, twins = SGD(model.parameters(), lr=1e-3), minidl.optim.SGD(twin.parameters(), lr=1e-3, momentum=0.9)
    difference = 0.0
    for step in range(50):
        losses = []
        for network, update, tensor in ((model, optimizer, Tensor), (twin, twins, minidl.tensor)):
            error = network(tensor(x)) - tensor(wanted)
            loss = (error * error).sum()
            update.zero_grad()
            loss.backward()
            update.step()
            losses.append(float(loss.value.item() if tensor is Tensor else loss.item()))
        difference = max(difference, abs(losses[0] - losses[1]))
        if step % 10 == 0:
            print(f"step {step:>2}  loss {losses[0]:.4f}")
    print(f"largest difference from minidl's losses: {difference:.1e}")
