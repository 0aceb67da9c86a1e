"""`minidl.special`: special functions under the names of `torch.special`. They are written in `minidl.ops`."""
# ruff: noqa: I001  (grouped for the reader)
from minidl.ops.exponential import (
    erf, erfc, exp2, expm1, log1p, sigmoid as expit, xlogy,
)
from minidl.ops.special import (
    digamma, entr, erfinv, gammaln, i0, i0e, i1, i1e, log_ndtr, logit, multigammaln, ndtr, ndtri, polygamma, psi, sinc,
    xlog1py, zeta,
)
from minidl.ops.arithmetic import round
from minidl.ops.reduce import logsumexp
from minidl.ops.softmax import log_softmax, softmax

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e", "log1p",
    "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round",
    "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]
