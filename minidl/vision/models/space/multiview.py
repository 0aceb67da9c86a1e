"""Multi-view CNN: Su, Maji, Kalogerakis and Learned-Miller, "Multi-view Convolutional Neural Networks for 3D Shape
Recognition", 2015.

One network for images looks at a solid from all sides. Of each feature the largest value counts, from whichever side it
came, and a second network decides.
"""
from __future__ import annotations

from minidl import nn
from minidl.tensors.tensor import Tensor


class MultiViewCNN(nn.Module):
    """What `decide` says of the largest of what `look` sees in each view: views (N, V, C, H, W).

    Args:
        look: a network for images (M, C, H, W), which gives features (M, ...).
        decide: a network for such features (N, ...).

    The number of views may change from call to call, and their order does not matter.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import space
        >>> decide = nn.Sequential(nn.Flatten(), nn.Linear(4 * 3 * 3, 10))
        >>> net = space.MultiViewCNN(nn.Conv2d(1, 4, 3, stride=2), decide)
        >>> views = minidl.rand(2, 12, 1, 8, 8)
        >>> net(views).shape, minidl.allclose(net(views), net(views.flip(1)))
        ((2, 10), True)
    """

    def __init__(self, look: nn.Module, decide: nn.Module) -> None:
        super().__init__()
        self.look, self.decide = look, decide

    def forward(self, x: Tensor) -> Tensor:
        return self.decide(self.look(x.flatten(0, 1)).unflatten(0, x.shape[:2]).amax(1))
