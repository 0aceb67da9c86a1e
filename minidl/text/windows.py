"""Batches out of one long text: windows, and the same one token later."""
from __future__ import annotations

from collections.abc import Iterator

from minidl.random import Generator
from minidl.tensors.creation import arange, randint
from minidl.tensors.tensor import Tensor


class RandomWindows:
    """Batches of windows (N, length) that begin anywhere in the text.

    With each comes what follows each of its tokens (N, length). steps: how many batches an epoch has.
    Errors: ValueError for a text that is not longer than a window.

        >>> import minidl
        >>> from minidl.text import RandomWindows
        >>> for x, y in RandomWindows(minidl.arange(100), length=8, batch_size=4, steps=2):
        ...     print(x.shape, (y == x + 1).all())
        (4, 8) tensor(True)
        (4, 8) tensor(True)
    """

    def __init__(self, tokens: Tensor, length: int, batch_size: int, steps: int,
                 generator: Generator | None = None) -> None:
        _check("RandomWindows", tokens, length)
        self.tokens, self.length, self.batch_size, self.steps = tokens, length, batch_size, steps
        self.generator = generator

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        device = self.tokens.device
        for _ in range(self.steps):
            starts = randint(len(self.tokens) - self.length, (self.batch_size, 1), generator=self.generator,
                             device=device)
            places = starts + arange(self.length + 1, device=device)
            window = self.tokens[places]
            yield window[:, :-1], window[:, 1:]


def consecutive_windows(tokens: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """All windows (N, length) of a text, and what follows each token.

    They stand one after the other; a rest is left out.

        >>> import minidl
        >>> from minidl.text import consecutive_windows
        >>> x, y = consecutive_windows(minidl.arange(8), 3)
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    _check("consecutive_windows", tokens, length)
    count = (len(tokens) - 1) // length
    return tokens[:count * length].view(count, length), tokens[1:count * length + 1].view(count, length)


def _check(who: str, tokens: Tensor, length: int) -> None:
    if tokens.ndim != 1 or len(tokens) <= length:
        raise ValueError(f"{who}: expected tokens (T,) of a text that is longer than a window of {length}, but got "
                         f"shape {tuple(tokens.shape)}; try a smaller length")
