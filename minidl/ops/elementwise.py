"""All elementwise ops and functions under one name, and where each is written.

The bases stand in `ufunc.py`: read that first, then `arithmetic.py`.
"""
from minidl.ops.ufunc import (
    Binary, Floating, Step, Ternary, Unary, Zero,
)
from minidl.ops.arithmetic import (
    Abs, Add, Addcdiv, Addcmul, Ceil, Div, Floor, FloorDivide, Fmod, Frac, Lerp, Mul, Neg,
    Remainder, Round, Sign, Sub, Trunc, TruncDivide, abs, add, addcdiv, addcmul, ceil, div, floor,
    floor_divide, fmod, frac, lerp, mul, neg, remainder, round, sign, sub, trunc,
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
    Acos, Acosh, Asin, Asinh, Atan, Atan2, Atanh, Cos, Cosh, Hypot, Sin, Sinh, Tan, Tanh, acos,
    acosh, asin, asinh, atan, atan2, atanh, cos, cosh, hypot, sin, sinh, tan, tanh,
)

__all__ = [
    "Abs", "Acos", "Acosh", "Add", "Addcdiv", "Addcmul", "Asin", "Asinh", "Atan", "Atan2", "Atanh",
    "Binary", "Bitwise", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Ceil", "Clamp",
    "Cos", "Cosh", "Div", "Eq", "Erf", "Erfc", "Exp", "Exp2", "Expm1", "Floating", "Floor",
    "FloorDivide", "Fmax", "Fmin", "Fmod", "Frac", "Ge", "Gt", "Hypot", "IsClose", "IsFinite",
    "IsInf", "IsNan", "Le", "Lerp", "Log", "Log10", "Log1p", "Log2", "Logaddexp", "LogicalAnd",
    "LogicalNot", "LogicalOr", "LogicalXor", "Lt", "Maximum", "Minimum", "Mul", "NanToNum", "Ne",
    "Neg", "Pow", "Reciprocal", "Remainder", "Round", "Rsqrt", "Sigmoid", "Sign", "Sin", "Sinh",
    "Sqrt", "Square", "Step", "Sub", "Tan", "Tanh", "Ternary", "Trunc", "TruncDivide", "Unary",
    "Where", "Xlogy", "Zero", "abs", "acos", "acosh", "add", "addcdiv", "addcmul", "allclose",
    "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_not", "bitwise_or",
    "bitwise_xor", "ceil", "clamp", "clip", "cos", "cosh", "div", "eq", "equal", "erf", "erfc",
    "exp", "exp2", "expm1", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "ge", "gt",
    "hypot", "isclose", "isfinite", "isinf", "isnan", "le", "lerp", "log", "log10", "log1p", "log2",
    "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "maximum",
    "minimum", "mul", "nan_to_num", "ne", "neg", "pow", "reciprocal", "remainder", "round", "rsqrt",
    "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "sub", "tan", "tanh", "trunc", "where",
    "xlogy",
]
