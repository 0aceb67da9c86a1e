"""Which tokens there are, and their numbers."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


class Vocabulary:
    """A list of tokens; the number of a token is its place.

    tokens: all different. unknown: the one of them that stands for all that are not in the list; without it they are
    refused.

    Errors: ValueError for a token that comes twice, and for an `unknown` that is none of them; KeyError for what has no
    number.

        >>> from minidl.text import Vocabulary
        >>> vocabulary = Vocabulary(["<unk>", "a", "b"], unknown="<unk>")
        >>> vocabulary["b"], vocabulary["c"], len(vocabulary), vocabulary.tokens[1]
        (2, 0, 3, 'a')
    """

    def __init__(self, tokens: Sequence[str], unknown: str | None = None) -> None:
        self.tokens = list(tokens)
        self.unknown = unknown
        self._numbers = {token: number for number, token in enumerate(self.tokens)}
        if len(self._numbers) < len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"Vocabulary: expected tokens that are all different, but {twice!r} comes twice")
        if unknown is not None and unknown not in self._numbers:
            raise ValueError(f"Vocabulary: expected unknown to be one of the tokens, but got {unknown!r}")

    @classmethod
    def build(cls, tokens: Iterable[str], specials: Sequence[str] = (), min_freq: int = 1,
              max_tokens: int | None = None, unknown: str | None = None) -> Vocabulary:
        """The vocabulary of what was read: specials, then tokens by their frequency.

        Tokens that come equally often are in the order of the alphabet. min_freq: how often a token has to come.
        max_tokens: how many there are at most, specials included.

            >>> from minidl.text import Vocabulary
            >>> Vocabulary.build("a rose is a rose".split(), specials=["<pad>"], min_freq=2).tokens
            ['<pad>', 'a', 'rose']
        """
        counts = Counter(tokens)
        for special in specials:
            counts.pop(special, None)
        frequent = [token for token in sorted(counts, key=lambda token: (-counts[token], token))
                    if counts[token] >= min_freq]
        return cls([*specials, *frequent][:max_tokens], unknown)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._numbers

    def __getitem__(self, token: str) -> int:
        number = self._numbers.get(token)
        if number is None:
            if self.unknown is None:
                raise KeyError(f"Vocabulary: {token!r} is none of its {len(self):,} tokens, and none of them stands "
                               f"for unknown ones; try unknown=")
            number = self._numbers[self.unknown]
        return number
