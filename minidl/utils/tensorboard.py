"""TensorBoard files, written by tensorboardX (`pip install minidl[tensorboard]`), with PyTorch's names."""
from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.device import to_numpy
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor
from minidl.utils.module_graph import layers_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = Tensor | np.ndarray | float


class SummaryWriter:
    """Writes numbers, images and distributions for TensorBoard: `tensorboard --logdir runs`.

    Args:
        log_dir: the folder; None makes one in `runs`, named after the date.
        comment: the end of this name. purge_step: hide the records of an earlier run from this step on. max_queue,
            flush_secs: the number of records, and the seconds, before they are written. filename_suffix: of the file.

    Tensors may be on any device and have a history. `add_onnx_graph` and what else tensorboardX has are reached as
    `writer.writer`. Errors: ModuleNotFoundError where tensorboardX is missing.

        from minidl.utils.tensorboard import SummaryWriter
        with SummaryWriter("runs/lenet") as writer:
            writer.add_scalar("loss", 0.25, global_step=1)
            writer.add_images("digits", images, global_step=1)
            writer.add_graph(model, images)
    """

    def __init__(self, log_dir: str | None = None, comment: str = "", purge_step: int | None = None,
                 max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = "") -> None:
        try:
            tensorboardX = importlib.import_module("tensorboardX")
        except ModuleNotFoundError:
            raise ModuleNotFoundError("SummaryWriter needs tensorboardX; try: pip install 'minidl[tensorboard]'") \
                from None
        self.writer = tensorboardX.SummaryWriter(log_dir, comment, purge_step, max_queue, flush_secs, filename_suffix)
        self.log_dir = self.writer.logdir

    def get_logdir(self) -> str:
        """The folder of the files."""
        return self.log_dir

    # ------------------------------------------------------------------ numbers

    def add_scalar(self, tag: str, scalar_value: Values, global_step: int | None = None,
                   walltime: float | None = None, new_style: bool = False, double_precision: bool = False) -> None:
        """Add a number at a step. (`new_style` and `double_precision` are PyTorch's, and change nothing.)"""
        self.writer.add_scalar(tag, array_of(scalar_value), global_step, walltime)

    def add_scalars(self, main_tag: str, tag_scalar_dict: Mapping[str, Values], global_step: int | None = None,
                    walltime: float | None = None) -> None:
        """Add several numbers in one diagram."""
        figures = {tag: float(array_of(value)) for tag, value in tag_scalar_dict.items()}
        self.writer.add_scalars(main_tag, figures, global_step, walltime)

    def add_custom_scalars(self, layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Say which numbers share a diagram: `{"losses": {"both": ["Multiline", ["loss/train", "loss/test"]]}}`."""
        self.writer.add_custom_scalars(layout)

    def add_custom_scalars_multilinechart(self, tags: list[str], category: str = "default",
                                          title: str = "untitled") -> None:
        """Draw several numbers in one diagram."""
        self.writer.add_custom_scalars_multilinechart(tags, category, title)

    def add_custom_scalars_marginchart(self, tags: list[str], category: str = "default",
                                       title: str = "untitled") -> None:
        """Draw a number between a lower and an upper one; `tags` names the three."""
        self.writer.add_custom_scalars_marginchart(tags, category, title)

    def add_hparams(self, hparam_dict: Mapping[str, Any], metric_dict: Mapping[str, Values],
                    hparam_domain_discrete: Mapping[str, Sequence[Any]] | None = None, run_name: str | None = None,
                    global_step: int | None = None) -> None:
        """Add the settings of a run, and the numbers that it reached. (tensorboardX takes no domains.)"""
        settings = {name: array_of(x).item() if isinstance(x, Tensor) else x for name, x in hparam_dict.items()}
        figures = {name: float(array_of(value)) for name, value in metric_dict.items()}
        self.writer.add_hparams(settings, figures, run_name, global_step)

    # ------------------------------------------------------------------ distributions

    def add_histogram(self, tag: str, values: Values, global_step: int | None = None, bins: str = "tensorflow",
                      walltime: float | None = None, max_bins: int | None = None) -> None:
        """Add the distribution of the values of a tensor."""
        self.writer.add_histogram(tag, array_of(values), global_step, bins, walltime, max_bins)

    def add_histogram_raw(self, tag: str, min: float, max: float, num: int, sum: float, sum_squares: float,
                          bucket_limits: Values, bucket_counts: Values, global_step: int | None = None,
                          walltime: float | None = None) -> None:
        """Add a distribution that was counted elsewhere: the upper ends of its bins, and how many are in each."""
        self.writer.add_histogram_raw(tag, min, max, num, sum, sum_squares, list(array_of(bucket_limits)),
                                      list(array_of(bucket_counts)), global_step, walltime)

    def add_pr_curve(self, tag: str, labels: Values, predictions: Values, global_step: int | None = None,
                     num_thresholds: int = 127, weights: Values | None = None, walltime: float | None = None) -> None:
        """Add the precision-recall curve of labels 0 and 1 and predictions from 0 to 1."""
        self.writer.add_pr_curve(tag, array_of(labels), array_of(predictions), global_step, num_thresholds,
                                 None if weights is None else array_of(weights), walltime)

    def add_pr_curve_raw(self, tag: str, true_positive_counts: Values, false_positive_counts: Values,
                         true_negative_counts: Values, false_negative_counts: Values, precision: Values,
                         recall: Values, global_step: int | None = None, num_thresholds: int = 127,
                         weights: Values | None = None, walltime: float | None = None) -> None:
        """Add a precision-recall curve that was counted elsewhere: an element of each for each threshold."""
        counted = map(array_of, (true_positive_counts, false_positive_counts, true_negative_counts,
                                 false_negative_counts, precision, recall))
        self.writer.add_pr_curve_raw(tag, *counted, global_step, num_thresholds,
                                     None if weights is None else array_of(weights), walltime)

    def add_embedding(self, mat: Values, metadata: Sequence[Any] | None = None, label_img: Values | None = None,
                      global_step: int | None = None, tag: str = "default",
                      metadata_header: Sequence[str] | None = None) -> None:
        """Add points (N, D) for the projector, with a label and perhaps an image (N, C, H, W) each."""
        labels = metadata.tolist() if isinstance(metadata, Tensor) else metadata
        self.writer.add_embedding(array_of(mat), labels, None if label_img is None else array_of(label_img),
                                  global_step, tag, metadata_header)

    # ------------------------------------------------------------------ what one looks at, hears and reads

    def add_image(self, tag: str, img_tensor: Values, global_step: int | None = None, walltime: float | None = None,
                  dataformats: str = "CHW") -> None:
        """Add an image: uint8, or from 0 to 1."""
        self.writer.add_image(tag, array_of(img_tensor), global_step, walltime, dataformats)

    def add_images(self, tag: str, img_tensor: Values, global_step: int | None = None, walltime: float | None = None,
                   dataformats: str = "NCHW") -> None:
        """Add a batch of images side by side."""
        self.writer.add_images(tag, array_of(img_tensor), global_step, walltime, dataformats)

    def add_image_with_boxes(self, tag: str, img_tensor: Values, box_tensor: Values, global_step: int | None = None,
                             walltime: float | None = None, rescale: float = 1, dataformats: str = "CHW",
                             labels: Sequence[str] | None = None) -> None:
        """Add an image with boxes (N, 4): left, top, right, bottom."""
        self.writer.add_image_with_boxes(tag, array_of(img_tensor), array_of(box_tensor), global_step, walltime,
                                         dataformats, labels, rescale=rescale)

    def add_figure(self, tag: str, figure: Figure | list[Figure], global_step: int | None = None, close: bool = True,
                   walltime: float | None = None) -> None:
        """Add a figure of matplotlib, or several."""
        self.writer.add_figure(tag, figure, global_step, close, walltime)

    def add_video(self, tag: str, vid_tensor: Values, global_step: int | None = None, fps: float = 4,
                  walltime: float | None = None) -> None:
        """Add films (N, T, C, H, W), for which tensorboardX needs moviepy."""
        self.writer.add_video(tag, array_of(vid_tensor), global_step, fps, walltime)

    def add_audio(self, tag: str, snd_tensor: Values, global_step: int | None = None, sample_rate: int = 44100,
                  walltime: float | None = None) -> None:
        """Add sound (1, L) from -1 to 1, for which tensorboardX needs soundfile."""
        self.writer.add_audio(tag, array_of(snd_tensor), global_step, sample_rate, walltime)

    def add_mesh(self, tag: str, vertices: Values, colors: Values | None = None, faces: Values | None = None,
                 config_dict: Mapping[str, Any] | None = None, global_step: int | None = None,
                 walltime: float | None = None) -> None:
        """Add points (N, P, 3) in space, with colours (N, P, 3) and triangles (N, F, 3) of their numbers."""
        parts = (None if x is None else array_of(x) for x in (vertices, colors, faces))
        self.writer.add_mesh(tag, *parts, config_dict, global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None,
                 walltime: float | None = None) -> None:
        """Add a text in Markdown."""
        self.writer.add_text(tag, text_string, global_step, walltime)

    def add_graph(self, model: Module, input_to_model: Any = None, verbose: bool = False,
                  use_strict_trace: bool = True) -> None:
        """Add the network as its layers, and what passes from one to another.

        input_to_model: the Tensor, or a tuple of them, on which the model is run once. verbose: print the layers.
        """
        inputs = input_to_model if isinstance(input_to_model, (tuple, list)) else (input_to_model,)
        graph, node, event = (importlib.import_module(f"tensorboardX.proto.{name}_pb2")
                              for name in ("graph", "node_def", "event"))
        found = [node.NodeDef(name=name, op=kind, input=sources) for name, kind, sources in layers_of(model, *inputs)]
        if verbose:
            print(*found, sep="\n")
        self.writer._get_file_writer().add_event(
            event.Event(graph_def=graph.GraphDef(node=found).SerializeToString()))

    def flush(self) -> None:
        """Write all pending records."""
        self.writer.flush()

    def close(self) -> None:
        """Write all pending records, and close the file."""
        self.writer.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()


def array_of(values: Values) -> Any:
    """The numbers of a tensor, on the CPU."""
    return to_numpy(values.detach().array) if isinstance(values, Tensor) else values
