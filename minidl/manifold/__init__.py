"""Maps of points that keep neighbours together, with scikit-learn's contract."""
from minidl.manifold.tsne import TSNE, trustworthiness

__all__ = ["TSNE", "trustworthiness"]
