"""What to look at before a long training: the data, the first loss, the gradients, one batch, and the time."""
from __future__ import annotations

import copy
import math
import time
from typing import Any, NamedTuple

from minidl.autograd import no_grad
from minidl.nn.module import Module
from minidl.optim import Adam
from minidl.tensors.tensor import Tensor
from minidl.train.checkpoint import random_state, set_random_state
from minidl.train.loop import Batches
from minidl.train.objective import Objective


class Finding(NamedTuple):
    """What was looked at, whether it is as it should be, and what was seen."""

    check: str
    ok: bool
    seen: str


class Preflight:
    """The findings of `preflight`; prints as a table.

    ok: whether nothing is wrong. `[name]` is the finding of a check.
    """

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings)

    def __getitem__(self, check: str) -> Finding:
        return next(finding for finding in self.findings if finding.check == check)

    def __str__(self) -> str:
        return "\n".join(f"{'ok  ' if ok else 'look'}  {check:<11} {seen}" for check, ok, seen in self.findings)

    __repr__ = __str__


def preflight(model: Module, batches: Batches, objective: Objective, *, steps: int = 100, lr: float = 3e-3,
              look: int = 20) -> Preflight:
    """Look at data and model before a long training; afterwards the model is as it was.

    - inputs: numbers that are not finite, or whose mean or deviation is far from 0 and 1;
    - order: whether an epoch brings the same batches in the same order as the one before;
    - labels, if they are class numbers: each class's share, and classes that the model has no score for;
    - first loss, of class numbers: it should be about log(classes), since nothing is known yet;
    - gradients: parameters that get none, zeros, or numbers that are not finite;
    - samples: whether the result of one depends on another in `eval` mode, which mixes up axes;
    - one batch: whether Adam learns it by heart in `steps`, which a network must be able to;
    - time: of a step and of an epoch on this machine.

    Args:
        objective: as of `fit`.
        lr: of Adam.
        look: how many batches to read for the first three checks.

    Source: Karpathy, "A Recipe for Training Neural Networks", 2019, https://karpathy.github.io/2019/04/25/recipe/
    Errors: ValueError without batches.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.train import Classification, preflight
        >>> _ = minidl.manual_seed(0)
        >>> x = minidl.randn(64, 2)
        >>> found = preflight(nn.Linear(2, 2), [(100 * x, (x[:, 0] > 0).long())], Classification())
        >>> found.ok, found["inputs"].ok
        (False, False)
    """
    before = copy.deepcopy(model.state_dict()), random_state(), model.training
    some = [batch for batch, _ in zip(batches, range(look))]
    if not some:
        raise ValueError("preflight: batches is empty; is the data set smaller than a batch, with drop_last?")
    try:
        return Preflight([*_of_data(some, batches), *_of_model(model, some[0], objective),
                          *_of_training(model, some[0], objective, steps, lr, len(batches))])
    finally:
        weights, randomness, training = before
        model.load_state_dict(weights)
        model.zero_grad()
        set_random_state(randomness)
        model.train(training)


def _labels(batch: Any) -> Tensor | None:
    """The class numbers of a batch, if it has such."""
    last = batch[-1]
    return last if len(batch) > 1 and isinstance(last, Tensor) and last.ndim == 1 and not \
        last.is_floating_point() else None


