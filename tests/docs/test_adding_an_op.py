"""docs/adding_an_op.md, followed step by step in a copy of the package."""
from __future__ import annotations

import re
from pathlib import Path

from tests.docs.copied import CopiedPackage, page

PROGRAM = """
import inspect
import minidl
import minidl.nn.functional as F

x = minidl.tensor([-1.0, 0.0, 3.0], requires_grad=True)
assert F.toysign(x).tolist() == x.toysign().tolist() == [-0.5, 0.0, 0.75]
F.toysign(x).sum().backward()
assert x.grad.tolist() == [0.25, 1.0, 0.0625]
out = minidl.empty(3)
assert F.toysign(x.detach(), out=out) is out and out.tolist() == [-0.5, 0.0, 0.75]
y = x.detach().clone()
assert y.toysign_() is y and y.tolist() == [-0.5, 0.0, 0.75]
assert minidl.Tensor.toysign is F.toysign and ">>>" in F.toysign.__doc__
assert list(inspect.signature(F.toysign).parameters) == ["input", "out"]
try:
    F.toysign([1.0])
except TypeError as error:
    assert str(error).startswith("toysign(): argument 'input' (position 1) must be Tensor, not list")
    print("done")
"""


def test_the_page_leads_to_an_op(tmp_path: Path) -> None:
    copy = CopiedPackage(tmp_path)
    _, blocks = page("adding_an_op.md")
    op, family, namespace, method, row = [
        re.sub("(?<!torch=\")softsign", "toysign", block.replace("Softsign", "Toysign")) for block in blocks]
    copy.insert("minidl/ops/activation/pointwise.py", op)
    copy.insert("minidl/ops/activation/__init__.py", family)
    copy.insert("minidl/nn/functional.py", namespace, before="\n__all__ = [")
    copy.insert("minidl/tensors/methods.py", method, before="    def relu(")
    program = copy.run("-c", PROGRAM)
    assert program.stdout == "done\n", program.stderr

    table = "tests/ops/activation/test_pointwise.py"
    copy.insert(table, f"    {row}", before="    smooth(act.relu, oracle=")
    found = copy.test(table, "-k", "toysign")
    assert found.returncode == 0 and "1 passed" in found.stdout, found.stdout[-3000:]
