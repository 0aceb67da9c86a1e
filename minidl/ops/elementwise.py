"""All elementwise ops and functions under one name, and where each is written.

The bases stand in `ufunc.py`: read that first, then `arithmetic.py`.
"""
from minidl.ops.ufunc import (
    Binary, Floating, Step, Ternary, Unary, Zero,
)
from minidl.ops.arithmetic import (
    Abs, Add, Addcdiv, Addcmul, Ceil, Div, Floor, FloorDivide, Fmod, Frac, Lerp, Mul, Neg,
    Remainder, Round, Sgn, Sign, Sub, Trunc, TruncDivide, abs, add, addcdiv, addcmul, ceil, div, floor,
    floor_divide, fmod, frac, lerp, mul, neg, remainder, round, sgn, sign, sub, trunc,
)
from minidl.ops.comparison import (
    Bitwise, BitwiseAnd, BitwiseNot, BitwiseOr, BitwiseXor, Eq, Ge, Gt, IsClose, IsFinite, IsInf,
    IsNan, Le, LogicalAnd, LogicalNot, LogicalOr, LogicalXor, Lt, Ne, allclose, bitwise_and,
    bitwise_not, bitwise_or, bitwise_xor, eq, equal, ge, gt, isclose, isfinite, isinf, isnan, le,
    logical_and, logical_not, logical_or, logical_xor, lt, ne,
)
from minidl.ops.selection import (
    Clamp, Fmax, Fmin, Maximum, Minimum, NanToNum, Where, clamp, clip, fmax, fmin, maximum, minimum,
    nan_to_num, where,
)
from minidl.ops.exponential import (
    Erf, Erfc, Exp, Exp2, Expm1, Log, Log10, Log1p, Log2, Logaddexp, Pow, Reciprocal, Rsqrt,
    Sigmoid, Sqrt, Square, Xlogy, erf, erfc, exp, exp2, expm1, log, log10, log1p, log2, logaddexp,
    pow, reciprocal, rsqrt, sigmoid, sqrt, square, xlogy,
)
from minidl.ops.trigonometric import (
    Acos, Acosh, AngleOfReal, Asin, Asinh, Atan, Atan2, Atanh, Cos, Cosh, Hypot, Sin, Sinh, Tan, Tanh, acos,
    acosh, angle, asin, asinh, atan, atan2, atanh, cos, cosh, hypot, polar, sin, sinh, tan, tanh,
)
