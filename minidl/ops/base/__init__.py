"""Shared by all ops: broadcasting, dtypes, argument checks, bases of elementwise ops.

Read `ufunc.py` first.
"""
from minidl.ops.base.ufunc import (
    Binary, Elementwise, Floating, Step, Ternary, Unary, Zero, as_floating, common_dtype, either_is_bool,
    number_as_tensor, wrap_int_operand,
)
from minidl.ops.base.broadcast import Expand, Sum, as_operand, broadcast_shape, expand_to, prepare
from minidl.ops.base.conversion import Move, cast, to_device
from minidl.ops.base.checks import (
    check_floating, check_images, check_real, check_tensors, dtypes_clash, integer, natural, number, numbers, pair,
)
from minidl.ops.base.dims import normalize_dim, normalize_dims, sizes
from minidl.ops.base.declaration import alias, in_place, in_place_view, public
from minidl.ops.base.hints import cast_to, channels_first, features_last, suggest_tensor
from minidl.ops.base.return_types import (
    USV, CholeskyResult, Eigen, Histogram, InverseResult, LUFactorExResult, LUFactorResult, LUResult, LstsqResult,
    MantissaExponent, MinMax, QRResult, Reflections, SLogDetResult, SVDResult, SolveResult, TriangularSolveResult,
    ValuesIndices,
)
