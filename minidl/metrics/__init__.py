"""Metrics of models, with torchmetrics' names.

`functional` takes all data at once; the classes take them batch by batch.
"""
from minidl.metrics import functional
from minidl.metrics.classification import (
    AUROC,
    ROC,
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    CalibrationError,
    ConfusionMatrix,
    F1Score,
    Precision,
    PrecisionRecallCurve,
    Recall,
)
from minidl.metrics.detection import MeanAveragePrecision
from minidl.metrics.generative import FrechetInceptionDistance, KernelInceptionDistance
from minidl.metrics.metric import Metric

__all__ = [
    "AUROC", "ROC", "Accuracy", "AveragePrecision", "BalancedAccuracy", "CalibrationError", "ConfusionMatrix",
    "F1Score", "FrechetInceptionDistance", "KernelInceptionDistance", "MeanAveragePrecision", "Metric", "Precision",
    "PrecisionRecallCurve", "Recall", "functional",
]
