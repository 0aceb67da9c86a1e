"""How the blanks of the table are filled: each function draws one kind of argument that fits."""
from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

from tests.checking import torch
from tests.fuzz.program import Literal, Statement
from tests.fuzz.run import Disagreement, Run

FLOATING = ("float64", "float32", "float16")
DTYPES = {"float64": 12, "float32": 5, "int64": 3, "bool": 1, "int32": 1, "uint8": 1, "float16": 1, "complex128": 1}
SIZES = (1, 2, 2, 3, 3, 3, 4, 0)
NUMBERS = (2, -1, 0.5, 3, 0, 1, 1.5, -2.0, 0.25)


class NoFit(Exception):
    """The drawn line has no fitting argument: another one is drawn."""


class Stopped(Exception):
    """The libraries disagree about the tensor that was to be an argument."""

    def __init__(self, found: Disagreement):
        self.found = found


class Blanks:
    """Fills the blanks of one line after another. Errors: NoFit, Stopped."""

    def __init__(self, random: Random, run: Run, program: list[Statement]):
        self.random, self.run, self.program = random, run, program
        self.made = 0
        self.hooks = 0

    def fill(self, row: str) -> str:
        """The line with an argument in each blank."""
        self.first: Any = None
        self.along = self.hook = None
        return self.fill_in(row)

    def fill_in(self, row: str) -> str:
        """A part of a line with an argument in each blank; "the" tensor stays."""
        return re.sub(r"\{(\w+)(?::([^}]*))?\}", lambda m: str(BLANKS[m[1]](self, *([m[2]] if m[2] else []))), row)

    # ------------------------------------------------------------------ tensors

    def tensor(self, name: str) -> Any:
        return self.run.theirs[name]

    def names(self) -> list[str]:
        return [name for name in self.run.names if name.startswith("t")]

    def next_name(self) -> str:
        self.made += 1
        return f"t{self.made - 1}"

    def existing(self, fits: Callable[[Any], bool]) -> str | None:
        """A tensor of the program; younger ones are likelier, those with huge numbers or none unlikely."""
        names = [name for name in self.names() if fits(self.tensor(name))]
        for _ in range(2):
            if not names:
                return None
            name = names[max(self.random.randrange(len(names)), self.random.randrange(len(names)))]
            if self.random.random() < 0.05 or tame(self.tensor(name)):
                return name
        return None

    def new(self, shape: tuple[int, ...], dtype: str, wants_grad: float = 0.5, low: int = -16, high: int = 16) -> str:
        """A statement that makes a tensor; a dyadic fraction is exact in every dtype, and ties are not rare."""
        random = self.random
        count = 1
        for n in shape:
            count *= n
        if count > 200:
            raise NoFit
        if dtype == "bool":
            values: list[Any] = [random.random() < 0.5 for _ in range(count)]
        elif dtype in FLOATING:
            values = [random.randint(low, high) / 8 for _ in range(count)] if random.random() < 0.6 else \
                [round(random.uniform(low, high) / 8, 3) for _ in range(count)]
        elif dtype.startswith("complex"):
            values = [complex(random.randint(low, high) / 8, random.randint(low, high) / 8) for _ in range(count)]
        else:
            values = [random.randint(0 if dtype == "uint8" else -4, 4) for _ in range(count)]
        grad = dtype in (*FLOATING, "complex128") and random.random() < wants_grad
        name = self.next_name()
        literal = Literal(shape, dtype, tuple(values), grad)
        return self.add(Statement(f"{name} = {literal.text()}", "literal", name, literal))

    def positions(self, shape: tuple[int, ...], size: int) -> str:
        """A new tensor of positions along an axis of `size`; negative ones are rare, for few functions take them."""
        if not size and 0 not in shape:
            raise NoFit
        low = -size if self.random.random() < 0.05 else 0
        count = 1
        for n in shape:
            count *= n
        values = tuple(self.random.randrange(low, size) for _ in range(count))
        name = self.next_name()
        literal = Literal(shape, "int64", values)
        return self.add(Statement(f"{name} = {literal.text()}", "literal", name, literal))

    def add(self, statement: Statement) -> str:
        self.program.append(statement)
        found = self.run.step(statement)
        if found:
            raise Stopped(found)
        return statement.target

    def pick(self, fits: Callable[[Any], bool], dtype: Callable[[Blanks], str], ndim: int | None = None,
             wants_grad: float = 0.5) -> str:
        """An existing tensor that fits, or a new one; the first of a line is the one that others must fit."""
        name = self.existing(lambda t: fits(t) and (ndim is None or t.dim() == ndim))
        if name is None or self.random.random() < 0.05:
            name = self.new(self.shape() if ndim is None else self.shape_of(ndim), dtype(self), wants_grad)
        if self.first is None:
            self.it, self.first = name, self.tensor(name)
        return name

    def only(self, fits: Callable[[Any], bool]) -> str:
        """An existing tensor that fits."""
        name = self.existing(fits)
        if name is None:
            raise NoFit
        self.it, self.first = name, self.tensor(name)
        return name

    def shape(self) -> tuple[int, ...]:
        return self.shape_of(self.random.choice((0, 1, 1, 2, 2, 2, 3, 3)))

    def shape_of(self, ndim: int) -> tuple[int, ...]:
        if ndim == 4:
            return tuple(self.random.choice(sizes) for sizes in ((1, 2, 2), (1, 2, 3), (2, 3, 4, 5), (3, 4, 5)))
        return tuple(self.random.choice(SIZES if self.random.random() < 0.3 else SIZES[:-1]) for _ in range(ndim))

    def partner(self, dtypes: Callable[[Blanks], str], fits: Callable[[Any], bool]) -> str:
        """One that broadcasts with the first: with axes missing in front, sizes of 1, or axes more."""
        if self.first is None:
            return self.pick(fits, dtypes)
        shape = list(self.first.shape)
        name = self.existing(lambda t: fits(t) and broadcasts(tuple(t.shape), tuple(shape)))
        if name is not None and self.random.random() < 0.7:
            return name
        shape = [1 if self.random.random() < 0.2 else n for n in shape]
        if self.random.random() < 0.3:
            shape = shape[self.random.randrange(len(shape) + 1):]
        if self.random.random() < 0.1:
            shape = [self.random.choice((1, 2)), *shape]
        return self.new(tuple(shape), dtypes(self))

    def like(self, shape: tuple[int, ...], wants_grad: float = 0.5) -> str:
        """One of the first's dtype and of a shape."""
        dtype = self.first.dtype
        name = self.existing(lambda t: t.dtype == dtype and tuple(t.shape) == shape)
        if name is not None and wants_grad and self.random.random() < 0.6:
            return name
        return self.new(shape, str(dtype).removeprefix("torch."), wants_grad)

    def sizes(self, tokens: str) -> tuple[int, ...]:
        """`2,-1,1:` is (2, the last size, the size of axis 1)."""
        shape = []
        for token in tokens.split(","):
            if token.startswith("-") or token.endswith(":") or token in ("0", "1"):
                axis = int(token.rstrip(":"))
                if not -self.first.dim() <= axis < self.first.dim():
                    raise NoFit
                shape.append(self.first.shape[axis])
            else:
                shape.append(int(token))
        return tuple(shape)

    # ------------------------------------------------------------------ what is no tensor

    def dim(self) -> int:
        ndim = self.first.dim()
        if not ndim:
            self.along = self.random.choice((0, -1))
        elif self.random.random() < 0.02:
            self.along = ndim
        else:
            self.along = self.random.randrange(-ndim, ndim)
        return self.along

    def length(self) -> int:
        """The size of the last `{dim}`."""
        if not self.first.dim():
            return 1
        if self.along is None or not -self.first.dim() <= self.along < self.first.dim():
            raise NoFit
        return self.first.shape[self.along]

    def dims(self) -> str:
        ndim = self.first.dim()
        axes = self.random.sample(range(ndim), self.random.randint(0, ndim))
        return f"({', '.join(str(a - ndim if self.random.random() < 0.3 else a) for a in axes)}{',' * bool(axes)})"

    def number(self, kind: str = "") -> Any:
        return self.random.choice((-1, 0, 1, 2)) if kind == "int" else self.random.choice(NUMBERS)

    def view(self) -> str:
        """Sizes with as many elements as the first; one of them is at times left to be found."""
        rest, sizes = self.first.numel(), []
        while rest > 1 and self.random.random() < 0.8:
            n = self.random.choice([n for n in range(1, rest + 1) if rest % n == 0])
            sizes.append(n)
            rest //= n
        sizes.append(rest if self.random.random() < 0.5 else -1)
        if self.random.random() < 0.2:
            sizes.insert(0, 1)
        return ", ".join(map(str, sizes))

    def expand(self) -> str:
        sizes = [self.random.choice((1, 2, 3)) if n == 1 else self.random.choice((n, n, -1)) for n in self.first.shape]
        front = [2] * (self.random.random() < 0.3)
        return ", ".join(map(str, front + [n if n != -1 or not front else n for n in sizes])) or "()"

    def perm(self) -> str:
        return ", ".join(map(str, self.random.sample(range(self.first.dim()), self.first.dim()))) or "()"

    def at(self) -> int:
        """A position along the last `{dim}`."""
        n = self.length()
        return self.random.randrange(-n, n) if n else 0

    def dtype(self) -> str:
        return self.random.choices(list(DTYPES), list(DTYPES.values()))[0]

    def index(self, once: str = "") -> str:
        """What may stand between the brackets: numbers, slices, None, Ellipsis, masks, lists and tensors of positions.

        "once" is for writes, where no place is named twice.
        """
        items, shape = [], list(self.first.shape)
        random = self.random
        fancy = random.random() < 0.4
        axis = 0
        while axis < len(shape) and random.random() < 0.85:
            n, kind = shape[axis], random.random()
            if kind < 0.08:
                items.append("None")
                continue
            if kind < 0.14 and "..." not in items:
                items.append("...")
                axis = random.randint(axis, len(shape))
                continue
            if kind < 0.3 and n:
                items.append(str(random.randrange(-n, n)))
            elif not fancy or kind < 0.55:
                ends = [random.choice(("", str(random.randint(-n, n)))) for _ in range(2)]
                step = random.choice(("", "", ":2", ":1"))
                items.append(f"{ends[0]}:{ends[1]}{step}")
            elif kind < 0.7 and n:
                items.append(str(random.sample(range(n), min(n, 2)) if once else
                                 [random.randrange(-n, n) for _ in range(random.choice((1, 2, 2)))]))
            elif kind < 0.85 and n:
                items.append(self.positions((1,) if once else random.choice(((2,), (2,), (1,), (), (2, 1))), n))
            elif kind < 0.92:
                items.append(str([random.random() < 0.5 for _ in range(n)]) if n else ":")
            elif axis + 1 < len(shape):
                items.append(self.new(tuple(shape[axis:axis + 2]), "bool"))
                axis += 1
            axis += 1
        return ", ".join(items) or random.choice(("...", "None", "0"))

    def distribution(self, template: str | None = None) -> str:
        """A distribution; its parameters are tensors that broadcast, or numbers, and now and then not allowed."""
        text = "lib.distributions." + self.fill_in(template or self.random.choice(DISTRIBUTIONS))
        return text if self.random.random() < 0.9 else f"{text[:-1]}, validate_args=False)"

    def two(self) -> str:
        template = self.random.choice(DISTRIBUTIONS)
        return f"{self.distribution(template)}, {self.distribution(template)}"

    def out(self, long: str = "") -> str:
        """A new tensor to write into: of the shape and dtype of the first, without elements, or of any."""
        random = self.random
        dtype = str(self.first.dtype).removeprefix("torch.") if self.first is not None else self.dtype()
        shape = tuple(self.first.shape) if self.first is not None and random.random() < 0.3 else \
            (0,) if random.random() < 0.5 else self.shape()
        dtype = self.dtype() if random.random() < 0.3 else "int64" if long else dtype
        return self.new(shape, dtype, wants_grad=0.05)

    def cuts(self) -> str:
        """Where to cut along an axis, as a new tensor."""
        self.dim()
        n = self.length()
        values = tuple(sorted(self.random.randint(-n, n) for _ in range(self.random.choice((1, 2, 3)))))
        name = self.next_name()
        literal = Literal((len(values),), "int64", values)
        return self.add(Statement(f"{name} = {literal.text()}", "literal", name, literal))

    def hooked(self) -> str:
        if self.hook is None:
            self.hook = f"h{self.hooks}"
            self.hooks += 1
        return self.hook


