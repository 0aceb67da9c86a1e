"""Special functions: gamma, error and Bessel functions, orthogonal polynomials."""
from minidl.ops.special.functions import (
    I0, I1, Digamma, Entr, Erfcx, Erfinv, I0e, I1e, Lgamma, LogNdtr, Logaddexp2, Logit, Ndtr, Ndtri, Polygamma, Sinc,
    Special, SpecialBinary, Xlog1py, Zeta, digamma, digamma_, entr, erfcx, erfinv, erfinv_, gammaln, i0, i0_, i0e, i1,
    i1e, lgamma, lgamma_, log_ndtr, logaddexp2, logit, logit_, multigammaln, mvlgamma, mvlgamma_, ndtr, ndtri,
    polygamma, polygamma_, psi, sinc, sinc_, xlog1py, zeta,
)
from minidl.ops.special.incomplete_gamma import Igamma, Igammac, gammainc, gammaincc, igamma, igamma_, igammac, igammac_
from minidl.ops.special.bessel import (
    J0, J1, K0, K1, Y0, Y1, AiryAi, AiryAiPrime, K0e, K1e, airy_ai, bessel_j0, bessel_j1, bessel_y0, bessel_y1,
    modified_bessel_i0, modified_bessel_i1, modified_bessel_k0, modified_bessel_k1, scaled_modified_bessel_k0,
    scaled_modified_bessel_k1, spherical_bessel_j0,
)
from minidl.ops.special.polynomials import (
    chebyshev_polynomial_t, chebyshev_polynomial_u, chebyshev_polynomial_v, chebyshev_polynomial_w,
    hermite_polynomial_h, hermite_polynomial_he, laguerre_polynomial_l, legendre_polynomial_p,
    shifted_chebyshev_polynomial_t, shifted_chebyshev_polynomial_u, shifted_chebyshev_polynomial_v,
    shifted_chebyshev_polynomial_w,
)
