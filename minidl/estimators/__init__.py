"""What stands in scikit-learn's pipelines: the common base of estimators, and checks of what they are given."""
from minidl.estimators.estimator import Estimator
from minidl.estimators.inputs import DataConversionWarning, NotFittedError

__all__ = ["DataConversionWarning", "Estimator", "NotFittedError"]
