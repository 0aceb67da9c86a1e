"""Every distribution with parameters and values, given as NumPy arrays and numbers, for both libraries."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

A = np.array
X = A([[-1.3, 0.2, 2.5], [0.4, -0.7, 1.1]])                # real
P = A([[0.3, 0.2, 2.5], [0.4, 1.7, 1.1]])                  # positive
U = A([[0.15, 0.5, 0.93], [0.4, 0.002, 0.7]])              # on (0, 1)
N = A([[0.0, 1.0, 3.0], [2.0, 0.0, 1.0]])                  # counts
B = A([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])                  # yes or no
LOC, SCALE = A([-0.5, 0.3, 1.2]), A([0.6, 1.5, 2.2])
SHAPE = A([0.7, 1.6, 4.5])                                 # positive parameters on both sides of 1 and 2
ODDS = A([0.2, 0.55, 0.97])
SIMPLEX = A([[0.2, 0.3, 0.5], [0.05, 0.9, 0.05]])
LOGITS = A([[0.1, -1.0, 2.0], [0.0, 0.4, 0.3]])
ONE_HOT = A([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
MATRIX = A([[2.0, 0.5, 0.1], [0.5, 1.5, -0.3], [0.1, -0.3, 1.0]])
TRIL = np.linalg.cholesky(MATRIX)
BATCH_TRIL = np.stack([TRIL, np.diag([1.0, 2.0, 0.5])])
CORR_TRIL = np.linalg.cholesky(A([[1.0, 0.4, -0.2], [0.4, 1.0, 0.3], [-0.2, 0.3, 1.0]]))
FACTOR, DIAGONAL = A([[1.0, 0.2], [-0.4, 0.7], [0.3, 0.1]]), A([0.5, 1.2, 0.8])


class Case(NamedTuple):
    """A distribution by its name, its parameters, and a value that it may have."""

    name: str
    parameters: dict[str, Any]
    value: Any

    def __str__(self) -> str:
        return f"{self.name}-{'-'.join(self.parameters)}"


CASES = [
    Case("Bernoulli", {"probs": ODDS}, B),
    Case("Bernoulli", {"logits": LOC}, B),
    Case("Bernoulli", {"probs": 0.3}, A(1.0)),
    Case("Bernoulli", {"probs": A([0.0, 0.5, 1.0])}, A([0.0, 1.0, 1.0])),
    Case("Beta", {"concentration1": SHAPE, "concentration0": SCALE}, U),
    Case("Beta", {"concentration1": 2.0, "concentration0": 3.0}, U),
    Case("Beta", {"concentration1": A([0.3, 0.4]), "concentration0": A([0.2, 0.9])}, A([0.3, 0.6])),
    Case("Binomial", {"total_count": 4, "probs": ODDS}, N),
    Case("Binomial", {"total_count": A([3.0, 5.0, 9.0]), "logits": LOC}, N),
    Case("Categorical", {"probs": SIMPLEX}, A([[0, 2], [1, 1]])),
    Case("Categorical", {"logits": LOGITS}, A([2, 0])),
    Case("Categorical", {"probs": A([0.5, 1.5, 0.0])}, A(1)),
    Case("Cauchy", {"loc": LOC, "scale": SCALE}, X),
    Case("Chi2", {"df": SHAPE}, P),
    Case("ContinuousBernoulli", {"probs": A([0.1, 0.4995, 0.97])}, U),
    Case("ContinuousBernoulli", {"logits": LOC}, U),
    Case("ContinuousBernoulli", {"logits": LOC, "lims": (0.4, 0.6)}, U),
    Case("Dirichlet", {"concentration": SHAPE}, SIMPLEX),
    Case("Dirichlet", {"concentration": A([[0.5, 0.2, 0.9], [1.0, 2.0, 3.0]])}, SIMPLEX),
    Case("Exponential", {"rate": SHAPE}, P),
    Case("Exponential", {"rate": 0.7}, P),
    Case("FisherSnedecor", {"df1": A([1.0, 3.0, 5.0]), "df2": A([1.5, 3.5, 6.0])}, P),
    Case("Gamma", {"concentration": SHAPE, "rate": SCALE}, P),
    Case("Gamma", {"concentration": 2.0, "rate": 0.5}, A([0.0, 1.0, 30.0])),
    Case("GeneralizedPareto", {"loc": LOC, "scale": SCALE, "concentration": A([-0.2, 0.0, 0.7])}, LOC + 0.4 * P),
    Case("GeneralizedPareto", {"loc": 0.0, "scale": 1.0, "concentration": A([-0.9, 1.5, 0.3])}, U),
    Case("Geometric", {"probs": ODDS}, N),
    Case("Geometric", {"logits": LOC}, N),
    Case("Geometric", {"probs": A([0.5, 1.0])}, A([2.0, 0.0])),
    Case("Gumbel", {"loc": LOC, "scale": SCALE}, X),
    Case("HalfCauchy", {"scale": SCALE}, P),
    Case("HalfNormal", {"scale": SCALE}, P),
    Case("InverseGamma", {"concentration": SHAPE, "rate": SCALE}, P),
    Case("Kumaraswamy", {"concentration1": A([0.7, 1.6, 4.5]), "concentration0": SCALE}, U),
    Case("LKJCholesky", {"dim": 3, "concentration": 1.5}, CORR_TRIL),
    Case("LKJCholesky", {"dim": 3, "concentration": SHAPE}, CORR_TRIL),
    Case("Laplace", {"loc": LOC, "scale": SCALE}, X),
    Case("LogNormal", {"loc": LOC, "scale": SCALE}, P),
    Case("LogisticNormal", {"loc": LOC[:2], "scale": SCALE[:2]}, SIMPLEX),
    Case("LowRankMultivariateNormal", {"loc": LOC, "cov_factor": FACTOR, "cov_diag": DIAGONAL}, X),
    Case("LowRankMultivariateNormal", {"loc": X, "cov_factor": FACTOR, "cov_diag": DIAGONAL}, X + 1),
    Case("Multinomial", {"total_count": 4, "probs": SIMPLEX}, A([[1.0, 1.0, 2.0], [0.0, 4.0, 0.0]])),
    Case("Multinomial", {"total_count": 4, "logits": LOGITS[0]}, A([[1.0, 1.0, 2.0], [0.0, 4.0, 0.0]])),
    Case("MultivariateNormal", {"loc": LOC, "covariance_matrix": MATRIX}, X),
    Case("MultivariateNormal", {"loc": LOC, "precision_matrix": MATRIX}, X),
    Case("MultivariateNormal", {"loc": LOC, "scale_tril": BATCH_TRIL}, np.stack([X, X + 1, 2 * X])),
    Case("MultivariateNormal", {"loc": X, "scale_tril": TRIL}, np.stack([X, X + 1, 2 * X])),
    Case("NegativeBinomial", {"total_count": SHAPE, "probs": A([0.2, 0.55, 0.8])}, N),
    Case("NegativeBinomial", {"total_count": 3, "logits": LOC}, N),
    Case("NegativeBinomial", {"total_count": 0, "probs": A([0.2, 0.5])}, A([0.0, 1.0])),
    Case("Normal", {"loc": LOC, "scale": SCALE}, X),
    Case("Normal", {"loc": 0.5, "scale": 2.0}, X),
    Case("Normal", {"loc": X, "scale": 2.0}, X + 0.5),
    Case("OneHotCategorical", {"probs": SIMPLEX}, ONE_HOT),
    Case("OneHotCategorical", {"logits": LOGITS[0]}, ONE_HOT),
    Case("OneHotCategoricalStraightThrough", {"probs": SIMPLEX}, ONE_HOT),
    Case("Pareto", {"scale": SCALE, "alpha": A([0.8, 1.5, 3.0])}, SCALE + P),
    Case("Poisson", {"rate": SHAPE}, N),
    Case("Poisson", {"rate": A([0.0, 2.0])}, A([0.0, 1.0])),
    Case("RelaxedBernoulli", {"temperature": A(0.7), "probs": ODDS}, U),
    Case("RelaxedBernoulli", {"temperature": A([0.7, 1.0, 2.0]), "logits": LOC}, U),
    Case("RelaxedOneHotCategorical", {"temperature": A(0.7), "probs": SIMPLEX}, SIMPLEX),
    Case("RelaxedOneHotCategorical", {"temperature": A(0.7), "logits": LOGITS[0]}, SIMPLEX),
    Case("StudentT", {"df": A([0.8, 1.5, 4.0]), "loc": LOC, "scale": SCALE}, X),
    Case("StudentT", {"df": 3.0}, X),
    Case("Uniform", {"low": LOC, "high": LOC + SCALE}, LOC + SCALE * U),
    Case("Uniform", {"low": -1.0, "high": 2.0}, A([-1.0, 0.0, 1.9])),
    Case("VonMises", {"loc": LOC, "concentration": A([0.3, 2.0, 9.0])}, X),
    Case("Weibull", {"scale": SCALE, "concentration": SHAPE}, P),
    Case("Wishart", {"df": 4.5, "covariance_matrix": MATRIX}, np.stack([MATRIX, 2 * MATRIX])),
    Case("Wishart", {"df": A([3.5, 6.0]), "scale_tril": TRIL}, np.stack([MATRIX, 2 * MATRIX])),
    Case("Wishart", {"df": A(5.0), "precision_matrix": np.linalg.inv(MATRIX)}, MATRIX),
]

