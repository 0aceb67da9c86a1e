"""Operations of products, by module, forward and backward."""
from __future__ import annotations

import pytest

import minidl
from minidl import nn
from minidl.utils.flop_counter import FlopCounterMode

try:
    import torch
    from torch.utils.flop_counter import FlopCounterMode as TorchCounter
except ImportError:
    torch = None


def counts(lib, counter, backward, x_too):
    """The operations of a small network."""
    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = lib.nn.Conv2d(3, 4, 3, padding=1)
            self.head = lib.nn.Sequential(lib.nn.Flatten(), lib.nn.Linear(4 * 64, 10))

        def forward(self, x):
            return self.head(self.conv(x)) @ lib.ones(10, 3)

    x = lib.ones(8, 3, 8, 8, requires_grad=x_too)
    net = Net()
    with counter(display=False) as found:
        y = net(x).sum()
        if backward:
            y.backward()
    return {path: sum(ops.values()) for path, ops in found.get_flop_counts().items()}


@pytest.mark.parametrize("backward, x_too", [(False, False), (True, False), (True, True)])
def test_operations_forward_and_backward(backward, x_too):
    found = counts(minidl, FlopCounterMode, backward, x_too)
    conv, linear, product = 2 * 8 * 4 * 64 * 27, 2 * 8 * 256 * 10, 2 * 8 * 10 * 3
    expected = {"Net.conv": conv * (1 + backward * (1 + x_too)), "Net.head": linear * (1 + 2 * backward)}
    expected["Net.head.1"] = expected["Net.head"]
    expected["Net"] = expected["Global"] = expected["Net.conv"] + expected["Net.head"] + product * (1 + backward)
    assert found == expected
    if torch is not None:
        assert found == counts(torch, TorchCounter, backward, x_too)


def test_what_is_counted_once_and_how_it_prints(capsys):
    with FlopCounterMode(depth=0) as counter:
        q = minidl.ones(1, 2, 3, 4, requires_grad=True)
        nn.functional.scaled_dot_product_attention(q, q, q).sum().backward(create_graph=True)
    forward = 2 * 2 * 3 * 3 * 8
    assert counter.get_total_flops() == forward + 5 * forward // 2      # two products, then five
    assert "Attention" in capsys.readouterr().out and "100.00 %" in counter.get_table()
    custom = FlopCounterMode(display=False, custom_mapping={type(minidl.ops.elementwise.Add()): lambda op, a, b, y: 7})
    with custom:
        minidl.ones(2) + minidl.ones(2)
    assert custom.get_total_flops() == 7
