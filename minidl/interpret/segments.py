"""What a score owes to groups of elements, such as the segments of an image: some are covered, and the score asked.

    weights = Lime(model).attribute(image, target=3, feature_mask=segments, n_samples=500)

feature_mask: the number of its group for each element, (1, ...) or (N, ...), where a dimension of 1 stands for all;
by default each element is a group. baselines: what covers, zero by default. perturbations_per_eval: how many covered
copies are computed at once. The result has the shape of the input, with the same number all over a group.
"""
from __future__ import annotations

from typing import Any

from minidl import linalg
from minidl.autograd import no_grad
from minidl.backend.dtype import bool as bool_
from minidl.backend.dtype import float64, int64
from minidl.interpret.attribution import Attribution, Forward, Target, as_tuple, baseline_of, chosen, repeated_for
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, as_tensor, eye, ones, rand, zeros
from minidl.tensors.tensor import Tensor


class _Covering(Attribution):
    """Base class: asks for the scores of copies of which some groups are covered."""

    def _groups(self, inputs: Tensor, feature_mask: Tensor | None) -> Tensor:
        """The number of its group for each element, as large as the inputs."""
        if feature_mask is None:
            return arange(inputs[0].numel(), device=inputs.device).view(1, *inputs.shape[1:]).expand_as(inputs)
        groups = as_tensor(feature_mask, dtype=int64, device=inputs.device)
        if groups.ndim != inputs.ndim or groups.amin() < 0:
            raise ValueError(f"{type(self).__name__}: expected a feature_mask of {inputs.ndim} dimensions with numbers "
                             f"from 0, but got {tuple(groups.shape)} from {groups.amin().item()}")
        return groups.expand_as(inputs)

    def _scores(self, present: Tensor, inputs: Tensor, groups: Tensor, baselines: Tensor | float | None,
                target: Target, arguments: tuple[Any, ...], at_once: int) -> Tensor:
        """The scores (S, N) of copies that show the groups of `present` (S, M)."""
        cover, found = baseline_of(inputs, baselines), []
        for some in present.split(at_once):
            copies = inputs.where(some[:, groups], cover).flatten(0, 1)
            repeated = tuple(repeated_for(value, len(inputs), len(some)) for value in arguments)
            scores = chosen(self.forward_func(copies, *repeated), repeated_for(target, len(inputs), len(some)))
            found.append(scores.view(len(some), len(inputs)))
        return cat(found)


class FeatureAblation(_Covering):
    """How much the score falls if one group is covered.

        >>> import minidl
        >>> from minidl.interpret import FeatureAblation
        >>> x = minidl.tensor([[1.0, 2.0, 3.0]])
        >>> FeatureAblation(lambda x: x.sum(1)).attribute(x, feature_mask=minidl.tensor([[0, 0, 1]]))
        tensor([[3., 3., 3.]])
    """

    @no_grad()
    def attribute(self, inputs: Tensor, baselines: Tensor | float | None = None, target: Target = None,
                  additional_forward_args: Any = None, feature_mask: Tensor | None = None,
                  perturbations_per_eval: int = 1) -> Tensor:
        arguments, groups = as_tuple(additional_forward_args), self._groups(inputs, feature_mask)
        present = ~eye(int(groups.amax().item()) + 1, dtype=bool_, device=inputs.device)
        scores = self._scores(present, inputs, groups, baselines, target, arguments, perturbations_per_eval)
        return _spread(chosen(self.forward_func(inputs, *arguments), target) - scores, groups)


