"""Groups of points that lie together, with scikit-learn's contract."""
from minidl.cluster.kmeans import KMeans

__all__ = ["KMeans"]
