"""FID and KID: distances between the features of generated and real images.

Values from different feature networks cannot be compared: name yours beside the value. Print the floor too: the
distance between two sets of real images of the same size. The number of images matters more than most models do.
"""
from __future__ import annotations

from collections.abc import Callable

from minidl.backend.warn import warn
from minidl.metrics.functional.generative import frechet_distance, poly_mmd
from minidl.metrics.metric import Metric
from minidl.nn.module import Module
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import randperm, tensor
from minidl.tensors.tensor import Tensor


class FeatureDistance(Metric):
    """Base class: a network that turns images into features (N, D)."""

    higher_is_better = False

    def __init__(self, feature: Callable[[Tensor], Tensor], reset_real_features: bool = True) -> None:
        super().__init__()
        if not callable(feature):
            raise TypeError(f"{type(self).__name__}: expected feature to be a network that makes features (N, D) of "
                            f"images, but got {feature!r}; a classifier without its last layer, for instance")
        self.feature, self.reset_real_features = feature, reset_real_features

    def features(self, imgs: Tensor) -> Tensor:
        """Features (N, D) of images, in evaluation mode. Errors: ValueError for other shapes, NaN and infinity."""
        training = [m for m in self.feature.modules() if m.training] if isinstance(self.feature, Module) else []
        for module in training:
            module.training = False
        try:
            found = self.feature(imgs)
        finally:
            for module in training:
                module.training = True
        if found.ndim != 2 or len(found) != len(imgs):
            raise ValueError(f"{type(self).__name__}: expected features (N, D) of {len(imgs)} images, but the network "
                             f"gave {tuple(found.shape)}; try nn.Flatten() as its last layer")
        if not bool(found.isfinite().all()):
            raise ValueError(f"{type(self).__name__}: the features contain NaN or infinity; are the images finite?")
        return found.detach()

    def reset(self) -> None:
        """Forget generated images, and real ones too unless reset_real_features is False."""
        kept = {} if self.reset_real_features else {
            name: state for name, state in self.metric_state.items() if name.startswith("real")}
        super().reset()
        for name, state in kept.items():
            setattr(self, name, state)

    def __call__(self, imgs: Tensor, real: bool) -> None:
        raise TypeError(f"{type(self).__name__}: a batch alone has no figure; call update, and compute at the end")


class FrechetInceptionDistance(FeatureDistance):
    """FID: the Fréchet distance between the features of two sets of images.

    Both sets are taken as normal distributions, with their means and covariances.

    Args:
        feature: a network, or a function, that turns images into features (N, D). torchmetrics' default, Inception,
            does not come with minidl: a classifier of the same data without its last layer says more.
        reset_real_features: False keeps the statistics of real images at `reset`.

    `update` takes images, and whether they are real. It keeps sums in float64, not features. `compute` warns unless
    there are more images than features, since the covariance is singular then; take ten times as many.
    Errors: RuntimeError unless there are two images of both kinds.
    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017, https://arxiv.org/abs/1706.08500

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.metrics import FrechetInceptionDistance
        >>> fid = FrechetInceptionDistance(feature=nn.Flatten())
        >>> fid.update(minidl.tensor([[0.], [1.], [2.]]), real=True)
        >>> fid.update(minidl.tensor([[3.], [4.], [5.]]), real=False)
        >>> fid.compute()
        tensor(9.)
    """

    def __init__(self, feature: Callable[[Tensor], Tensor], reset_real_features: bool = True) -> None:
        super().__init__(feature, reset_real_features)
        for kind in ("real", "fake"):
            self.add_state(f"{kind}_features_sum", tensor(0.0).double(), "sum")
            self.add_state(f"{kind}_features_cov_sum", tensor(0.0).double(), "sum")
            self.add_state(f"{kind}_features_num_samples", tensor(0), "sum")

    def update(self, imgs: Tensor, real: bool) -> None:
        features = self.features(imgs).double()
        kind = "real" if real else "fake"
        self.add(**{f"{kind}_features_sum": features.sum(0), f"{kind}_features_cov_sum": features.T @ features,
                    f"{kind}_features_num_samples": tensor(len(features), device=features.device)})

    def compute(self) -> Tensor:
        moments = []
        for kind in ("real", "fake"):
            total, squares, number = (getattr(self, f"{kind}_features_{name}")
                                      for name in ("sum", "cov_sum", "num_samples"))
            n = int(number)
            if n < 2:
                raise RuntimeError(f"FrechetInceptionDistance: more than one sample is required of both kinds, but got "
                                   f"{n} {kind} image{'s' * (n != 1)}")
            if n <= len(total):
                warn(f"FrechetInceptionDistance: {n} {kind} images are too few for {len(total)} features: the "
                     f"covariance is singular; take ten times as many images as features")
            mean = total / n
            moments += [mean, (squares - n * mean[:, None] * mean) / (n - 1)]
        return frechet_distance(*moments).float()