class Lime(_Covering):
    """The weights of a linear model that answers like the network near the input.

    Groups are covered at random; a line is fitted to the scores by least squares, where copies that show more weigh
    more: exp(-d^2 / kernel_width^2), of the cosine distance d to the whole. alpha: of the ridge.

    Source: Ribeiro, Singh and Guestrin, "'Why Should I Trust You?' Explaining the Predictions of Any Classifier", 2016.

        >>> import minidl
        >>> from minidl.interpret import Lime
        >>> lime = Lime(lambda x: 3 * x[:, 0] - 2 * x[:, 1], alpha=0)
        >>> lime.attribute(minidl.tensor([[1.0, 5.0]])).round(decimals=4)
        tensor([[  3., -10.]])
    """

    def __init__(self, forward_func: Forward, kernel_width: float = 0.25, alpha: float = 1.0) -> None:
        super().__init__(forward_func)
        self.kernel_width, self.alpha = kernel_width, alpha

    @no_grad()
    def attribute(self, inputs: Tensor, baselines: Tensor | float | None = None, target: Target = None,
                  additional_forward_args: Any = None, feature_mask: Tensor | None = None, n_samples: int = 50,
                  perturbations_per_eval: int = 1) -> Tensor:
        groups = self._groups(inputs, feature_mask)
        count = int(groups.amax().item()) + 1
        present = rand(n_samples, count, device=inputs.device) < 0.5
        present[0] = True
        scores = self._scores(present, inputs, groups, baselines, target, as_tuple(additional_forward_args),
                              perturbations_per_eval).to(float64)
        x = present.to(float64)
        distance = 1 - (x.sum(1) / count).sqrt()        # of the angle to (1, ..., 1)
        weight = (-(distance / self.kernel_width) ** 2).exp()[:, None]
        x, y = (each - (weight * each).sum(0) / weight.sum() for each in (x, scores))
        ridge = self.alpha * eye(count, dtype=float64, device=inputs.device)
        found = linalg.pinv(x.T @ (weight * x) + ridge) @ (x.T @ (weight * y))
        return _spread(found.to(inputs.dtype), groups)


class KernelShap(_Covering):
    """Shapley values: what a group adds to the score, averaged over all orders in which the groups may come.

    They add up to the rise of the score from the baseline to the input. With n_samples of at least 2^groups - 2 they
    are exact; otherwise subsets are drawn, those most often that hold few groups or nearly all.

    Source: Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", 2017.

        >>> import minidl
        >>> from minidl.interpret import KernelShap
        >>> product = KernelShap(lambda x: x[:, 0] * x[:, 1])
        >>> product.attribute(minidl.tensor([[2.0, 3.0]])).round(decimals=4)     # each makes half of it
        tensor([[3., 3.]])
    """

    @no_grad()
    def attribute(self, inputs: Tensor, baselines: Tensor | float | None = None, target: Target = None,
                  additional_forward_args: Any = None, feature_mask: Tensor | None = None, n_samples: int = 50,
                  perturbations_per_eval: int = 1) -> Tensor:
        groups = self._groups(inputs, feature_mask)
        count = int(groups.amax().item()) + 1
        subsets, weights = self._subsets(count, n_samples)
        present = cat([zeros(1, count, dtype=bool_), ones(1, count, dtype=bool_), subsets]).to(inputs.device)
        scores = self._scores(present, inputs, groups, baselines, target, as_tuple(additional_forward_args),
                              perturbations_per_eval).to(float64)
        nothing, rise, y = scores[0], scores[1] - scores[0], scores[2:]
        x, root = present[2:].to(float64), weights.sqrt().to(inputs.device)[:, None]
        # the last value follows from the others, since they add up to the rise
        y = y - nothing - x[:, -1:] * rise
        others = linalg.pinv(root * (x[:, :-1] - x[:, -1:])) @ (root * y)
        return _spread(cat([others, (rise - others.sum(0))[None]]).to(inputs.dtype), groups)

    @staticmethod
    def _subsets(count: int, n_samples: int) -> tuple[Tensor, Tensor]:
        """Subsets (S, count) that are neither empty nor all, and their weights (S,)."""
        sizes = arange(1, max(count, 2), dtype=float64)
        share = (1 / (sizes * (count - sizes)).clamp(min=1))      # of all subsets of a size
        share = share / share.sum()
        if n_samples >= 2 ** count - 2:
            present = (arange(1, 2 ** count - 1)[:, None] >> arange(count)) % 2 == 1
            held = present.sum(1)
            times = (held[:, None] == held).sum(1)
            return present, share[held - 1] / times
        held = share.multinomial(n_samples, replacement=True) + 1
        return rand(n_samples, count).argsort(1).argsort(1) < held[:, None], ones(n_samples, dtype=float64)


def _spread(values: Tensor, groups: Tensor) -> Tensor:
    """Values (M, N) of groups at all elements that belong to them."""
    return values.T.gather(1, groups.flatten(1)).view_as(groups)
