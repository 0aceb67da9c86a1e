"""Classification metrics, batch by batch. Their values are those of the functions."""
from __future__ import annotations

from typing import cast

from minidl.metrics.functional import calibration, counts, curves
from minidl.metrics.functional.curves import Curve, Curves, ThresholdCounts, Thresholds
from minidl.metrics.functional.inputs import TASKS, Inputs, check_choice, read
from minidl.metrics.metric import Metric
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor


class Classification(Metric):
    """Base class: the task and its sizes. The first batch may settle them."""

    def __init__(self, who: str, task: str | None, num_classes: int | None, num_labels: int | None,
                 ignore_index: int | None, validate_args: bool) -> None:
        super().__init__()
        check_choice(type(self).__name__, "task", task, (*TASKS, None))
        self._who = who
        self.task, self.num_classes, self.num_labels = task, num_classes, num_labels
        self.ignore_index, self.validate_args = ignore_index, validate_args

    def read(self, preds: Tensor, target: Tensor, scores_only: bool = False) -> Inputs:
        """Check and read a batch. The first one settles the task and the number of classes or labels."""
        inputs = read(self._who, preds, target, self.task, self.num_classes, self.num_labels, self.ignore_index,
                      self.validate_args, scores_only)
        self.task = inputs.task
        if inputs.task == "multiclass":
            self.num_classes = inputs.size
        elif inputs.task == "multilabel":
            self.num_labels = inputs.size
        return inputs

    def _learn_from(self, other: Metric) -> None:
        assert isinstance(other, Classification)
        for name in ("task", "num_classes", "num_labels"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if None not in (ours, theirs) and ours != theirs:
                raise ValueError(f"merge_state: expected {type(self).__name__} with {name}={ours!r}, but got "
                                 f"{theirs!r}")
            setattr(self, name, theirs if ours is None else ours)


# ---------------------------------------------------------------------- ratios of counts

class Ratio(Classification):
    """Base class: the four counts of each class. `figure` is a key of `counts.RATIOS`."""

    figure = ""
    higher_is_better = True

    def __init__(self, task: str | None = None, threshold: float = 0.5, num_classes: int | None = None,
                 num_labels: int | None = None, average: str | None = "micro", multidim_average: str = "global",
                 top_k: int | None = 1, ignore_index: int | None = None, validate_args: bool = True,
                 zero_division: float = 0.0) -> None:
        super().__init__(self.figure, task, num_classes, num_labels, ignore_index, validate_args)
        counts.check_counting(type(self).__name__, threshold, average, multidim_average, top_k)
        self.threshold, self.average, self.top_k = threshold, average, top_k
        self.multidim_average, self.zero_division = multidim_average, zero_division
        for name in counts.Counts._fields:
            if multidim_average == "samplewise":
                self.add_state(name, [], "cat")
            else:
                self.add_state(name, tensor(0), "sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        inputs = self.read(preds, target)
        batch = counts.count(self._who, inputs, self.threshold, self.multidim_average, self.top_k, self.ignore_index)
        if self.multidim_average == "samplewise":
            for name, number in batch._asdict().items():
                getattr(self, name).append(number)
        else:
            self.add(**batch._asdict())

    def compute(self) -> Tensor:
        states = self.metric_state.values()
        found = counts.Counts(*(cat(s) if isinstance(s, list) else s.reshape(-1) for s in states))
        return counts.ratio(self.figure, found, self.task or "multiclass", self.average, self.top_k,
                            self.zero_division)


class Accuracy(Ratio):
    """`functional.accuracy`, batch by batch. Called with preds and target.

        >>> import minidl
        >>> from minidl.metrics import Accuracy
        >>> metric = Accuracy(task="multiclass", num_classes=3)
        >>> metric.update(minidl.tensor([0, 1, 2]), minidl.tensor([0, 1, 1]))
        >>> metric.update(minidl.tensor([2]), minidl.tensor([2]))
        >>> metric.compute()
        tensor(0.7500)
    """

    figure = "accuracy"

    def __init__(self, task: str | None = None, threshold: float = 0.5, num_classes: int | None = None,
                 num_labels: int | None = None, average: str | None = "micro", multidim_average: str = "global",
                 top_k: int | None = 1, ignore_index: int | None = None, validate_args: bool = True) -> None:
        super().__init__(task, threshold, num_classes, num_labels, average, multidim_average, top_k, ignore_index,
                         validate_args)


class Precision(Ratio):
    """`functional.precision`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import Precision
        >>> metric = Precision(task="binary")
        >>> metric.update(minidl.tensor([0.9, 0.8, 0.1]), minidl.tensor([1, 0, 1]))
        >>> metric.compute()
        tensor(0.5000)
    """

    figure = "precision"


class Recall(Ratio):
    """`functional.recall`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import Recall
        >>> metric = Recall(task="binary")
        >>> metric.update(minidl.tensor([0.9, 0.8, 0.7]), minidl.tensor([1, 0, 1]))
        >>> metric.compute()
        tensor(1.)
    """

    figure = "recall"


class F1Score(Ratio):
    """`functional.f1_score`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import F1Score
        >>> metric = F1Score(task="binary")
        >>> metric.update(minidl.tensor([0.9, 0.8, 0.1]), minidl.tensor([1, 0, 1]))
        >>> metric.compute()
        tensor(0.5000)
    """

    figure = "f1_score"


class BalancedAccuracy(Classification):
    """`functional.balanced_accuracy`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import BalancedAccuracy
        >>> metric = BalancedAccuracy(task="binary")
        >>> metric.update(minidl.tensor([0, 0, 0, 0, 1]), minidl.tensor([0, 0, 0, 1, 1]))
        >>> metric.compute()
        tensor(0.7500)
    """

    higher_is_better = True

    def __init__(self, task: str | None = None, threshold: float = 0.5, num_classes: int | None = None,
                 ignore_index: int | None = None, adjusted: bool = False, validate_args: bool = True) -> None:
        super().__init__("balanced_accuracy", task, num_classes, None, ignore_index, validate_args)
        counts.check_counting("BalancedAccuracy", threshold, None, "global", 1)
        check_choice("BalancedAccuracy", "task", task, ("binary", "multiclass", None))
        self.threshold, self.adjusted = threshold, adjusted
        for name in counts.Counts._fields:
            self.add_state(name, tensor(0), "sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        inputs = self.read(preds, target)
        self.add(**counts.count(self._who, inputs, self.threshold, "global", 1, self.ignore_index)._asdict())

    def compute(self) -> Tensor:
        states = (getattr(self, name).reshape(-1) for name in counts.Counts._fields)
        return counts.mean_recall(counts.Counts(*states), self.task or "multiclass", self.adjusted)


class ConfusionMatrix(Classification):
    """`functional.confusion_matrix`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import ConfusionMatrix
        >>> metric = ConfusionMatrix(task="multiclass", num_classes=2)
        >>> metric.update(minidl.tensor([0, 1, 1]), minidl.tensor([0, 0, 1]))
        >>> metric.compute()
        tensor([[1, 1],
                [0, 1]])
    """

    def __init__(self, task: str | None = None, threshold: float = 0.5, num_classes: int | None = None,
                 num_labels: int | None = None, normalize: str | None = None, ignore_index: int | None = None,
                 validate_args: bool = True) -> None:
        super().__init__("confusion_matrix", task, num_classes, num_labels, ignore_index, validate_args)
        counts.check_counting("ConfusionMatrix", threshold, None, "global", 1)
        check_choice("ConfusionMatrix", "normalize", normalize, counts.NORMALIZE)
        self.threshold, self.normalize = threshold, normalize
        self.add_state("confmat", tensor(0), "sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        inputs = self.read(preds, target)
        self.add(confmat=counts.count_confusions(self._who, inputs, self.threshold, self.ignore_index))

    def compute(self) -> Tensor:
        return counts.normalize_counts(self.metric_state["confmat"], self.normalize)    # type: ignore[arg-type]


# ---------------------------------------------------------------------- curves

class Ranking(Classification):
    """Base class: all scores and targets. With `thresholds` only counts at each are kept, so memory does not grow."""

    def __init__(self, who: str, task: str | None, thresholds: Thresholds, num_classes: int | None,
                 num_labels: int | None, ignore_index: int | None, validate_args: bool, micro: bool = False) -> None:
        super().__init__(who, task, num_classes, num_labels, ignore_index, validate_args)
        self.thresholds, self.micro = curves.as_thresholds(type(self).__name__, thresholds), micro
        if self.thresholds is None:
            self.add_state("preds", [], "cat")
            self.add_state("target", [], "cat")
        else:
            for name in ("tps", "fps", "positives", "negatives"):
                self.add_state(name, tensor(0), "sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        inputs = self.read(preds, target, scores_only=True)
        scores, labels = curves.scores_of(self._who, inputs, self.ignore_index)
        if self.thresholds is None:
            self.preds.append(scores)       # type: ignore[attr-defined]
            self.target.append(labels)      # type: ignore[attr-defined]
        elif len(labels):
            found = curves.count_all_at_thresholds(self._who, scores, labels, inputs.task, self.thresholds, self.micro)
            for name in ("tps", "fps", "positives", "negatives"):
                self.add(**{name: stack([getattr(f, name) for f in found])})

    def threshold_counts(self) -> list[ThresholdCounts]:
        """The counts at each threshold, for each class, over all batches."""
        if self.thresholds is None:
            preds, target = ([x.to(xs[-1].device) for x in xs] for xs in (self.metric_state["preds"],
                                                                          self.metric_state["target"]))
            if not preds:
                raise ValueError(f"{self._who}: there is nothing to compute from; call update first")
            return curves.count_all_at_thresholds(self._who, cat(preds), cat(target), str(self.task), None, self.micro)
        tps, fps, positives, negatives = (self.metric_state[name] for name in ("tps", "fps", "positives", "negatives"))
        if not cast(Tensor, tps).ndim:
            raise ValueError(f"{self._who}: there is nothing to compute from; no entry of an update counts")
        return [ThresholdCounts(*parts, self.thresholds.to(parts[0].device), False)
                for parts in zip(tps, fps, positives, negatives)]


class ROC(Ranking):
    """`functional.roc`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import ROC
        >>> metric = ROC(task="binary")
        >>> metric.update(minidl.tensor([0.1, 0.4]), minidl.tensor([0, 0]))
        >>> metric.update(minidl.tensor([0.35, 0.8]), minidl.tensor([1, 1]))
        >>> fpr, tpr, thresholds = metric.compute()
        >>> fpr.tolist(), tpr.tolist()
        ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """

    def __init__(self, task: str | None = None, thresholds: Thresholds = None, num_classes: int | None = None,
                 num_labels: int | None = None, ignore_index: int | None = None, validate_args: bool = True) -> None:
        super().__init__("roc", task, thresholds, num_classes, num_labels, ignore_index, validate_args)

    def compute(self) -> Curve | Curves:
        return curves.finish_curves([curves.roc_of(f) for f in self.threshold_counts()], str(self.task),
                                    self.thresholds)


class PrecisionRecallCurve(Ranking):
    """`functional.precision_recall_curve`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import PrecisionRecallCurve
        >>> metric = PrecisionRecallCurve(task="binary", thresholds=[0.2, 0.5])
        >>> metric.update(minidl.tensor([0.1, 0.4, 0.8]), minidl.tensor([0, 0, 1]))
        >>> metric.compute()[0]
        tensor([0.5000, 1.0000, 1.0000])
    """

    def __init__(self, task: str | None = None, thresholds: Thresholds = None, num_classes: int | None = None,
                 num_labels: int | None = None, ignore_index: int | None = None, validate_args: bool = True) -> None:
        super().__init__("precision_recall_curve", task, thresholds, num_classes, num_labels, ignore_index,
                         validate_args)

    def compute(self) -> Curve | Curves:
        points = [curves.precision_recall_of(f, self.task == "multiclass") for f in self.threshold_counts()]
        return curves.finish_curves(points, str(self.task), self.thresholds)


class AUROC(Ranking):
    """`functional.auroc`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import AUROC
        >>> metric = AUROC(task="binary")
        >>> metric.update(minidl.tensor([0.1, 0.4, 0.35, 0.8]), minidl.tensor([0, 0, 1, 1]))
        >>> metric.compute()
        tensor(0.7500)
    """

    higher_is_better = True

    def __init__(self, task: str | None = None, thresholds: Thresholds = None, num_classes: int | None = None,
                 num_labels: int | None = None, average: str | None = "macro", max_fpr: float | None = None,
                 ignore_index: int | None = None, validate_args: bool = True) -> None:
        super().__init__("auroc", task, thresholds, num_classes, num_labels, ignore_index, validate_args,
                         average == "micro")
        curves.check_area("AUROC", average, max_fpr)
        self.average, self.max_fpr = average, max_fpr

    def compute(self) -> Tensor:
        return curves.auroc_of(self.threshold_counts(), str(self.task), self.average, self.max_fpr)


class AveragePrecision(Ranking):
    """`functional.average_precision`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import AveragePrecision
        >>> metric = AveragePrecision(task="binary")
        >>> metric.update(minidl.tensor([0.1, 0.4, 0.35, 0.8]), minidl.tensor([0, 0, 1, 1]))
        >>> metric.compute()
        tensor(0.8333)
    """

    higher_is_better = True

    def __init__(self, task: str | None = None, thresholds: Thresholds = None, num_classes: int | None = None,
                 num_labels: int | None = None, average: str | None = "macro", ignore_index: int | None = None,
                 validate_args: bool = True) -> None:
        super().__init__("average_precision", task, thresholds, num_classes, num_labels, ignore_index, validate_args,
                         average == "micro")
        curves.check_area("AveragePrecision", average)
        self.average = average

    def compute(self) -> Tensor:
        return curves.average_precision_of(self.threshold_counts(), str(self.task), self.average)


# ---------------------------------------------------------------------- calibration

class CalibrationError(Classification):
    """`functional.calibration_error`, batch by batch. It keeps only sums for each bin, so memory does not grow.

        >>> import minidl
        >>> from minidl.metrics import CalibrationError
        >>> metric = CalibrationError(task="binary", n_bins=2)
        >>> metric.update(minidl.tensor([0.25, 0.25, 0.75]), minidl.tensor([0, 0, 1]))
        >>> metric.compute()
        tensor(0.2500)
    """

    higher_is_better = False

    def __init__(self, task: str | None = None, n_bins: int = 15, norm: str = "l1", num_classes: int | None = None,
                 ignore_index: int | None = None, validate_args: bool = True) -> None:
        super().__init__("calibration_error", task, num_classes, None, ignore_index, validate_args)
        calibration.check_calibration("CalibrationError", n_bins, norm)
        check_choice("CalibrationError", "task", task, ("binary", "multiclass", None))
        self.n_bins, self.norm = n_bins, norm
        for name in calibration.Bins._fields:
            self.add_state(name, tensor([0.0] * (n_bins + 1)).double(), "sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        inputs = self.read(preds, target, scores_only=True)
        self.add(**calibration.fill_bins(self._who, inputs, self.n_bins, self.ignore_index)._asdict())

    def compute(self) -> Tensor:
        return calibration.calibration_of(
            calibration.Bins(*(getattr(self, name) for name in calibration.Bins._fields)), self.norm)
