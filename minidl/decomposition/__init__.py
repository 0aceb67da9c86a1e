"""Directions in which points differ most, with scikit-learn's contract."""
from minidl.decomposition.pca import PCA

__all__ = ["PCA"]
