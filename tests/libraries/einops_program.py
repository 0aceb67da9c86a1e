"""A program for PyTorch: einops on tensors, with gradients, and its layers."""
import numpy as np
import torch
from einops import asnumpy, einsum, pack, parse_shape, rearrange, reduce, repeat, unpack
from einops.layers.torch import EinMix, Rearrange, Reduce

x = torch.arange(2.0 * 4 * 6 * 3).reshape(2, 4, 6, 3).requires_grad_()
array = x.detach().numpy()
for pattern, sizes in [("b h w c -> b c h w", {}), ("b (h p) w c -> b h (p w) c", {"p": 2}),
                       ("b h w c -> (b h) (w c)", {}), ("b h w c -> b h w 1 c", {}), ("... c -> c ...", {})]:
    assert (rearrange(x, pattern, **sizes).detach().numpy() == rearrange(array, pattern, **sizes)).all()
for how in ("mean", "sum", "max", "min", "prod"):
    ours = reduce(x[:, :2, :2], "b h w c -> b c", how)
    np.testing.assert_allclose(ours.detach().numpy(), reduce(array[:, :2, :2], "b h w c -> b c", how), rtol=1e-5)
assert repeat(x, "b h w c -> b (r h) w c", r=3).shape == (2, 12, 6, 3)
assert parse_shape(x, "b _ w _") == {"b": 2, "w": 6}
np.testing.assert_allclose(einsum(x, x, "b h w c, b h w d -> b c d").detach().numpy(),
                           np.einsum("bhwc,bhwd->bcd", array, array), rtol=1e-5)
packed, shapes = pack([x, x[:, :, 0]], "b h *")
assert [tuple(part.shape) for part in unpack(packed, shapes, "b h *")] == [(2, 4, 6, 3), (2, 4, 3)]
reduce(x, "b (h 2) w c -> b c", "sum").pow(2).sum().backward()
expected = 2 * array.sum((1, 2), keepdims=True) + 0 * array
np.testing.assert_allclose(asnumpy(x.grad), expected)

network = torch.nn.Sequential(
    Rearrange("b (h p1) (w p2) c -> b (h w) (p1 p2 c)", p1=2, p2=2), torch.nn.Linear(12, 8), torch.nn.GELU(),
    EinMix("b t c -> b t d", weight_shape="c d", bias_shape="d", c=8, d=5), Reduce("b t d -> b d", "mean"))
network(x).sum().backward()
assert network(x).shape == (2, 5) and all(parameter.grad is not None for parameter in network.parameters())
assert [name for name, _ in network.named_parameters()] == ["1.weight", "1.bias", "3.weight", "3.bias"]
print("einops agrees")
