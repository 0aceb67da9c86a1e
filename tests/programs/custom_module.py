"""A residual block and a network of them, written as a user would: parameters, buffers, submodules, state dicts."""
from __future__ import annotations

from typing import TYPE_CHECKING

import minidl
from minidl import nn
from minidl.nn import Parameter
from minidl.nn import functional as F

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Block(nn.Module):
    """x + scale * (a layer and its activation); counts how often it ran."""

    runs: minidl.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.scale = Parameter(minidl.tensor(0.1))
        self.register_buffer("runs", minidl.zeros((), dtype=minidl.int64))

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        self.runs += 1
        y = F.gelu(self.layer(self.norm(x)))
        if TYPE_CHECKING:       # what an editor says of each
            assert_type(y, minidl.Tensor)
            assert_type(y * self.scale, minidl.Tensor)
            assert_type(self.scale, Parameter)
            assert_type(self.layer.weight, Parameter)
        return x + self.scale * y


class Net(nn.Module):
    def __init__(self, width: int = 16, depth: int = 3, classes: int = 4) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.head = nn.Linear(width, classes)
        self.apply(self.start)

    @staticmethod
    def start(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        for block in self.blocks:
            x = block(x)
        return F.log_softmax(self.head(x.mean(dim=1)), dim=-1)


def main() -> None:
    minidl.manual_seed(0)
    net = Net()
    out = net(minidl.randn(2, 5, 16))
    out.sum().backward()
    count = sum(p.numel() for p in net.parameters() if p.requires_grad)
    twin = Net()
    twin.load_state_dict(net.state_dict())
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    print(count, tuple(out.shape), len(shapes), minidl.equal(net.head.weight, twin.head.weight))


if __name__ == "__main__":
    main()
