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
from minidl.metrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure
from minidl.metrics.metric import Metric
from minidl.metrics.retrieval import (
    RetrievalMAP,
    RetrievalMRR,
    RetrievalNormalizedDCG,
    RetrievalPrecision,
    RetrievalRecall,
)
from minidl.metrics.segmentation import DiceScore, JaccardIndex
from minidl.metrics.text import BLEUScore, Perplexity

__all__ = [
    "AUROC", "ROC", "Accuracy", "AveragePrecision", "BLEUScore", "BalancedAccuracy", "CalibrationError",
    "ConfusionMatrix", "DiceScore", "F1Score", "FrechetInceptionDistance", "JaccardIndex", "KernelInceptionDistance",
    "MeanAveragePrecision", "Metric", "PeakSignalNoiseRatio", "Perplexity", "Precision", "PrecisionRecallCurve",
    "Recall", "RetrievalMAP", "RetrievalMRR", "RetrievalNormalizedDCG", "RetrievalPrecision", "RetrievalRecall",
    "StructuralSimilarityIndexMeasure", "functional",
]