def tame(tensor: Any) -> bool:
    """Whether the numbers are finite and not large: rounding of others would be compared."""
    return tensor.dtype in (torch.bool, torch.int64, torch.uint8, torch.int32) or not tensor.numel() or \
        bool(tensor.detach().abs().max() < 1e4)


def broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or m == 1 or n == 1 for m, n in zip(reversed(a), reversed(b)))


def floating(tensor: Any) -> bool:
    return tensor.dtype.is_floating_point


def any_dtype(blanks: Blanks) -> str:
    return blanks.dtype()


def floating_dtype(blanks: Blanks) -> str:
    return blanks.random.choices(FLOATING, (12, 5, 1))[0]


def part(blanks: Blanks, count: str) -> str:
    """One of the first's dtype and shape, but of `count` along the last `{dim}`."""
    shape = list(blanks.first.shape)
    if shape:
        if blanks.along is None:
            blanks.dim()
        blanks.length()
        shape[blanks.along] = int(count)
    return blanks.like(tuple(shape))


def gather(blanks: Blanks, whole: str = "") -> str:
    """Positions along the last `{dim}`, in a shape that fits the first's, or is its shape: PyTorch's gradients of sums
    need that."""
    n = blanks.length()
    shape = [size if whole or not size else blanks.random.randint(1, size) for size in blanks.first.shape]
    return blanks.positions(tuple(shape), n)


