"""Transforms: invertible functions y = f(x) that know log |det dy/dx|.

    >>> import minidl
    >>> t = ExpTransform()
    >>> x = minidl.tensor([0.0, 1.0])
    >>> y = t(x)
    >>> y, t.log_abs_det_jacobian(x, y)
    (tensor([1.0000, 2.7183]), tensor([0., 1.]))
"""
from minidl.distributions.transforms.base import (
    ComposeTransform, IndependentTransform, ReshapeTransform, Transform, identity_transform,
)
from minidl.distributions.transforms.elementwise import (
    AbsTransform, AffineTransform, CumulativeDistributionTransform, ExpTransform, PowerTransform, SigmoidTransform,
    SoftplusTransform, TanhTransform,
)
from minidl.distributions.transforms.several import CatTransform, StackTransform
from minidl.distributions.transforms.vectors import (
    CorrCholeskyTransform, LowerCholeskyTransform, PositiveDefiniteTransform, SoftmaxTransform,
    StickBreakingTransform,
)

__all__ = [
    "AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform", "CorrCholeskyTransform",
    "CumulativeDistributionTransform", "ExpTransform", "IndependentTransform", "LowerCholeskyTransform",
    "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform", "Transform",
    "identity_transform",
]
