"""Progress of a training run: a live line, a row for each epoch as it comes, and the history for the pictures."""
from __future__ import annotations

import signal
import sys
import time

import early_end
from tqdm import tqdm

import minidl


class Progress:
    """Counts the steps of the `with` block that trains.

    On a terminal a line shows loss, accuracy, rate and time left. Ctrl-C ends the block, not the program: what was
    reached so far can still be drawn and saved. `status` is what the program should end with.
    """

    def __init__(self, steps: int, max_steps: int | None = None) -> None:
        self.steps = min(steps, max_steps or steps)
        self.losses: list[float] = []                 # of every step
        self.accuracies: list[tuple[int, float]] = []   # on the test images: after so many steps
        self.status = 0
        self._new_epoch()

    def _new_epoch(self) -> None:
        self.seen, self.right, self.loss_sum = 0, 0, 0.0

    @property
    def finished(self) -> bool:
        """Whether all steps have been made."""
        return len(self.losses) >= self.steps

    def __enter__(self) -> Progress:
        self.start = time.perf_counter()
        print(f"{'epoch':>5}  {'train loss':>10}  {'train accuracy':>14}  {'test accuracy':>13}")
        self.bar = tqdm(total=self.steps, unit="step", dynamic_ncols=True, leave=False, disable=None)
        signal.signal(signal.SIGINT, signal.default_int_handler)   # Ctrl-C is an exception, which __exit__ takes
        return self

    def step(self, loss: minidl.Tensor, scores: minidl.Tensor, labels: minidl.Tensor) -> None:
        """Note one training step."""
        self.losses.append(loss.item())
        self.seen += len(labels)
        self.right += int((scores.argmax(dim=1) == labels).sum())
        self.loss_sum += self.losses[-1] * len(labels)
        self.bar.set_postfix(loss=f"{self.loss_sum / self.seen:.4f}", accuracy=f"{self.right / self.seen:.2%}",
                             refresh=False)
        self.bar.update()

    def epoch(self, test_accuracy: float) -> None:
        """Note the end of an epoch."""
        self.accuracies.append((len(self.losses), test_accuracy))
        with tqdm.external_write_mode():              # the live line makes way
            print(f"{len(self.accuracies):>5}  {self.loss_sum / self.seen:>10.4f}  {self.right / self.seen:>14.2%}  "
                  f"{test_accuracy:>13.2%}")
        self._new_epoch()

    def __exit__(self, kind, error, trace) -> bool:
        signal.signal(signal.SIGINT, early_end.interrupted)
        self.bar.close()
        if kind is None:
            print(f"test accuracy {self.accuracies[-1][1]:.2%} after {time.perf_counter() - self.start:.1f} s")
        elif issubclass(kind, KeyboardInterrupt):
            self.status = early_end.CTRL_C
            print(f"interrupted after {len(self.losses):,} of {self.steps:,} steps", file=sys.stderr)
        return self.status != 0