def into(blanks: Blanks) -> str:
    """A value to write: often of the size of the last axis or of one number."""
    shape = tuple(blanks.first.shape)
    return blanks.like(blanks.random.choice((shape[1:], shape[-1:], (1,), ())))


_TEMPLATES = """
    Normal({f}, {fy}.abs() + 0.5)    Normal({f}, {same})    Normal({k}, {n})    LogNormal({f}, {fy}.abs() + 0.25)
    HalfNormal({f}.abs() + 0.5)    Uniform({f} - 4, {fy} + 4)    Laplace({f}, {fy}.abs() + 0.5)    Cauchy({f}, 1.5)
    HalfCauchy({f}.abs() + 0.5)    Exponential({f}.abs() + 0.5)    Gumbel({f}, {fy}.abs() + 0.5)
    Weibull({f}.abs() + 0.5, {fy}.abs() + 0.5)    Gamma({f}.abs() + 0.5, {fy}.abs() + 0.5)    Chi2({f}.abs() + 0.5)
    InverseGamma({f}.abs() + 2.5, {fy}.abs() + 0.5)    Beta({f}.abs() + 0.5, {fy}.abs() + 0.5)
    Kumaraswamy({f}.abs() + 0.5, {fy}.abs() + 0.5)    Dirichlet({f}.abs() + 0.5)    Bernoulli({f}.sigmoid())
    Bernoulli(logits={f})    ContinuousBernoulli({f}.sigmoid())    ContinuousBernoulli(logits={f})
    Binomial({n}, {f}.sigmoid())    Binomial(3, logits={f})    Geometric({f}.sigmoid())    Geometric(logits={f})
    NegativeBinomial({n}, {f}.sigmoid())    NegativeBinomial({n}, logits={f})    Poisson({f}.abs())
    Categorical({f}.softmax(-1))    Categorical({f}.abs())    Categorical(logits={f})    OneHotCategorical(logits={f})
    OneHotCategorical({f}.softmax(-1))    Multinomial(3, {f}.softmax(-1))    Multinomial({n}, logits={f})
    Pareto({f}.abs() + 0.5, {fy}.abs() + 2.5)    GeneralizedPareto({f}, {fy}.abs() + 0.5, 0.25)
    StudentT({f}.abs() + 2.5, {fy}, 1.5)    FisherSnedecor({f}.abs() + 4.5, {fy}.abs() + 4.5)    VonMises({f}, 1.5)
    RelaxedBernoulli(lib.tensor(0.5), logits={f})    RelaxedOneHotCategorical(lib.tensor(0.5), logits={f})
    MultivariateNormal({f}, lib.eye({it}.shape[-1], dtype={it}.dtype) * 2)    LogisticNormal({f}, {same}.abs() + 0.5)
    MultivariateNormal({f}, scale_tril=lib.eye({it}.shape[-1], dtype={it}.dtype))
    LowRankMultivariateNormal({f}, {it}[..., None], {same}.abs() + 0.5)    Normal({f}, -{fy}.abs())
    LKJCholesky(3, {f}.abs() + 0.5)    Wishart({f}.abs() + 4.5, lib.eye(3, dtype={it}.dtype))
"""
DISTRIBUTIONS = [line.strip() for line in re.split(r"\s{4,}", _TEMPLATES) if line.strip()]

