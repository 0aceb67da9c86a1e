"""TensorBoard files, written by tensorboardX (`pip install minidl[tensorboard]`), with PyTorch's names."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = Tensor | np.ndarray | float


class SummaryWriter:
    """Writes numbers, images and distributions for TensorBoard: `tensorboard --logdir runs`.

    Args:
        log_dir: the folder; None makes one in `runs`, named after the date.
        comment: the end of this name. purge_step: hide the records of an earlier run from this step on. max_queue,
            flush_secs: the number of records, and the seconds, before they are written. filename_suffix: of the file.

    Errors: ModuleNotFoundError where tensorboardX is missing.

        from minidl.utils.tensorboard import SummaryWriter
        with SummaryWriter("runs/lenet") as writer:
            writer.add_scalar("loss", 0.25, global_step=1)
            writer.add_images("digits", images, global_step=1)
    """

    def __init__(self, log_dir: str | None = None, comment: str = "", purge_step: int | None = None,
                 max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = "") -> None:
        try:
            import tensorboardX
        except ModuleNotFoundError:
            raise ModuleNotFoundError("SummaryWriter needs tensorboardX; try: pip install 'minidl[tensorboard]'") \
                from None
        self.writer = tensorboardX.SummaryWriter(log_dir, comment, purge_step, max_queue, flush_secs, filename_suffix)
        self.log_dir = self.writer.logdir

    def add_scalar(self, tag: str, scalar_value: Values, global_step: int | None = None,
                   walltime: float | None = None) -> None:
        """Add a number at a step."""
        self.writer.add_scalar(tag, array_of(scalar_value), global_step, walltime)

    def add_scalars(self, main_tag: str, tag_scalar_dict: Mapping[str, Values], global_step: int | None = None,
                    walltime: float | None = None) -> None:
        """Add several numbers in one diagram."""
        figures = {tag: float(array_of(value)) for tag, value in tag_scalar_dict.items()}
        self.writer.add_scalars(main_tag, figures, global_step, walltime)

    def add_histogram(self, tag: str, values: Values, global_step: int | None = None, bins: str = "tensorflow",
                      walltime: float | None = None, max_bins: int | None = None) -> None:
        """Add the distribution of the values of a tensor."""
        self.writer.add_histogram(tag, array_of(values), global_step, bins, walltime, max_bins)

    def add_image(self, tag: str, img_tensor: Values, global_step: int | None = None, walltime: float | None = None,
                  dataformats: str = "CHW") -> None:
        """Add an image: uint8, or from 0 to 1."""
        self.writer.add_image(tag, array_of(img_tensor), global_step, walltime, dataformats)

    def add_images(self, tag: str, img_tensor: Values, global_step: int | None = None, walltime: float | None = None,
                   dataformats: str = "NCHW") -> None:
        """Add a batch of images side by side."""
        self.writer.add_images(tag, array_of(img_tensor), global_step, walltime, dataformats)

    def add_figure(self, tag: str, figure: Figure, global_step: int | None = None, close: bool = True,
                   walltime: float | None = None) -> None:
        """Add a figure of matplotlib."""
        self.writer.add_figure(tag, figure, global_step, close, walltime)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None,
                 walltime: float | None = None) -> None:
        """Add a text in Markdown."""
        self.writer.add_text(tag, text_string, global_step, walltime)

    def add_pr_curve(self, tag: str, labels: Values, predictions: Values, global_step: int | None = None,
                     num_thresholds: int = 127, weights: Values | None = None, walltime: float | None = None) -> None:
        """Add the precision-recall curve of labels 0 and 1 and predictions from 0 to 1."""
        self.writer.add_pr_curve(tag, array_of(labels), array_of(predictions), global_step, num_thresholds,
                                 None if weights is None else array_of(weights), walltime)

    def add_hparams(self, hparam_dict: Mapping[str, bool | str | float], metric_dict: Mapping[str, float],
                    name: str | None = None, global_step: int | None = None) -> None:
        """Add the settings of a run, and the numbers that it reached."""
        self.writer.add_hparams(dict(hparam_dict), dict(metric_dict), name, global_step)

    def flush(self) -> None:
        """Write all pending records."""
        self.writer.file_writer.flush()

    def close(self) -> None:
        """Write all pending records, and close the file."""
        self.writer.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()


def array_of(values: Values) -> np.ndarray | float:
    """The numbers of a tensor, on the CPU."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values
