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
from minidl.metrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
from minidl.metrics.functional.keypoints import object_keypoint_similarity, percentage_of_correct_keypoints
from minidl.metrics.functional.retrieval import (
    retrieval_average_precision,
    retrieval_normalized_dcg,
    retrieval_precision,
    retrieval_recall,
    retrieval_reciprocal_rank,
)
from minidl.metrics.functional.segmentation import dice, dice_score, jaccard_index
from minidl.metrics.functional.text import bleu_score, perplexity
from minidl.metrics.functional.voc import voc_mean_average_precision, voc_precision_recall_curve

__all__ = [
    "accuracy", "auroc", "average_precision", "balanced_accuracy", "bleu_score", "calibration_error",
    "confusion_matrix", "dice", "dice_score", "f1_score", "frechet_distance", "jaccard_index",
    "object_keypoint_similarity", "peak_signal_noise_ratio", "percentage_of_correct_keypoints", "perplexity",
    "poly_mmd", "precision", "precision_recall_curve", "recall", "retrieval_average_precision",
    "retrieval_normalized_dcg", "retrieval_precision", "retrieval_recall", "retrieval_reciprocal_rank", "roc",
    "structural_similarity_index_measure", "voc_mean_average_precision", "voc_precision_recall_curve",
]