class KernelInceptionDistance(FeatureDistance):
    """KID: mean and standard deviation of `poly_mmd` over random feature subsets.

    Args:
        feature: see FrechetInceptionDistance.
        subsets: how many subsets are drawn.
        subset_size: how many images of each kind a subset has.
        degree, gamma, coef: of the kernel.
        reset_real_features: False keeps the features of real images at `reset`.

    Unlike FID it has no bias that depends on the number of images.
    Errors: ValueError for arguments out of range, and where there are fewer images than subset_size.
    Source: Bińkowski et al., "Demystifying MMD GANs", 2018, https://arxiv.org/abs/1801.01401

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.metrics import KernelInceptionDistance
        >>> kid = KernelInceptionDistance(feature=nn.Flatten(), subsets=3, subset_size=50)
        >>> kid.update(minidl.randn(100, 4), real=True)
        >>> kid.update(minidl.randn(100, 4) + 1, real=False)
        >>> mean, std = kid.compute()
        >>> mean.item() > 0.5
        True
    """

    def __init__(self, feature: Callable[[Tensor], Tensor], subsets: int = 100, subset_size: int = 1000,
                 degree: int = 3, gamma: float | None = None, coef: float = 1.0,
                 reset_real_features: bool = True) -> None:
        super().__init__(feature, reset_real_features)
        for name, number, least in (("subsets", subsets, 1), ("subset_size", subset_size, 2), ("degree", degree, 1)):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise ValueError(f"KernelInceptionDistance: expected {name} to be an integer of at least {least}, but "
                                 f"got {number!r}")
        if (gamma is not None and not gamma > 0) or not coef > 0:
            raise ValueError(f"KernelInceptionDistance: expected gamma and coef above 0, but got gamma={gamma} and "
                             f"coef={coef}")
        self.subsets, self.subset_size = subsets, subset_size
        self.degree, self.gamma, self.coef = degree, gamma, coef
        self.add_state("real_features", [], "cat")
        self.add_state("fake_features", [], "cat")

    def update(self, imgs: Tensor, real: bool) -> None:
        getattr(self, "real_features" if real else "fake_features").append(self.features(imgs))

    def compute(self) -> tuple[Tensor, Tensor]:
        kinds = []
        for kind in ("real", "fake"):
            parts = getattr(self, f"{kind}_features")
            number = sum(len(x) for x in parts)
            if number < self.subset_size:
                raise ValueError(f"KernelInceptionDistance: expected at least subset_size = {self.subset_size} images, "
                                 f"but got {number} {kind} ones")
            kinds.append(cat(parts))
        scores = []
        for _ in range(self.subsets):
            real, fake = (x[randperm(len(x)).to(x.device)[:self.subset_size]] for x in kinds)
            scores.append(poly_mmd(real, fake, self.degree, self.gamma, self.coef))
        each = stack(scores)
        return each.mean(), each.std(correction=0)
