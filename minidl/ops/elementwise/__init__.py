"""Elementwise ops and functions: each number of the result comes from the numbers at its place.

Read `base/ufunc.py` first, then `arithmetic.py`.
"""
from minidl.ops.elementwise.arithmetic import (
    Abs, Add, Addcdiv, Addcmul, Ceil, Div, Floor, FloorDivide, Fmod, Frac, Lerp, LerpBy, Mul, Neg, Remainder, Round,
    Sgn, Sign, Sub, Trunc, TruncDivide, abs, add, addcdiv, addcmul, ceil, div, floor, floor_divide, fmod, frac, lerp,
    mul, neg, remainder, round, sgn, sign, sub, trunc,
)
from minidl.ops.elementwise.comparison import (
    Bitwise, BitwiseAnd, BitwiseNot, BitwiseOr, BitwiseXor, Eq, Ge, Gt, IsClose, IsFinite, IsInf, IsNan, Le, LogicalAnd,
    LogicalNot, LogicalOr, LogicalXor, Lt, Ne, allclose, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, eq, equal,
    ge, gt, isclose, isfinite, isinf, isnan, le, logical_and, logical_not, logical_or, logical_xor, lt, ne,
)
from minidl.ops.elementwise.selection import (
    Clamp, Fmax, Fmin, Maximum, Minimum, NanToNum, Where, clamp, clip, fmax, fmin, maximum, minimum, nan_to_num, where,
)
from minidl.ops.elementwise.exponential import (
    Erf, Erfc, Exp, Exp2, Expm1, Log, Log10, Log1p, Log2, Logaddexp, Pow, Reciprocal, Rsqrt, Sigmoid, Sqrt, Square,
    Xlogy, erf, erfc, exp, exp2, expm1, log, log10, log1p, log2, logaddexp, pow, reciprocal, rsqrt, sigmoid, sqrt,
    square, xlogy,
)
from minidl.ops.elementwise.trigonometric import (
    Acos, Acosh, AngleOfReal, Asin, Asinh, Atan, Atan2, Atanh, Cos, Cosh, Hypot, Sin, Sinh, Tan, Tanh, acos, acosh,
    angle, asin, asinh, atan, atan2, atanh, cos, cosh, hypot, polar, sin, sinh, tan, tanh,
)
from minidl.ops.elementwise.complex_parts import (
    Complex, Imag, Real, ViewAsComplex, ViewAsReal, complex, conj, conj_physical, imag, is_conj, is_neg, real,
    resolve_conj, resolve_neg, view_as_complex, view_as_real,
)
from minidl.ops.elementwise.bits import (
    Copysign, Frexp, Gcd, Heaviside, Integers, Lcm, LeftShift, Nextafter, RightShift, SignBit, bitwise_left_shift,
    bitwise_right_shift, copysign, frexp, gcd, heaviside, lcm, ldexp, nextafter, signbit,
)
