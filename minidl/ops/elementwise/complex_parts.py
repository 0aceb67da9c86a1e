"""Build complex numbers and take them apart: real, imag, complex, view_as_real, conj.

`minidl/autograd/op.py` explains how gradients pass through complex numbers. `angle` and `polar` are in
`trigonometric.py`, `sgn` is beside `sign`.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.autograd.basic_ops import Conj
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase, memory_of
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import complex_of, real_of
from minidl.ops.base.checks import check_tensors
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.ufunc import Binary

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- the ops


class Real(Op):
    """y = x of z = x + iy; a view. The gradient of z is real."""

    is_view = True
    complex_rules = "as written"

    def forward(self, z: Array) -> Array:
        return z.real

    def grad_z(self, g: Value) -> Value:
        return cast(g, complex_of(g.dtype))


class Imag(Op):
    """y of z = x + iy; a view. The gradient of z is imaginary."""

    is_view = True
    complex_rules = "as written"

    def forward(self, z: Array) -> Array:
        return z.imag

    def grad_z(self, g: Value) -> Value:
        return g * 1j


class Complex(Binary):
    """z = a + ib for real a and b"""

    complex_rules = "as written"

    def prepare(self, a: Any, b: Any) -> list[Any]:
        check_parts("complex", a, b)
        return super().prepare(a, b)

    def forward(self, a: Array, b: Array) -> Array:
        z = array_module(a).empty(a.shape, complex_of(a.dtype))
        z.real[...], z.imag[...] = a, b
        return z

    def grad_a(self, g: Value) -> Value:
        return real(g)

    def grad_b(self, g: Value) -> Value:
        return imag(g)


class ViewAsReal(Op):
    """Every complex number as its two parts, along a new last axis; a view."""

    is_view = True
    complex_rules = "as written"

    def forward(self, z: Array) -> Array:
        return z[..., None].view(real_of(z.dtype))

    def grad_z(self, g: Value) -> Value:
        return ViewAsComplex()(g)


class ViewAsComplex(Op):
    """Every pair along the last axis as a complex number.

    A view, unless the two parts are not adjacent in memory.
    """

    is_view = True
    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        if x.size and x.strides[-1] != x.itemsize:     # a gradient may have any layout
            x = x.copy()
        return x.view(complex_of(x.dtype))[..., 0]

    def grad_x(self, g: Value) -> Value:
        return ViewAsReal()(g)


def check_parts(who: str, a: Any, b: Any) -> None:
    """Check that two tensors can be the parts of a complex one. Errors: TypeError, RuntimeError."""
    check_tensors(who, input=a, other=b)
    if a.dtype.kind != "f" or b.dtype.kind != "f":
        raise RuntimeError(f"{who}: Expected both inputs to be Half, Float or Double tensors but got {a.dtype} and "
                           f"{b.dtype}; try .float()")
    if a.dtype != b.dtype:
        raise RuntimeError(f"{who}: Expected object of scalar type {a.dtype} but got scalar type {b.dtype} for second "
                           f"argument; try .to({a.dtype}) on it")


# ---------------------------------------------------------------------- build

@public
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex tensor `real + i imag`. Errors: RuntimeError unless both are floating and of one dtype.

        >>> import minidl
        >>> minidl.complex(minidl.tensor([1.0, 2.0]), minidl.tensor([3.0, 4.0]))
        tensor([1.+3.j, 2.+4.j])
    """
    check_parts("complex", real, imag)
    return Complex()(real, imag)


@public
def view_as_complex(input: Tensor) -> Tensor:
    """Pairs along the last axis as complex numbers, (*, 2) -> (*); a view.

    Errors: RuntimeError unless floating, with a last axis of size 2 whose elements are adjacent in memory.

        >>> import minidl
        >>> minidl.view_as_complex(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([1.+2.j, 3.+4.j])
    """
    if input.dtype.kind != "f" or input.dtype.itemsize < 4:
        raise RuntimeError(f"view_as_complex is only supported for float32 and float64 tensors, but got a tensor of "
                           f"dtype {input.dtype}; try .float()")
    if not input.ndim or input.shape[-1] != 2:
        raise RuntimeError(f"view_as_complex: Tensor must have a last dimension of size 2, but its shape is "
                           f"{tuple(input.shape)}")
    array = memory_of(input) if isinstance(input, TensorBase) else input
    if array.size and array.strides[-1] != array.itemsize:
        raise RuntimeError("view_as_complex: Tensor must have a last dimension with stride 1; try .contiguous()")
    return ViewAsComplex()(input)


# ---------------------------------------------------------------------- take apart

@public
def view_as_real(input: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones along a new last axis, (*) -> (*, 2); a view.

    Errors: RuntimeError unless complex.

        >>> import minidl
        >>> minidl.view_as_real(minidl.tensor([1 + 2j, 3 + 4j]))
        tensor([[1., 2.],
                [3., 4.]])
    """
    if input.dtype.kind != "c":
        raise RuntimeError(f"view_as_real is only supported for complex tensors, but got {input.dtype}")
    return ViewAsReal()(input)


@public
def real(input: Tensor) -> Tensor:
    """The real part, as a view; `input` itself if it is real.

        >>> import minidl
        >>> minidl.real(minidl.tensor([1 + 2j, 3 - 4j]))
        tensor([1., 3.])
    """
    return Real()(input) if input.dtype.kind == "c" else input


@public
def imag(input: Tensor) -> Tensor:
    """The imaginary part, as a view. Errors: RuntimeError unless complex.

        >>> import minidl
        >>> minidl.imag(minidl.tensor([1 + 2j, 3 - 4j]))
        tensor([ 2., -4.])
    """
    if input.dtype.kind != "c":
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes, but this one is "
                           f"{input.dtype}; it would be zeros_like(x)")
    return Imag()(input)


# ---------------------------------------------------------------------- conjugate

@public
def conj(input: Tensor) -> Tensor:
    """The complex conjugate x - iy of x + iy; `input` itself if it is real.

    It is computed at once. PyTorch delays it, and marks the tensor (`is_conj`).

        >>> import minidl
        >>> minidl.conj(minidl.tensor([1 + 2j, 3 - 4j]))
        tensor([1.-2.j, 3.+4.j])
    """
    return Conj()(input) if input.dtype.kind == "c" else input


@public
def conj_physical(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`conj`; the result is always a new tensor."""
    return conj(input)

conj_physical_ = in_place(conj_physical)


@public
def resolve_conj(input: Tensor) -> Tensor:
    """Return `input` itself: minidl never delays a conjugation."""
    check_tensors("resolve_conj", input=input)
    return input


@public
def resolve_neg(input: Tensor) -> Tensor:
    """Return `input` itself: minidl never delays a negation."""
    check_tensors("resolve_neg", input=input)
    return input


@public
def is_conj(input: Tensor) -> bool:
    """False: minidl never delays a conjugation."""
    check_tensors("is_conj", input=input)
    return False


@public
def is_neg(input: Tensor) -> bool:
    """False: minidl never delays a negation."""
    check_tensors("is_neg", input=input)
    return False
