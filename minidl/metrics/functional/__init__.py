"""Metrics as functions of all predictions and targets, after torchmetrics."""
from minidl.metrics.functional.calibration import calibration_error
from minidl.metrics.functional.counts import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    f1_score,
    precision,
    recall,
)
from minidl.metrics.functional.curves import auroc, average_precision, precision_recall_curve, roc
from minidl.metrics.functional.generative import frechet_distance, poly_mmd
from minidl.metrics.functional.voc import voc_mean_average_precision

__all__ = [
    "accuracy", "auroc", "average_precision", "balanced_accuracy", "calibration_error", "confusion_matrix", "f1_score",
    "frechet_distance", "poly_mmd", "precision", "precision_recall_curve", "recall", "roc",
    "voc_mean_average_precision",
]
