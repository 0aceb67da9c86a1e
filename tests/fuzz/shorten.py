"""Makes a program that shows a disagreement as short as it gets, and its tensors as small."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from tests.checking import torch
from tests.fuzz.program import Literal, Program, Statement, script
from tests.fuzz.run import Disagreement, Run, Skipped


@dataclass
class Short:
    """The shortest program that was found, where it disagrees, and a file that shows it."""

    program: Program
    found: Disagreement
    script: str


def shorten(program: Program, found: Disagreement, layout: bool | None = None) -> Short | None:
    """Drop statements, put numbers in the place of computed tensors, make tensors and numbers smaller.

    As long as the same line of the table gives a disagreement of the same kind. None if it does not come back in a
    second run.
    """
    best = replay(program, layout)
    if best is None or not same(best.found, found):
        return None
    while True:
        before = best.program
        for candidates in (without_one, with_numbers, smaller):
            best = reduce(best, candidates, layout)
        if best.program == before:
            return best


def replay(program: Program, layout: bool | None = None, patient: bool = False) -> Short | None:
    """Run a program up to its disagreement; None without one."""
    run = Run(patient=patient) if layout is None else Run(layout, patient)
    try:
        found = run.all(program)
    except Skipped:
        return None
    if found is None:
        return None
    program = program[:run.count]
    return Short(program, found, script(program, run.refused, found.show))


def same(a: Disagreement, b: Disagreement) -> bool:
    return (a.kind, a.row) == (b.kind, b.row)


def reduce(best: Short, candidates: Callable[[Program], Iterator[Program]], layout: bool | None) -> Short:
    """One pass over the candidates: each that still disagrees is taken, and the pass goes on from there."""
    place = 0
    while (program := next(islice(candidates(best.program), place, None), None)) is not None:
        tried = replay(program, layout) if program != best.program else None
        if tried is not None and same(tried.found, best.found):
            best = tried
        else:
            place += 1
    return best


def without_one(program: Program) -> Iterator[Program]:
    """All programs with one statement less: what names a missing tensor is refused by both libraries and goes next."""
    for place in reversed(range(len(program))):
        yield program[:place] + program[place + 1:]


def with_numbers(program: Program) -> Iterator[Program]:
    """A computed tensor as a tensor of its numbers."""
    run = Run(layout=False)
    for place, statement in enumerate(program[:-1]):
        try:
            run.step(statement)
        except Skipped:
            return
        tensor = run.theirs.get(statement.target)
        if statement.literal is None and isinstance(tensor, torch.Tensor):
            literal = Literal(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."),
                              tuple(tensor.detach().flatten().tolist()), tensor.requires_grad)
            if all(value - value == 0 for value in literal.values):      # inf and nan have no literal
                yield [*program[:place], made(statement, literal), *program[place + 1:]]


def made(statement: Statement, literal: Literal) -> Statement:
    return replace(statement, row="literal").with_literal(literal)


def smaller(program: Program) -> Iterator[Program]:
    """One size less by one, everywhere or in one tensor; plainer numbers; no gradient."""
    literals = [(place, s.literal) for place, s in enumerate(program) if s.literal is not None]

    def put(changes: dict[int, Literal]) -> Program:
        return [made(s, changes[place]) if place in changes else s for place, s in enumerate(program)]

    for size in sorted({n for _, literal in literals for n in literal.shape if n > 1}):
        yield put({place: resized(literal, tuple(size - 1 if n == size else n for n in literal.shape))
                   for place, literal in literals})
    for place, literal in literals:
        for axis, n in enumerate(literal.shape):
            for fewer in sorted({1, n - 1}) if n > 1 else ():
                yield put({place: resized(literal, (*literal.shape[:axis], fewer, *literal.shape[axis + 1:]))})
        if len(literal.shape) > 1:
            yield put({place: resized(literal, literal.shape[1:])})
        if literal.requires_grad:
            yield put({place: replace(literal, requires_grad=False)})
        for plainer in plain_values(literal):
            yield put({place: replace(literal, values=plainer)})


def resized(literal: Literal, shape: tuple[int, ...]) -> Literal:
    count = 1
    for n in shape:
        count *= n
    return replace(literal, shape=shape, values=(literal.values * (count // max(1, len(literal.values)) + 1))[:count])


def plain_values(literal: Literal) -> Iterator[tuple]:
    """Numbers that are read more easily, never ones that are longer."""
    kind = {"bool": bool, "int64": int, "int32": int, "uint8": int}.get(literal.dtype)
    values = literal.values
    if kind is None:
        if literal.dtype.startswith("complex"):
            return
        kind = float
    for option in (tuple(kind(1) for _ in values), tuple(kind(i + 1) for i in range(len(values))),
                   tuple(kind(round(v)) for v in values)):
        if sum(len(repr(v)) for v in option) < sum(len(repr(v)) for v in values):
            yield option


__all__ = ["Short", "replay", "shorten"]
