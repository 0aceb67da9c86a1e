"""Elementwise ops and functions: each result depends on the numbers at its own place.

Read `base/ufunc.py` first, then `arithmetic.py`.
"""
from minidl.ops.elementwise.arithmetic import (
    Abs, Add, Addcdiv, Addcmul, Ceil, Div, Floor, FloorDivide, Fmod, Frac, Lerp, LerpBy, Mul, Neg, Remainder, Round,
    Sgn, Sign, Sub, Trunc, TruncDivide, abs, abs_, add, add_, addcdiv, addcdiv_, addcmul, addcmul_, ceil, ceil_, div,
    div_, floor, floor_, floor_divide, floor_divide_, fmod, fmod_, frac, frac_, lerp, lerp_, mul, mul_, neg, neg_,
    remainder, remainder_, round, round_, sgn, sgn_, sign, sign_, sub, sub_, trunc, trunc_,
)
from minidl.ops.elementwise.comparison import (
    Bitwise, BitwiseAnd, BitwiseNot, BitwiseOr, BitwiseXor, Eq, Ge, Gt, IsClose, IsFinite, IsInf, IsNan, Le, LogicalAnd,
    LogicalNot, LogicalOr, LogicalXor, Lt, Ne, allclose, bitwise_and, bitwise_and_, bitwise_not, bitwise_not_,
    bitwise_or, bitwise_or_, bitwise_xor, bitwise_xor_, eq, eq_, equal, ge, ge_, gt, gt_, isclose, isfinite, isinf,
    isnan, le, le_, logical_and, logical_and_, logical_not, logical_not_, logical_or, logical_or_, logical_xor,
    logical_xor_, lt, lt_, ne, ne_,
)
from minidl.ops.elementwise.selection import (
    Clamp, Fmax, Fmin, Maximum, Minimum, NanToNum, Where, clamp, clamp_, clip, clip_, fmax, fmin, maximum, minimum,
    nan_to_num, nan_to_num_, where,
)
from minidl.ops.elementwise.exponential import (
    Erf, Erfc, Exp, Exp2, Expm1, Log, Log10, Log1p, Log2, Logaddexp, Pow, Reciprocal, Rsqrt, Sigmoid, SigmoidGrad, Sqrt,
    Square, Xlogy, erf, erf_, erfc, erfc_, exp, exp2, exp2_, exp_, expm1, expm1_, log, log10, log10_, log1p, log1p_,
    log2, log2_, log_, logaddexp, pow, pow_, reciprocal, reciprocal_, rsqrt, rsqrt_, sigmoid, sigmoid_, sqrt, sqrt_,
    square, square_, xlogy, xlogy_,
)
from minidl.ops.elementwise.trigonometric import (
    Acos, Acosh, AngleOfReal, Asin, Asinh, Atan, Atan2, Atanh, Cos, Cosh, Hypot, Sin, Sinh, Tan, Tanh, TanhGrad, acos,
    acos_, acosh, acosh_, angle, asin, asin_, asinh, asinh_, atan, atan2, atan2_, atan_, atanh, atanh_, cos, cos_, cosh,
    cosh_, hypot, hypot_, polar, sin, sin_, sinh, sinh_, tan, tan_, tanh, tanh_,
)
from minidl.ops.elementwise.complex_parts import (
    Complex, Imag, Real, ViewAsComplex, ViewAsReal, complex, conj, conj_physical, conj_physical_, imag, is_conj, is_neg,
    real, resolve_conj, resolve_neg, view_as_complex, view_as_real,
)
from minidl.ops.elementwise.bits import (
    Copysign, Frexp, Gcd, Heaviside, Integers, Lcm, LeftShift, Nextafter, RightShift, SignBit, bitwise_left_shift,
    bitwise_left_shift_, bitwise_right_shift, bitwise_right_shift_, copysign, copysign_, frexp, gcd, gcd_, heaviside,
    heaviside_, lcm, lcm_, ldexp, ldexp_, nextafter, nextafter_, signbit,
)
