"""Nearest neighbours: the classifier, and cross-validation to choose its k."""
from minidl.estimators import DataConversionWarning, NotFittedError
from minidl.neighbors.cross_validation import CrossValidation, cross_validate_k, split_folds
from minidl.neighbors.knn import KNeighborsClassifier

__all__ = [
    "CrossValidation", "DataConversionWarning", "KNeighborsClassifier", "NotFittedError", "cross_validate_k",
    "split_folds",
]
