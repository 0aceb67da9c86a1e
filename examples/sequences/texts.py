"""What the programs of this folder read: a long text, or pairs of sentences."""
from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

import minidl
from minidl.cli import ending
from minidl.text import CharTokenizer, TinyShakespeare, Tokenizer, WordTokenizer


class Text(NamedTuple):
    """The characters of a text as numbers (T,): nine tenths to learn from, and the rest."""

    tokenizer: CharTokenizer
    train: minidl.Tensor
    val: minidl.Tensor


def load(dataset: str, folder: Path, download: bool) -> Text:
    """'topics', the pages of Python's own help, which every Python has; or 'shakespeare'."""
    try:
        whole = TinyShakespeare(folder, "all", download).text if dataset == "shakespeare" else \
            "\n".join(topics[name] for name in sorted(topics))
    except (RuntimeError, ValueError, OSError) as error:
        ending.no_data(error)
    tokenizer = CharTokenizer.build(whole)
    tokens, border = minidl.tensor(tokenizer.encode(whole)), int(0.9 * len(whole))
    return Text(tokenizer, tokens[:border], tokens[border:])


# ---------------------------------------------------------------------- pairs of sentences

PERSONS = {"i am": "estoy", "you are": "estás", "he is": "está", "she is": "está", "we are": "estamos",
           "they are": "están"}
VERBS = {"eating": "comiendo", "buying": "comprando", "painting": "pintando", "cutting": "cortando",
         "washing": "lavando", "selling": "vendiendo", "looking for": "buscando", "seeing": "viendo"}
NOUNS = {"bread": "pan", "cheese": "queso", "book": "libro", "car": "coche", "apple": "manzana", "house": "casa",
         "table": "mesa", "door": "puerta"}
ADJECTIVES = {"red": "rojo", "white": "blanco", "small": "pequeño", "old": "viejo", "new": "nuevo", "black": "negro"}
JOINTS = {"and": "y", "but": "pero", "because": "porque"}


def clause(rng: random.Random) -> tuple[str, str]:
    """Such as "we are eating the red apple", "estamos comiendo la manzana roja".

    Two words become one, one knows the gender of another, and adjectives follow, the last of them first.
    """
    person, verb, noun = (rng.choice(list(words)) for words in (PERSONS, VERBS, NOUNS))
    adjectives = rng.sample(list(ADJECTIVES), rng.randrange(3))
    article = rng.choice(["the", "a", ""] if noun in ("bread", "cheese") and not adjectives else ["the", "a"])
    ending_of = "a" if NOUNS[noun].endswith("a") else "o"
    theirs = {"the": "la" if ending_of == "a" else "el", "a": "una" if ending_of == "a" else "un", "": ""}[article]
    described = [ADJECTIVES[word][:-1] + ending_of for word in reversed(adjectives)]
    return (" ".join([person, verb, *filter(None, [article]), *adjectives, noun]),
            " ".join([PERSONS[person], VERBS[verb], *filter(None, [theirs]), NOUNS[noun], *described]))


def spanish(rng: random.Random) -> tuple[str, str]:
    """One to three clauses."""
    english, translated = clause(rng)
    for _ in range(rng.randrange(3)):
        joint, (more, translated_more) = rng.choice(list(JOINTS)), clause(rng)
        english, translated = f"{english} {joint} {more}", f"{translated} {JOINTS[joint]} {translated_more}"
    return english, translated


MONTHS = "january february march april may june july august september october november december".split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def dates(rng: random.Random) -> tuple[str, str]:
    """A date in words, and by the standard: "3 march 1998", "1998-03-03"."""
    day = datetime.date(1900, 1, 1) + datetime.timedelta(rng.randrange(73_000))
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    form = rng.choice(["{d} {m} {y}", "{m} {d}, {y}", "{w}, {d} {m} {y}", "{w}, {m} {d}, {y}", "{d} {s} {y}",
                       "{y} {m} {d}", "{d}.{n}.{y}"])
    return form.format(d=day.day, m=month, s=month[:3], w=weekday, n=day.month, y=day.year), day.isoformat()


def reverse(rng: random.Random) -> tuple[str, str]:
    """Five to 16 digits, and the last one first."""
    digits = "".join(rng.choices("0123456789", k=rng.randint(5, 16)))
    return digits, digits[::-1]


class Pairs(NamedTuple):
    """Sentences and their translations."""

    sources: list[str]
    targets: list[str]


class Corpus(NamedTuple):
    """Pairs to learn from and to test with, and the tokenizers of both languages."""

    train: Pairs
    test: Pairs
    reader: Tokenizer
    writer: Tokenizer

    def batch(self, pairs: Pairs, chosen: Sequence[int]) -> list[minidl.Tensor]:
        """Sources (N, S), targets (N, T) that begin with <bos>, and what follows each of their tokens (N, T)."""
        target = self.writer.encode_batch([pairs.targets[i] for i in chosen], add_bos=True, add_eos=True)
        return [self.reader.encode_batch([pairs.sources[i] for i in chosen]), target[:, :-1], target[:, 1:]]


TASKS: dict[str, tuple[Callable[[random.Random], tuple[str, str]], type[Tokenizer]]] = {
    "spanish": (spanish, WordTokenizer), "dates": (dates, CharTokenizer), "reverse": (reverse, CharTokenizer)}


def corpus(task: str, count: int, tests: int, seed: int) -> Corpus:
    """Pairs of a task; none is there to learn from and to test with."""
    draw, kind = TASKS[task]
    rng = random.Random(seed)
    test = dict(draw(rng) for _ in range(tests))
    train = [pair for pair in (draw(rng) for _ in range(count)) if pair[0] not in test]
    sources, targets = (list(side) for side in zip(*train))
    specials = ["<pad>", "<bos>", "<eos>", "<unk>"]
    return Corpus(Pairs(sources, targets), Pairs(list(test), list(test.values())),
                  kind.build(sources, specials), kind.build(targets, specials))
