"""Tables of vectors: how they start, the padding row, tables that are given. Values: test_registry.py."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
def test_initial_values(kind: Any) -> None:
    minidl.manual_seed(0)
    layer = kind(1000, 50, padding_idx=-1)
    assert layer.padding_idx == 999 and not layer.weight[999].any().item()
    rest = layer.weight[:999]
    assert abs(rest.mean().item()) < 0.02 and abs(rest.std().item() - 1) < 0.02
    nn.init.ones_(layer.weight)
    layer.reset_parameters()
    assert not layer.weight[999].any().item() and layer.weight[0].any().item()


def test_the_padding_row_does_not_learn() -> None:
    layer = nn.Embedding(3, 2, padding_idx=0)
    layer(minidl.tensor([[0, 2], [2, 1]])).sum().backward()
    assert layer.weight.grad.tolist() == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
def test_from_pretrained(kind: Any) -> None:
    table = minidl.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=minidl.float64)
    layer = kind.from_pretrained(table)
    assert not layer.weight.requires_grad and layer.weight.data_ptr() == table.data_ptr()
    assert layer.weight.dtype == np.float64 and (layer.num_embeddings, layer.embedding_dim) == (2, 2)
    settings = {"max_norm": 2.0, "norm_type": 1.0, "scale_grad_by_freq": True, "sparse": True, "padding_idx": -1}
    layer = kind.from_pretrained(table, freeze=False, **settings)
    assert layer.weight.requires_grad and layer.weight[1].tolist() == [3.0, 4.0]
    assert {name: getattr(layer, name) for name in settings} == {**settings, "padding_idx": 1}


def test_arguments_by_position() -> None:
    table = minidl.ones(4, 2)
    layer = nn.Embedding.from_pretrained(table, True, 1, 2.0, 1.0, True, True)
    assert repr(layer) == ("Embedding(4, 2, padding_idx=1, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True, "
                           "sparse=True)")
    bag = nn.EmbeddingBag.from_pretrained(table, True, 2.0, 1.0, True, "sum", True, True, 1)
    assert bag.include_last_offset and bag.sparse and repr(bag) == \
        "EmbeddingBag(4, 2, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True, mode='sum', padding_idx=1)"
    assert not nn.Embedding(4, 2, _freeze=True).weight.requires_grad


def test_weights_of_a_bag_learn() -> None:
    bag = nn.EmbeddingBag.from_pretrained(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), freeze=False, mode="sum")
    shares = minidl.tensor([0.5, 2.0, 1.0], requires_grad=True)
    y = bag(minidl.tensor([1, 0, 1]), minidl.tensor([0, 2]), shares)
    assert y.tolist() == [[0.5 * 3 + 2 * 1, 0.5 * 4 + 2 * 2], [3, 4]]
    y.sum().backward()
    assert shares.grad.tolist() == [7, 3, 7] and bag.weight.grad.tolist() == [[2, 2], [1.5, 1.5]]


def test_rows_that_are_not_there() -> None:
    with pytest.raises(IndexError):
        nn.Embedding(3, 2)(minidl.tensor([3]))


def test_bilinear_starts_uniform() -> None:
    minidl.manual_seed(0)
    layer = nn.Bilinear(16, 20, 30)
    assert 0.24 < layer.weight.abs().max().item() <= 0.25 and layer.bias.abs().max().item() <= 0.25
