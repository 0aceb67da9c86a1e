"""The fuzzer finds what is planted, shortens it, and knows every line of its table."""
import contextlib
import io
import re
from random import Random

import pytest

pytest.importorskip("torch", reason="the fuzzer compares with PyTorch")

from tests.checking import torch  # noqa: E402
from tests.fuzz.blanks import BLANKS, Blanks, Stopped  # noqa: E402
from tests.fuzz.campaign import run_many, run_some  # noqa: E402
from tests.fuzz.generate import LAST, one_more, random_program  # noqa: E402
from tests.fuzz.judge import DELIBERATE, judge  # noqa: E402
from tests.fuzz.program import Statement  # noqa: E402
from tests.fuzz.run import MINIDL_REFUSES, TORCH_REFUSES, Run, Skipped  # noqa: E402
from tests.fuzz.shorten import replay, shorten  # noqa: E402
from tests.fuzz.table import FAMILIES  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
OURS = "(lib.__name__ == 'minidl')"


@pytest.fixture(autouse=True)
def as_before():
    """The fuzzer computes on one thread and silences warnings; not so the tests after it."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def program(*lines):
    """Statements from text; `t0 = ...` gives a value to a name."""
    return [Statement(line, line, m[1] if (m := re.match(r"(t\d+) = ", line)) else "") for line in lines]


X = "t0 = lib.tensor([[1., 2.], [3., 4.]], dtype=lib.float64, requires_grad=True)"
PLANTED = {
    "value": [X, f"t1 = t0.exp() + 1e-6 * {OURS}"],
    "dtype": [X, f"t1 = t0.float() if {OURS} else t0.double()"],
    "shape": [X, f"t1 = t0.sum(0, keepdim={OURS})"],
    "flag": [X, f"t1 = t0.detach() if {OURS} else t0 * 1"],
    "length": [X, f"t1 = t0.split(1 + {OURS})"],
    "type": [X, f"t1 = t0 if {OURS} else 1"],
    "sharing": ["t0 = lib.tensor([1., 2.])", f"t1 = t0.clone() if {OURS} else t0.detach()"],
    "contiguity": [X, f"t1 = t0.detach()[:, :1] if {OURS} else t0.detach()[:, 0].clone()[:, None]"],
    "nan or inf": [X, f"t1 = t0 / (1 - {OURS})"],
    "gradient": [X, f"t0.sum().backward() if {OURS} else None"],
    "gradient: value": [X, f"(t0 * (2 + {OURS})).sum().backward()"],
    "hook: value": [X, f"h0 = []; t0.register_hook(lambda g: h0.append(g + {OURS}))", "t0.sum().backward()"],
    MINIDL_REFUSES: [X, f"t1 = t0.view(3 + (not {OURS}))"],
    TORCH_REFUSES: [X, f"t1 = t0.view(3 + {OURS})"],
    "error type": [X, f"t1 = t0[5] if {OURS} else t0.view(3)"],
}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_of_disagreement_is_found(kind):
    found = Run(layout=True).all(program(*PLANTED[kind]))
    assert found is not None and found.kind == kind, found


def test_agreement_is_no_disagreement():
    assert Run(layout=True).all(program(X, "t1 = t0.exp()", "t2 = t1.view(4)", "t2 += 1", "t1.sum().backward()",
                                        "t3 = t0[7]", "t4 = t0.tolist()")) is None


def test_write_through_shared_memory_is_followed():
    lines = [X, "t1 = t0 * 1", "t2 = t1.view(4)", f"t3 = t2.detach().clone() if {OURS} else t2.detach()"]
    assert Run(layout=True).all(program(*lines)).kind == "sharing"
    with pytest.raises(Skipped):
        Run(layout=False).all(program(*lines))
    assert Run().all(program(X, "t1 = t0 * 1", "t2 = t1.view(4)", f"t1.data[0, 0] = 5 + {OURS}")).kind == "value"


def test_shortener_leaves_what_matters():
    lines = program(X, "t1 = t0 * 2", "t2 = t1.exp()", f"t3 = t1 + {OURS}", "t4 = t3 * t2")
    short = shorten(lines, Run().all(lines))
    assert len(short.program) == 2 and short.program[-1].text == f"t3 = t1 + {OURS}"
    assert short.program[0].literal.shape == (1,)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(short.script, {})
    torch_says, minidl_says = said.getvalue().splitlines()
    assert torch_says.startswith("torch tensor([2.]") and minidl_says.startswith("minidl tensor([3.]")


def test_shortened_refusals_run_too():
    lines = program(X, "t1 = t0.view(5)", f"t2 = t0.view(3 + (not {OURS}))")
    short = shorten(lines, Run().all(lines))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(short.script, {})
    assert "torch goes on" in said.getvalue() and "minidl RuntimeError" in said.getvalue()


def test_programs_depend_on_seed_and_index_alone():
    def texts(seed, index):
        with contextlib.suppress(Skipped):
            return [s.text for s in random_program(seed, index)[0]]
    assert [texts(3, i) for i in range(20)] == [texts(3, i) for i in reversed(range(20))][::-1]
    assert texts(3, 1) != texts(4, 1)


def test_a_program_runs_again_as_it_was_drawn():
    for index in range(200):
        try:
            statements, found = random_program(7, index)
        except Skipped:
            continue
        again = replay(statements)
        assert (again is None) == (found is None)
        assert again is None or again.found.kind == found.kind


def test_reports_of_parts_add_up():
    whole = run_some(5, 0, 60, False)
    parts = run_some(5, 0, 25, False)
    parts.merge(run_some(5, 25, 35, False))
    assert parts.programs == whole.programs == 60 and parts.statements == whole.statements
    assert {k: v.count for k, v in parts.kinds.items()} == {k: v.count for k, v in whole.kinds.items()}
    assert "seed 5, programs 0 to 59" in whole.table() and '"programs": 60' in whole.json()


def test_another_process_gives_the_same_report():
    lines = []
    many, one = run_many(5, 0, 60, 1, False, lines.append), run_some(5, 0, 60, False)
    assert {k: v.count for k, v in many.kinds.items()} == {k: v.count for k, v in one.kinds.items()}


def test_known_differences_have_reasons_and_rounding_is_told_apart():
    assert all(known.reason and known.detail + known.statement + known.program for known in DELIBERATE)
    lines = program("t0 = lib.tensor([1.], dtype=lib.float32)", f"t1 = t0 + 1e-3 * {OURS} * (t0.itemsize == 4)")
    found, reason = judge(lines, Run().all(lines))
    assert found.kind == "rounding" and reason
    lines = program("t0 = lib.tensor([1.], dtype=lib.float32)", f"t1 = t0 + 1e-3 * {OURS}")
    assert judge(lines, Run().all(lines)) == (Run().all(lines), "")


@pytest.mark.parametrize(("power", "flat"), [(1, True), (2, False)])
def test_a_gradient_that_depends_on_nothing_is_told_apart(power, flat):
    lines = program("t0 = lib.tensor([[1.0]] * 4 + [[-0.75]], dtype=lib.float64, requires_grad=True)",
                    f"t1 = t0.prod(1) ** {power}",      # PyTorch divides the product by t0, and rounds
                    f"t2 = lib.autograd.grad(t1.sum(), t0, create_graph=not {OURS})[0]")
    assert bool(judge(lines, Run().all(lines))[1]) is flat


ROWS = [(name, row) for name, family in FAMILIES.items() for row in family.rows]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_line_of_the_table_runs_in_both_libraries(name):
    """A line that both libraries always refuse would test nothing."""
    family = FAMILIES[name]
    for row in family.rows:
        assert all(m in BLANKS for m in re.findall(r"\{(\w+)", row)), row
        assert any(runs(row, family, attempt) for attempt in range(60)), f"{row} is always refused"


def runs(row, family, attempt):
    run, statements = Run(layout=False), []
    blanks = Blanks(Random(f"{row}/{attempt}"), run, statements)
    try:
        blanks.new(blanks.shape(), "float64", wants_grad=0.7)
        one_more(blanks, LAST, FAMILIES["gradient"])
        found = one_more(blanks, row, family)
    except (Stopped, Skipped):
        return False
    return found is None and bool(statements) and statements[-1].row == row and run.count - 1 not in run.refused
