"""Step 6: it reads handwritten digits.

Nothing new but the loss. The network gives a score for each of ten digits; softmax makes them probabilities; the loss
is how surprised these are by the right answer, -log p. Scores of 1000 would overflow in exp, so the largest of each
row is taken off first, which changes no probability.

    python examples/from_scratch/step_6_training.py
"""
from __future__ import annotations

import numpy as np
from step_2_arrays import Array
from step_4_memory import Tensor
from step_5_modules import SGD, Linear, ReLU, Sequential

from minidl.vision.datasets import Digits


def cross_entropy(scores: Array, labels: np.ndarray) -> Array:
    """The mean of -log p of the right class: scores (N, C), labels (N,) -> one number."""
    shifted = scores - Tensor(scores.value.max(axis=1, keepdims=True))
    log_probabilities = shifted - shifted.exp().sum(axis=1).log()
    right = np.eye(scores.value.shape[1])[labels]                       # (N, C), a one at the label
    return (log_probabilities * Tensor(right)).sum() * (-1.0 / len(labels))


def digits(train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images as rows of 64 numbers from 0 to 1, and their labels."""
    data = Digits(train=train)
    return data.data.numpy().reshape(len(data), 64) / 16, data.targets.numpy()


def accuracy(model: Sequential, x: np.ndarray, labels: np.ndarray) -> float:
    return float((model(Tensor(x)).value.argmax(axis=1) == labels).mean())


def new_model() -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(Linear(64, 64, rng), ReLU(), Linear(64, 10, rng))


if __name__ == "__main__":
    (x, labels), test = digits(train=True), digits(train=False)
    model, rng = new_model(), np.random.default_rng(1)
    optimizer = SGD(model.parameters(), lr=0.1)
    for epoch in range(1, 11):
        losses = []
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 64):
            loss = cross_entropy(model(Tensor(x[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.value.item())
        print(f"epoch {epoch:>2}  loss {np.mean(losses):.4f}  test accuracy {accuracy(model, *test):.1%}")
