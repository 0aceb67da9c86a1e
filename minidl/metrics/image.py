"""PSNR and SSIM, batch by batch."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.metrics.functional.image import (
    DataRange,
    Window,
    check_images,
    check_psnr,
    check_ssim,
    psnr_of,
    similarity_of,
    sum_squared_errors,
)
from minidl.metrics.metric import Metric
from minidl.ops.shape import cat
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor


class PeakSignalNoiseRatio(Metric):
    """`functional.peak_signal_noise_ratio`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import PeakSignalNoiseRatio
        >>> metric = PeakSignalNoiseRatio(data_range=1.0)
        >>> metric.update(minidl.tensor([0.5]), minidl.tensor([0.6]))
        >>> metric.update(minidl.tensor([0.5]), minidl.tensor([0.4]))
        >>> metric.compute()
        tensor(20.)
    """

    higher_is_better = True
    sum_squared_error: Tensor | list[Tensor]
    total: Tensor | list[Tensor]

    def __init__(self, data_range: DataRange, base: float = 10.0, reduction: str | None = "elementwise_mean",
                 dim: int | Sequence[int] | None = None) -> None:
        super().__init__()
        check_psnr("PeakSignalNoiseRatio", data_range, base, reduction, dim)
        self.data_range, self.base, self.reduction, self.dim = data_range, base, reduction, dim
        for name in ("sum_squared_error", "total"):
            if dim is None:
                self.add_state(name, tensor(0.0).double(), "sum")
            else:
                self.add_state(name, [], "cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        check_images("PeakSignalNoiseRatio", preds, target)
        errors, number = sum_squared_errors(preds, target.to(preds.device), self.data_range, self.dim)
        if isinstance(self.sum_squared_error, list) and isinstance(self.total, list):
            self.sum_squared_error.append(errors.flatten())
            self.total.append(number.flatten())
        else:
            self.add(sum_squared_error=errors, total=number)

    def compute(self) -> Tensor:
        errors, number = (joined("PeakSignalNoiseRatio", x) for x in (self.sum_squared_error, self.total))
        return psnr_of(errors, number, self.data_range, self.base, self.reduction)


class StructuralSimilarityIndexMeasure(Metric):
    """`functional.structural_similarity_index_measure`, batch by batch.

    Give data_range: without it, each batch has its own.

        >>> import minidl
        >>> from minidl.metrics import StructuralSimilarityIndexMeasure
        >>> metric = StructuralSimilarityIndexMeasure(data_range=1.0)
        >>> image = minidl.linspace(0, 1, 256).reshape(1, 1, 16, 16)
        >>> metric.update(image, image)
        >>> metric.compute()
        tensor(1.)
    """

    higher_is_better = True
    similarity: Tensor | list[Tensor]
    total: Tensor
    image_return: list[Tensor]

    def __init__(self, gaussian_kernel: bool = True, sigma: float | Sequence[float] = 1.5,
                 kernel_size: int | Sequence[int] = 11, reduction: str | None = "elementwise_mean",
                 data_range: DataRange | None = None, k1: float = 0.01, k2: float = 0.03,
                 return_full_image: bool = False, return_contrast_sensitivity: bool = False) -> None:
        super().__init__()
        self.window = Window(gaussian_kernel, sigma, kernel_size, data_range, k1, k2)
        check_ssim("StructuralSimilarityIndexMeasure", self.window, reduction, return_full_image,
                   return_contrast_sensitivity)
        self.reduction = reduction
        self.returned = ("image" if return_full_image else "contrast" if return_contrast_sensitivity else None)
        if reduction in ("elementwise_mean", "sum"):
            self.add_state("similarity", tensor(0.0).double(), "sum")
        else:
            self.add_state("similarity", [], "cat")
        self.add_state("total", tensor(0), "sum")
        if self.returned:
            self.add_state("image_return", [], "cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        found = similarity_of("StructuralSimilarityIndexMeasure", preds, target, self.window)
        if isinstance(self.similarity, list):
            self.similarity.append(found.mean)
        else:
            self.add(similarity=found.mean.double().sum())
        self.add(total=tensor(len(preds), device=preds.device))
        if self.returned:
            self.image_return.append(getattr(found, self.returned))

    def compute(self) -> Tensor | tuple[Tensor, Tensor]:
        who = "StructuralSimilarityIndexMeasure"
        similarity = joined(who, self.similarity)
        if self.reduction == "elementwise_mean":
            similarity = similarity / self.total
        return (similarity.float(), joined(who, self.image_return)) if self.returned else similarity.float()


def joined(who: str, state: Tensor | list[Tensor]) -> Tensor:
    """A state as one tensor. Errors: ValueError if it is a list without a tensor."""
    if isinstance(state, Tensor):
        return state
    if not state:
        raise ValueError(f"{who}: there is nothing to compute from; call update first")
    return cat([x.to(state[-1].device) for x in state])
