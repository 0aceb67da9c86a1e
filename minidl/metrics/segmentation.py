"""The Jaccard index and Dice's, batch by batch."""
from __future__ import annotations

from minidl.metrics.classification import Ratio
from minidl.metrics.functional import counts
from minidl.metrics.functional.segmentation import Overlaps, check_dice, count_overlaps, dice_of, jaccard_of
from minidl.metrics.metric import Metric
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor


class JaccardIndex(Ratio):
    """`functional.jaccard_index`, batch by batch: the mean IoU of a segmentation.

        >>> import minidl
        >>> from minidl.metrics import JaccardIndex
        >>> metric = JaccardIndex(task="multiclass", num_classes=3)
        >>> metric.update(minidl.tensor([2, 1]), minidl.tensor([2, 1]))
        >>> metric.update(minidl.tensor([0, 1]), minidl.tensor([0, 0]))
        >>> metric.compute()
        tensor(0.6667)
    """

    figure = "jaccard_index"

    def __init__(self, task: str | None = None, threshold: float = 0.5, num_classes: int | None = None,
                 num_labels: int | None = None, average: str | None = "macro", ignore_index: int | None = None,
                 validate_args: bool = True, zero_division: float = 0.0) -> None:
        super().__init__(task, threshold, num_classes, num_labels, average, "global", 1, ignore_index, validate_args,
                         zero_division)

    def compute(self) -> Tensor:
        found = counts.Counts(*(getattr(self, name).reshape(-1) for name in counts.Counts._fields))
        return jaccard_of(found, self.task or "multiclass", self.average, self.ignore_index, self.zero_division)


class DiceScore(Metric):
    """`functional.dice_score`, batch by batch: the mean over all images.

        >>> import minidl
        >>> from minidl.metrics import DiceScore
        >>> metric = DiceScore(num_classes=2, input_format="index")
        >>> metric.update(minidl.tensor([[[0, 1], [1, 1]]]), minidl.tensor([[[0, 0], [1, 1]]]))
        >>> metric.update(minidl.tensor([[[0, 0], [1, 1]]]), minidl.tensor([[[0, 0], [1, 1]]]))
        >>> metric.compute()                    # ((2/3 + 4/5) / 2 + 1) / 2
        tensor(0.8667)
    """

    higher_is_better = True

    def __init__(self, num_classes: int, include_background: bool = True, average: str | None = "macro",
                 aggregation_level: str = "samplewise", input_format: str = "one-hot") -> None:
        super().__init__()
        check_dice("DiceScore", num_classes, include_background, average, input_format, aggregation_level)
        self.num_classes, self.include_background, self.average = num_classes, include_background, average
        self.aggregation_level, self.input_format = aggregation_level, input_format
        for name in Overlaps._fields:
            self.add_state(name, [], "cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        batch = count_overlaps("DiceScore", preds, target, self.num_classes, self.include_background,
                               self.input_format)
        for name, pixels in batch._asdict().items():
            getattr(self, name).append(pixels)

    def compute(self) -> Tensor:
        parts = [getattr(self, name) for name in Overlaps._fields]
        if not parts[0]:
            raise ValueError("DiceScore: there is nothing to compute from; call update first")
        overlaps = Overlaps(*(cat([x.to(part[-1].device) for x in part]) for part in parts))
        return dice_of(overlaps, self.average, self.aggregation_level).nanmean(0)
