"""Writes random programs. A program grows while it runs, so that every statement fits the tensors that are there."""
from __future__ import annotations

from random import Random

from tests.fuzz import run as running
from tests.fuzz.blanks import Blanks, NoFit, Stopped
from tests.fuzz.program import Program, Statement
from tests.fuzz.run import Disagreement, Run, Skipped
from tests.fuzz.table import FAMILIES, Family

LENGTHS = (3, 5, 7, 9, 12)
LAST = "{r}.backward({grad} * 1)"
"""Most programs end with it: a gradient passes through what came before."""


def random_program(seed: int, index: int, layout: bool | None = None) -> tuple[Program, Disagreement | None]:
    """Program `index` of `seed`, and where the two libraries disagree about it. Errors: Skipped."""
    random = Random(f"{seed}/{index}")
    run = Run(running.LAYOUT if layout is None else layout)
    program: Program = []
    blanks = Blanks(random, run, program)
    try:
        for _ in range(random.choice((1, 2, 2, 3))):
            blanks.new(blanks.shape(), blanks.dtype(), wants_grad=0.7)
        families, weights = list(FAMILIES.values()), [family.weight for family in FAMILIES.values()]
        for _ in range(random.choice(LENGTHS)):
            family = random.choices(families, weights)[0]
            found = one_more(blanks, random.choice(family.rows), family)
            if found:
                return program, found
        if random.random() < 0.8 and any(blanks.tensor(name).requires_grad for name in blanks.names()):
            return program, one_more(blanks, LAST, FAMILIES["gradient"])
    except Stopped as stopped:
        return program, stopped.found
    return program, None


def one_more(blanks: Blanks, row: str, family: Family) -> Disagreement | None:
    """Add a statement of the table to the program and run it; nothing where no argument fits."""
    try:
        text = blanks.fill(row)
    except NoFit:
        return None
    target = blanks.next_name() if family.result else ""
    statement = Statement(f"{target} = {text}" if target else text, row, target)
    blanks.program.append(statement)
    return blanks.run.step(statement)


__all__ = ["Skipped", "one_more", "random_program"]
