"""One run of a network that makes images: what the examples on generators share."""
from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import minidl
from minidl.cli import training
from minidl.cli.classification import Picture, finish, load_weights, save
from minidl.cli.images import Batches, ImageData
from minidl.cli.ranks import leave_unless_first
from minidl.nn import Module
from minidl.optim import Optimizer
from minidl.optim.lr_scheduler import LRScheduler
from minidl.tensors.tensor import Tensor
from minidl.train import EMA, Ranks, plots
from minidl.train.objective import Objective

ALIKE = 0.5     # a generator has collapsed whose images have less variety


class Samples:
    """What was made of the same noise after each epoch: a part of a checkpoint."""

    def __init__(self) -> None:
        self.made: list[Tensor] = []

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"made": self.made}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        self.made = list(state["made"])


class Opponent:
    """A discriminator, which takes a step of its own each time that the generator's loss is computed.

    Its score of made images then belongs to the generator's loss. It is a part of a checkpoint, with its optimizer and
    the schedule of its rate.

        >>> import minidl
        >>> from minidl import generative, nn, optim
        >>> from minidl.cli.generation import Opponent
        >>> net = nn.Linear(2, 1)
        >>> opponent = Opponent(net, optim.SGD(net.parameters(), lr=0.1))
        >>> real, made = minidl.ones(4, 2), minidl.zeros(4, 2, requires_grad=True)
        >>> first, second = (opponent.learn(lambda: generative.wasserstein.discriminator(net(real), net(made.detach())))
        ...                  for _ in range(2))
        >>> second < first
        True
        >>> any(p.requires_grad for p in net.parameters())
        False
    """

    def __init__(self, net: Module, optimizer: Optimizer, schedule: LRScheduler | None = None) -> None:
        self.net, self.optimizer, self.schedule = net, optimizer, schedule

    def learn(self, loss: Callable[..., Tensor], *given: Any) -> float:
        """Take one step against `loss(*given)`, and judge from then on without learning."""
        self.net.requires_grad_(True)
        self.optimizer.zero_grad()
        value = loss(*given)
        value.backward()
        if ranks := Ranks.found():
            ranks.average(self.optimizer)
        self.optimizer.step()
        if self.schedule:
            self.schedule.step()
        self.net.requires_grad_(False)
        return value.item()

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts = {"net": self.net, "optimizer": self.optimizer, "schedule": self.schedule}
        return {name: part for name, part in parts.items() if part is not None}


@minidl.no_grad()
def variety(made: Tensor, real: Tensor) -> float:
    """How much made images (N, C, H, W) differ among themselves, as a share of what real ones do.

    The share of the mean standard deviations of the pixels: 0 if all are alike.

        >>> import minidl
        >>> from minidl.cli.generation import variety
        >>> real = minidl.tensor([0.0, 1.0]).view(2, 1, 1, 1)
        >>> variety(real / 2, real), variety(minidl.ones(2, 1, 1, 1), real)
        (0.5, 0.0)
    """
    return (made.std(0).mean() / real.std(0).mean()).item()


class Run:
    """Trains a network that makes images, or loads it, as the options say.

    data: what it learns from, or some words on that. make: images (N, C, H, W) from 0 to 1, made of the same noise at
    each call. It is called after each epoch, so that a picture shows what became of them. of: what they are made of,
    for the captions.
    """

    def __init__(self, args: argparse.Namespace, data: ImageData | str, model: Module, make: Callable[[], Tensor],
                 of: str = "noise") -> None:
        self.args, self.model, self.make, self.of = args, model, make, of
        self.samples = Samples()
        self.history: list[dict[str, float]] = []
        self.interrupted = False
        self.ema: EMA | None = None
        what = data if isinstance(data, str) else f"{len(data.train.x):,} images of {data.size}x{data.size}"
        print(f"{args.dataset}: {what}; {type(model).__name__}: "
              f"{sum(p.numel() for p in model.parameters()):,} parameters")
        if args.weights:
            load_weights(model, args.weights, args.device)

    def train(self, batches: Batches, objective: Objective, optimizer: Optimizer, *,
              schedule: LRScheduler | None = None, ema: EMA | None = None, clip_norm: float | None = None,
              evaluate: Callable[[], Mapping[str, float]] = dict, parts: Mapping[str, Any] | None = None) -> None:
        """Train for `--epochs`; evaluate gives figures after each. Ctrl-C and `--max-steps` end it early.

        parts: what the checkpoint holds besides model, optimizer, schedule and averages, such as an `Opponent`.
        """
        args = self.args
        if args.evaluate:
            return
        self.ema = ema

        def look() -> Mapping[str, float]:
            self.samples.made.append(self.make())
            return evaluate()
        self.history, self.interrupted = training.fit(
            args, self.model, batches, objective, optimizer, args.epochs, schedule=schedule, clip_norm=clip_norm,
            ema=ema, evaluate=look, parts={"samples": self.samples, **(parts or {})})

    def end(self, report: Callable[[], object], pictures: Mapping[str, Picture] | None = None) -> NoReturn:
        """Report, save and draw; then end the program.

        report: prints how good the network is. pictures: further ones for `--plot`, called with the path of their file.
        """
        leave_unless_first()
        args = self.args
        with self.ema.applied() if self.ema else contextlib.nullcontext():      # the averages are the result
            self.model.eval()
            if args.save:
                save(self.model, args.save)

            def report_all() -> None:
                report()
                if self.history and self.history[-1].get("variety", 1.0) < ALIKE:
                    print(f"mode collapse: made images differ by {self.history[-1]['variety']:.0%} of what real ones "
                          f"do; try another --seed, or a smaller --lr")
            own = self._own_pictures() if args.plot else {}
            finish(args, self.history, self.interrupted, report_all, {**own, **(pictures or {})})

    def _own_pictures(self) -> dict[str, Picture]:
        made = self.samples.made or [self.make()]
        chosen = minidl.linspace(0, len(made) - 1, min(len(made), 10)).long().tolist()
        grown = minidl.cat([made[epoch][:10] for epoch in chosen])
        epochs = ", ".join(str(epoch + 1) for epoch in chosen)
        caption = f"the same {self.of} over time" + f": a row after each of epochs {epochs}" * (len(chosen) > 1)
        return {"samples": lambda path: plots.images(made[-1], path, caption=f"made of {self.of}"),
                "over_time": lambda path: plots.images(grown, path, caption=caption, columns=10)}