def _of_data(some: list[Any], batches: Batches) -> list[Finding]:
    found = []
    finite = all(bool(batch[0].isfinite().all()) for batch in some)
    mean = sum(batch[0].float().mean().item() for batch in some) / len(some)
    deviation = math.sqrt(sum((batch[0].float() - mean).square().mean().item() for batch in some) / len(some))
    usual = finite and abs(mean) < 1 and 0.1 < deviation < 3
    word = "" if usual else "; subtract the mean and divide by the deviation" if finite else "; some are not finite"
    found.append(Finding("inputs", usual, f"{tuple(some[0][0].shape)} {some[0][0].dtype}, from "
                         f"{min(batch[0].min().item() for batch in some):.3g} to "
                         f"{max(batch[0].max().item() for batch in some):.3g}, mean {mean:.3g}, deviation "
                         f"{deviation:.3g}{word}"))
    again = next(iter(batches))[0]
    first = some[0][0]
    same = len(batches) > 1 and again.shape == first.shape and bool((again == first).all())
    found.append(Finding("order", not same, "each epoch begins with the same batch; shuffle" if same else
                         "one batch" if len(batches) == 1 else "epochs begin with different batches"))
    labels = [_labels(batch) for batch in some]
    if labels[0] is not None:
        counts: dict[int, int] = {}
        for part in labels:
            for label in part.tolist() if part is not None else []:
                counts[label] = counts.get(label, 0) + 1
        total = sum(counts.values())
        most, least = (choose(counts, key=counts.__getitem__) for choose in (max, min))
        skewed = counts[most] > 10 * counts[least] or len(counts) == 1
        found.append(Finding("labels", not skewed, f"{len(counts)} classes; {counts[most] / total:.1%} of class "
                             f"{most}, {counts[least] / total:.1%} of class {least}"))
    return found


def _of_model(model: Module, batch: Any, objective: Objective) -> list[Finding]:
    found = []
    model.train()
    model.zero_grad()
    loss, _ = objective(model, *batch)
    loss.backward()
    labels = _labels(batch)
    scores = _scores(model, batch)
    if labels is not None and scores is not None and scores.ndim == 2 and scores.shape[1] > 1:
        classes, highest = scores.shape[1], int(labels.max().item())
        expected = math.log(classes)
        usual = 0.5 * expected < loss.item() < 1.5 * expected and highest < classes
        found.append(Finding("first loss", usual, f"{loss.item():.3f}; log of {classes} classes is {expected:.3f}" + (
            "" if usual else "; make the last layer's weights smaller")))
    without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    wrong = [name for name, p in model.named_parameters() if p.grad is not None and not bool(p.grad.isfinite().all())]
    dead = [name for name, p in model.named_parameters() if p.grad is not None and not bool((p.grad != 0).any())]
    said = [f"{told}: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}" for told, names in (
        ("none for", without), ("not finite", wrong), ("all zero", dead)) if names]
    count = sum(p.grad is not None for p in model.parameters())
    found.append(Finding("gradients", not said, "; ".join(said) or f"all {count} parameters get some"))
    if scores is not None and len(batch[0]) > 1 and scores.shape[:1] == batch[0].shape[:1]:
        alone = _scores(model, [batch[0][:1]])
        apart = alone is not None and bool(((alone[0] - scores[0]).abs() <= 1e-4 * (1 + scores[0].abs())).all())
        found.append(Finding("samples", apart, "the result of one does not depend on the others" if apart else
                             "the result of one depends on the others in eval mode"))
    return found


@no_grad()
def _scores(model: Module, batch: Any) -> Tensor | None:
    """What the model makes of the inputs in `eval` mode, if that is one tensor."""
    model.eval()
    try:
        scores = model(batch[0])
    except (TypeError, ValueError, RuntimeError):       # it wants more than the inputs
        return None
    return scores if isinstance(scores, Tensor) and scores.ndim > 0 else None


def _of_training(model: Module, batch: Any, objective: Objective, steps: int, lr: float, count: int) -> list[Finding]:
    model.train()
    learning = [p for p in model.parameters() if p.requires_grad]
    optimizer, losses, start = Adam(learning, lr=lr), [], time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        loss, _ = objective(model, *batch)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break
        loss.backward()
        optimizer.step()
    seconds = (time.perf_counter() - start) / len(losses)
    learned = losses[-1] < 0.2 * losses[0]
    hint = "" if learned else "; is something wrong with labels, rate or network?"
    return [Finding("one batch", learned, f"from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} steps{hint}"),
            Finding("time", True, f"{1000 * seconds:.1f} ms a step, {seconds * count:.1f} s an epoch of {count} steps; "
                    f"{sum(p.numel() for p in learning):,} parameters")]
