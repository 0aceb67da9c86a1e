"""Text as numbers and back: by characters, words, or pairs of bytes.

All tokenizers are saved as JSON, which any program reads and which runs nothing.
"""
from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from minidl.serialization.writing import atomic_writer
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.text.vocabulary import Vocabulary

PAD, BOS, EOS, UNK = "<pad>", "<bos>", "<eos>", "<unk>"
"""Padding, begin and end of a sequence, an unknown token."""
Self = TypeVar("Self", bound="Tokenizer")


class Tokenizer:
    """Base class: `encode` makes numbers of a text, `decode` text of numbers.

    A subclass says how a text is cut (`split`) and put together (`join`). The tokens <pad>, <bos>, <eos> and <unk> are
    special if the vocabulary has them: `pad`, `bos` and `eos` are their numbers, else None; `decode` leaves them out.
    """

    kind: ClassVar[str]

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.pad, self.bos, self.eos = (vocabulary[token] if token in vocabulary else None for token in (PAD, BOS, EOS))
        self._silent = {number for number in (self.pad, self.bos, self.eos) if number is not None}

    @classmethod
    def build(cls: type[Self], texts: str | Iterable[str], specials: Sequence[str] = (), min_freq: int = 1,
              max_tokens: int | None = None) -> Self:
        """The tokenizer whose vocabulary is that of the texts; see `Vocabulary.build`."""
        texts = [texts] if isinstance(texts, str) else texts
        tokens = (token for text in texts for token in cls.split(text))
        return cls(Vocabulary.build(tokens, specials, min_freq, max_tokens, UNK if UNK in specials else None))

    @staticmethod
    def split(text: str) -> Sequence[str]:
        """The tokens of a text."""
        raise NotImplementedError

    @staticmethod
    def join(tokens: Sequence[str]) -> str:
        """The text of tokens."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self.vocabulary)

    def encode(self, text: str, add_bos: bool = False, add_eos: bool = False) -> list[int]:
        """The numbers of a text's tokens, between <bos> and <eos> if wanted."""
        numbers = [self.vocabulary[token] for token in self.split(text)]
        return [*self._special(BOS, add_bos), *numbers, *self._special(EOS, add_eos)]

    def _special(self, token: str, wanted: bool) -> list[int]:
        if wanted and token not in self.vocabulary:
            raise ValueError(f"{type(self).__name__}: it has no token {token}; build it with specials=[{token!r}]")
        return [self.vocabulary[token]] if wanted else []

    def decode(self, numbers: Iterable[int] | Tensor) -> str:
        """The text of numbers, without special tokens.

        Errors: ValueError for a number that is no token's.
        """
        given = [int(number) for number in (numbers.tolist() if isinstance(numbers, Tensor) else numbers)]
        wrong = [number for number in given if not 0 <= number < len(self)]
        if wrong:
            raise ValueError(f"{type(self).__name__}.decode: expected numbers from 0 to {len(self) - 1}, but got "
                             f"{wrong[0]}")
        return self.join([self.vocabulary.tokens[number] for number in given if number not in self._silent])

    def encode_batch(self, texts: Sequence[str], add_bos: bool = False, add_eos: bool = False) -> Tensor:
        """Texts as one tensor (N, T), int64, filled up with <pad>.

        T is the length of the longest.

            >>> from minidl.text import CharTokenizer
            >>> CharTokenizer.build("abc", specials=["<pad>", "<eos>"]).encode_batch(["ab", "c"], add_eos=True)
            tensor([[2, 3, 1],
                    [4, 1, 0]])
        """
        rows = [self.encode(text, add_bos, add_eos) for text in texts]
        longest = max(map(len, rows), default=0)
        if any(len(row) < longest for row in rows):
            fill, = self._special(PAD, True)
            rows = [[*row, *[fill] * (longest - len(row))] for row in rows]
        return from_numpy(np.array(rows, np.int64).reshape(len(rows), longest))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file of JSON."""
        with atomic_writer(path, type(self).__name__) as file:
            file.write(json.dumps({"kind": self.kind, **self._contents()}, ensure_ascii=False, indent=0).encode())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Tokenizer:
        """Read what `save` has written.

        The result is of the class that wrote it. Errors: ValueError for a file that is no tokenizer's, OSError if it
        cannot be read.

            >>> import tempfile
            >>> from minidl.text import CharTokenizer, Tokenizer
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     CharTokenizer.build("hello").save(f"{folder}/tokenizer.json")
            ...     loaded = Tokenizer.load(f"{folder}/tokenizer.json")
            >>> loaded.decode(loaded.encode("hole"))
            'hole'
        """
        try:
            contents = json.loads(Path(path).read_text(encoding="utf-8"))
            return _KINDS[contents["kind"]]._restore(contents)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"Tokenizer.load: {path} is not what a tokenizer has saved ({error})") from None

    def _contents(self) -> dict[str, Any]:
        return {"tokens": self.vocabulary.tokens, "unknown": self.vocabulary.unknown}

    @classmethod
    def _restore(cls, contents: dict[str, Any]) -> Tokenizer:
        tokens = contents["tokens"]
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise ValueError("its tokens are no list of strings")
        return cls(Vocabulary(tokens, contents["unknown"]))


class CharTokenizer(Tokenizer):
    """Every character is a token.

        >>> from minidl.text import CharTokenizer
        >>> tokenizer = CharTokenizer.build("to be, or not to be")
        >>> len(tokenizer), tokenizer.decode(tokenizer.encode("not to be"))
        (8, 'not to be')
    """

    kind = "characters"

    @staticmethod
    def split(text: str) -> list[str]:
        return list(text)

    @staticmethod
    def join(tokens: Sequence[str]) -> str:
        return "".join(tokens)


class WordTokenizer(Tokenizer):
    """Words and marks are tokens, in lower case; `decode` joins words by spaces.

        >>> from minidl.text import WordTokenizer
        >>> tokenizer = WordTokenizer.build(["A red circle, a blue square."], specials=["<pad>", "<eos>", "<unk>"])
        >>> tokenizer.encode("a green circle", add_eos=True)        # green is <unk>
        [3, 2, 7, 1]
        >>> tokenizer.decode(tokenizer.encode("A blue square."))
        'a blue square.'
    """

    kind = "words"

    @staticmethod
    def split(text: str) -> list[str]:
        return re.findall(r"<\w+>|\w+|[^\w\s]", text.lower())

    @staticmethod
    def join(tokens: Sequence[str]) -> str:
        return re.sub(r" ([.,;:!?])", r"\1", " ".join(tokens))


class BPETokenizer(Tokenizer):
    """Byte-pair encoding: the most frequent pair of tokens becomes one more token.

    It begins with single bytes, so that any text has tokens, and `decode` gives it back to the byte. Pairs never reach
    across the borders of words, which keep the space before them. merges: pairs of numbers of tokens, in the order in
    which they were joined; the first of them makes token 256.

    Source: Gage, "A New Algorithm for Data Compression", 1994; Sennrich, Haddow and Birch, "Neural Machine Translation
    of Rare Words with Subword Units", 2016; on bytes: Radford et al., "Language Models are Unsupervised Multitask
    Learners", 2019.

        >>> from minidl.text import BPETokenizer
        >>> tokenizer = BPETokenizer.train("low low lower lowest", vocab_size=258)
        >>> [tokenizer.piece(number) for number in tokenizer.encode("lower")]
        [b'low', b'e', b'r']
    """

    kind = "byte pairs"

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        self.merges = [(int(left), int(right)) for left, right in merges]
        self._pieces = [bytes([value]) for value in range(256)]
        for left, right in self.merges:
            if not 0 <= min(left, right) <= max(left, right) < len(self._pieces):
                raise ValueError(f"BPETokenizer: the pair {(left, right)} names a token that is not there yet")
            self._pieces.append(self._pieces[left] + self._pieces[right])
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.pad = self.bos = self.eos = None
        self._silent = set()
        self._known: dict[str, list[int]] = {}      # words that were encoded before

    @classmethod
    def train(cls, text: str, vocab_size: int) -> BPETokenizer:
        """Join pairs of a text until there are `vocab_size` tokens.

        It ends earlier when no pair comes twice. Of pairs that come equally often, that of the smaller numbers is
        joined.
        """
        if vocab_size < 256:
            raise ValueError(f"BPETokenizer.train: expected a vocab_size of 256 or more, one for each byte, but got "
                             f"{vocab_size}")
        words = [(list(word.encode()), count) for word, count in Counter(cls.split(text)).items()]
        merges: list[tuple[int, int]] = []
        while len(merges) < vocab_size - 256:
            counts: Counter[tuple[int, int]] = Counter()
            for word, count in words:
                for pair in zip(word, word[1:]):
                    counts[pair] += count
            best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
            if best is None or counts[best] < 2:
                break
            merges.append(best)
            words = [(_joined(word, best, 255 + len(merges)), count) for word, count in words]
        return cls(merges)

    @staticmethod
    def split(text: str) -> list[str]:
        """Words with the space before them, numbers of marks, other spaces."""
        return re.findall(r" ?\w+| ?[^\s\w]+|\s+(?!\S)|\s+", text)

    def __len__(self) -> int:
        return len(self._pieces)

    def piece(self, number: int) -> bytes:
        """The bytes that a token stands for."""
        return self._pieces[number]

    def encode(self, text: str, add_bos: bool = False, add_eos: bool = False) -> list[int]:
        if add_bos or add_eos:
            raise ValueError("BPETokenizer: it has no tokens <bos> and <eos>")
        return [number for word in self.split(text) for number in self._encode_word(word)]

    def _encode_word(self, word: str) -> list[int]:
        if word not in self._known:
            numbers = list(word.encode())
            while pairs := [pair for pair in zip(numbers, numbers[1:]) if pair in self._ranks]:
                first = min(pairs, key=self._ranks.__getitem__)
                numbers = _joined(numbers, first, 256 + self._ranks[first])
            self._known[word] = numbers
        return self._known[word]

    def decode(self, numbers: Iterable[int] | Tensor) -> str:
        """The text of numbers; bytes that are no UTF-8 become its replacement sign."""
        given = numbers.tolist() if isinstance(numbers, Tensor) else numbers
        return b"".join(self._pieces[int(number)] for number in given).decode(errors="replace")

    def _contents(self) -> dict[str, Any]:
        return {"merges": self.merges}

    @classmethod
    def _restore(cls, contents: dict[str, Any]) -> BPETokenizer:
        return cls(contents["merges"])


def _joined(numbers: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """The numbers, with each pair, from the left, as one."""
    joined: list[int] = []
    for number in numbers:
        if joined and (joined[-1], number) == pair:
            joined[-1] = new
        else:
            joined.append(number)
    return joined


_KINDS: dict[str, type[Tokenizer]] = {each.kind: each for each in (CharTokenizer, WordTokenizer, BPETokenizer)}
