"""The Kullback-Leibler divergence, and its formulas by pairs of families."""
from minidl.distributions.kl import across_families, multivariate, same_family  # noqa: F401  (they register formulas)
from minidl.distributions.kl.registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]
