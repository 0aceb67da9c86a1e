"""Parameters as one vector, and back."""
from __future__ import annotations

import pytest

import minidl
from minidl import nn


def test_vectors() -> None:
    m = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(m.parameters())
    assert vector.shape == (9,) and vector.requires_grad
    assert vector[:6].tolist() == m.weight.reshape(-1).tolist() and vector[6:].tolist() == m.bias.tolist()
    weight, version = m.weight, m.weight._version
    nn.utils.vector_to_parameters(minidl.arange(9.0), m.parameters())
    assert m.weight is weight and weight.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] and weight.is_leaf
    assert m.bias.tolist() == [6.0, 7.0, 8.0] and weight._version > version


def test_wrong_vectors() -> None:
    m = nn.Linear(2, 3)
    with pytest.raises(TypeError, match="expected Tensor, but got: list"):
        nn.utils.vector_to_parameters([1.0], m.parameters())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="expected a vector of 9 elements"):
        nn.utils.vector_to_parameters(minidl.ones(8), m.parameters())