BLANKS: dict[str, Callable[..., Any]] = {
    "x": lambda b: b.pick(lambda t: True, any_dtype),
    "f": lambda b: b.pick(floating, floating_dtype),
    "c": lambda b: b.pick(lambda t: floating(t) or t.is_complex(), floating_dtype),
    "z": lambda b: b.pick(lambda t: t.is_complex(), lambda b: "complex128"),
    "i": lambda b: b.pick(lambda t: t.dtype in (torch.int64, torch.int32, torch.uint8), lambda b: "int64"),
    "b": lambda b: b.pick(lambda t: t.dtype == torch.bool, lambda b: "bool"),
    "r": lambda b: b.pick(lambda t: t.requires_grad, floating_dtype, wants_grad=1.0),
    "leaf": lambda b: b.pick(lambda t: t.requires_grad and t.is_leaf, floating_dtype, wants_grad=1.0),
    "graded": lambda b: b.only(lambda t: t.is_leaf and t.grad is not None),
    "table": lambda b: b.pick(floating, floating_dtype, ndim=2),
    "cube": lambda b: b.pick(floating, floating_dtype, ndim=3),
    "image": lambda b: b.pick(floating, floating_dtype, ndim=4),
    "y": lambda b: b.partner(any_dtype, lambda t: True),
    "fy": lambda b: b.partner(floating_dtype, floating),
    "same": lambda b: b.like(tuple(b.first.shape)),
    "it": lambda b: b.it,
    "one": lambda b: b.like((1,)),
    "grad": lambda b: b.like(tuple(b.first.shape), wants_grad=0),
    "new": lambda b, tokens: b.like(b.sizes(tokens)),
    "part": part,
    "into": into,
    "ints": lambda b, count: b.positions((3,), b.first.numel()) if count == "all"
    else b.positions((int(count),), b.length()),
    "ints0": lambda b, count: b.positions((int(count),), b.first.shape[0] if b.first.dim() else 0),
    "gather": gather,
    "classes": lambda b, axis: b.positions(tuple(b.first.shape[:1]), b.first.shape[int(axis)]),
    "k": Blanks.number,
    "n": lambda b: b.random.choice((1, 2, 2, 3)),
    "p": lambda b: b.random.choice((0.1, 0.25, 0.5, 1.0)),
    "dim": Blanks.dim,
    "along": lambda b: b.dim() if b.along is None else b.along,
    "dims": Blanks.dims,
    "keep": lambda b: b.random.choice(("True", "False")),
    "at": Blanks.at,
    "view": Blanks.view,
    "expand": Blanks.expand,
    "perm": Blanks.perm,
    "dtype": Blanks.dtype,
    "index": Blanks.index,
    "hook": Blanks.hooked,
    "dist": Blanks.distribution,
    "two": Blanks.two,
    "other": lambda b: b.existing(lambda t: True) or b.new(b.shape(), b.dtype()),
    "out": Blanks.out,
    "cuts": Blanks.cuts,
    "sample": lambda b: b.random.choice(("()", "(2,)", "(1, 3)", "(0,)", "lib.Size([2])")),
}
