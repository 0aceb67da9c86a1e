"""Which disagreements are known, each with its reason, and which are rounding."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tests.checking import torch
from tests.fuzz.program import Program
from tests.fuzz.run import MINIDL_REFUSES, TORCH_REFUSES, Disagreement, Run, Skipped
from tests.fuzz.shorten import replay


@dataclass(frozen=True)
class Deliberate:
    """A difference that is meant, as narrow as it can be put.

    Regular expressions: for what was run last, for what is said, and for some what the program must have in a line, or
    after (?s) in several.
    """

    kind: str
    statement: str
    detail: str
    reason: str
    program: str = ""

    def covers(self, found: Disagreement, program: Program) -> bool:
        return found.kind == self.kind and bool(re.search(self.statement, found.statement)) and \
            bool(re.search(self.detail, found.detail)) and \
            bool(re.search(self.program, "\n".join(s.text for s in program), re.MULTILINE))


ANY = ""
BACKWARD = r"backward\(|grad\("
CONSTANT, VARIABLE, LEAF = r"\(False, True, False\)", r"\(True, False, False\)", r"\(True, True, False\)"
STEPS = r"norm\(t\d+, 0|heaviside|//|floor|ceil|round|trunc|unique"
TURNED = r"\.(t_|squeeze_|unsqueeze_|transpose_|swapaxes_)\("
OUT_GRAD = "an out= that requires grad would be written without a trace"
STORED = "what is not stored has no gradient; PyTorch's functions differ in it"
STEP = "a step function has a gradient of zeros, and the graph stays whole"
NUMBER = "a number counts as one axis of size 1, in every function"
NOTHING = "a tensor without elements is one like any other"
UNCHECKED = "PyTorch does not check dimensions of a tensor without elements"
KERNEL = "PyTorch has no kernel for the dtype; NumPy has"
CONJ = "conj() is computed at once"
BYTES = "PyTorch wraps a number that bytes cannot hold: -1 becomes 255"
DATA = "nobody notices writes to x.data: what is kept for backward differs"
A_LEAF = "a view that was made a leaf stays one"
FROZEN = "requires_grad_(False) makes views constants too"
INSIDE = "PyTorch's function fails inside"
FLAT = "a gradient that depends on nothing is a constant"
NEW_MEMORY = "x.data = y gives x memory, and no history"
NO_DIFFERENCE = "a difference of nothing is not its argument"
READ_FIRST = "what is written is read whole before"
ROWS = "it lies row by row, and view() works; PyTorch's lies as one of the arguments does, and copies"

DELIBERATE = [
    # PyTorch refuses, and minidl goes on
    Deliberate(TORCH_REFUSES, ANY,
               r"not implemented for '\w+'|does not support bool|only applicable to index tensor of type LongTensor|"
               r"must be either float or double dtype|abs is not supported for complex|"
               r"does not support automatic differentiation for outputs with complex", KERNEL),
    Deliberate(TORCH_REFUSES, BACKWARD, r"derivative for aten::\w+ is not implemented", STEP),
    Deliberate(TORCH_REFUSES, BACKWARD, r"derivative for '\w+' is not implemented",
               "PyTorch has no second derivative; here there is one"),
    Deliberate(TORCH_REFUSES, BACKWARD, r"Function \w+Backward0 returned an invalid gradient at index",
               "PyTorch's rule returns a gradient of the wrong shape"),
    Deliberate(TORCH_REFUSES, ANY, r"This view is the output of a function that returns multiple views",
               "a view is a view, whatever made it"),
    Deliberate(TORCH_REFUSES, ANY, r"input tensor and the written-to tensor refer to a single memory location",
               READ_FIRST),
    Deliberate(TORCH_REFUSES, r"index_add|index_select|index_copy|index_fill|tensordot",
               r"tensor has no dimensions|Index to scalar can have only 1 value", NUMBER),
    Deliberate(TORCH_REFUSES, r"out=", r"doesn't match the broadcast shape",
               "an out= that is an operand is resized, too"),
    Deliberate(TORCH_REFUSES, r"batch_norm|bilinear|embedding_bag|vector_norm|multi_margin",
               r"Expected non-empty|index 0 out of range for tensor of size \[0\]|reshape tensor of 0 elements|"
               r"step must be nonzero|dimension is empty",
               NOTHING),
    Deliberate(TORCH_REFUSES, BACKWARD, "modified by an inplace operation", INSIDE,
               program=r"scatter_reduce\(.*'mean'"),
    Deliberate(TORCH_REFUSES, r"F\.(pad|unfold|fold)", r"possibly 0 batch size", NOTHING),
    Deliberate(TORCH_REFUSES, ANY, r"INTERNAL ASSERT FAILED", INSIDE),
    Deliberate(TORCH_REFUSES, ANY, r"a view of a leaf Variable", CONJ, program=r"\.conj\(\)"),
    Deliberate(TORCH_REFUSES, ANY, r"a view of a leaf Variable", NEW_MEMORY, program=r"\.data = "),
    Deliberate(TORCH_REFUSES, ANY, r"a view of a leaf Variable", "detach_() ends the history for views, too",
               program=r"detach_\(\)"),
    Deliberate(TORCH_REFUSES, BACKWARD, r"Subtraction, the `-` operator, with a bool tensor",
               "PyTorch's gradient of x ** y subtracts 1 from bools"),
    Deliberate(TORCH_REFUSES, ANY, r"a view of a leaf Variable", NO_DIFFERENCE, program=r"diff\("),
    Deliberate(TORCH_REFUSES, BACKWARD, "not have been used in the graph|'NoneType'", STEP, program=STEPS),
    Deliberate(TORCH_REFUSES, ANY, r"leaf Variable", FROZEN, program=r"requires_grad_\(False"),
    Deliberate(TORCH_REFUSES, r"^t\d+\[.*\] \S?= t\d+$", r"leaf Variable",
               "a part that is assigned to itself stays as it is"),
    Deliberate(TORCH_REFUSES, r"view_as_real", "unresolved conjugated tensors", CONJ),
    Deliberate(TORCH_REFUSES, BACKWARD, r"saved tensor that has been detached in-place",
               "what is kept for backward is not touched by detach_()"),
    Deliberate(TORCH_REFUSES, ANY, r"A view was created in no_grad mode", "a gradient is no view"),
    Deliberate(TORCH_REFUSES, r"kron|pad\(|backward|grad\(",
               r"view size is not compatible|isFloatingType\(grad|narrow\(\): length must be non-negative|"
               r"must have a last dimension with stride 1", INSIDE),
    Deliberate(TORCH_REFUSES, BACKWARD, "'NoneType' object has no attribute 'clone'",
               "PyTorch calls the hook of a leaf that has been made a constant",
               program=r"detach_\(\)|requires_grad_\(False"),
    Deliberate(TORCH_REFUSES, r"detach_\(\)", r"Can't detach views", "PyTorch's result is a view of something inside"),
    Deliberate(TORCH_REFUSES, BACKWARD, r"out of bounds", DATA, program=r"\.data\b"),
    Deliberate(TORCH_REFUSES, r"to_sparse", "with two bool tensors is not supported", KERNEL),
    Deliberate(TORCH_REFUSES, ANY, r"'SparseCPU' backend|add\(sparse, dense\) is not|sparse_sampled_addmm: Expected",
               KERNEL, program=r"to_sparse"),
    Deliberate(TORCH_REFUSES, r"GeneralizedPareto|Bernoulli", r"did not match|can't be cast",
               "operands of two dtypes are promoted, as elsewhere"),
    # minidl refuses
    Deliberate(MINIDL_REFUSES, r"to_sparse", "sparse_dim argument must be in >0", "a number has no places"),
    Deliberate(MINIDL_REFUSES, r"out=", "don't support automatic differentiation", OUT_GRAD),
    Deliberate(MINIDL_REFUSES, r"gather", r"index \([\d, ]*\b0\b", UNCHECKED),
    *[Deliberate(kind, ANY, "Inference tensors cannot be saved for backward",
                 "an op keeps what the wanted gradients need, and the two libraries need different values")
      for kind in (TORCH_REFUSES, MINIDL_REFUSES)],
    Deliberate(MINIDL_REFUSES, ANY, r"NotImplementedError: .*complex",
               "an op without complex gradients is named where it would be recorded"),
    Deliberate(MINIDL_REFUSES, ANY, r"Integers to negative integer powers", "a wrong number would come out"),
    Deliberate(MINIDL_REFUSES, ANY, r"unsupported in-place operation: several elements of .* share one place",
               "what is written would depend on the order of the writes"),
    Deliberate(MINIDL_REFUSES, r"out=", r"a view of another tensor's memory cannot be resized",
               "memory cannot grow under the views that share it"),
    Deliberate(MINIDL_REFUSES, r"as_strided", r"out of bounds for storage|lies in memory row by row",
               "it looks at the elements of its tensor, not at what else lies in their memory"),
    Deliberate(MINIDL_REFUSES, r"cummin|cummax|roll|cumsum_|cumprod_", r"Dimension out of range|can't be cast",
               UNCHECKED),
    Deliberate(MINIDL_REFUSES, r"F\.conv", r"at least one element in each dimension",
               "a convolution over no channels is a mistake"),
    Deliberate(MINIDL_REFUSES, ANY, r"a view of a leaf Variable", A_LEAF, program=r"requires_grad"),
    Deliberate(MINIDL_REFUSES, BACKWARD, r"second time: (Attention|Normalize)", NOTHING, program=r"\b0\b"),
    Deliberate(MINIDL_REFUSES, r"adaptive_avg_pool", r"non-zero size", "a picture without channels is a mistake"),
    Deliberate(MINIDL_REFUSES, ANY, r"second time: Mul has freed",
               "deg2rad and alpha= are products, which keep their numbers", program=r"deg2rad|rad2deg|alpha="),
    Deliberate(MINIDL_REFUSES, r"clamp|scatter|(log|lin)space", r"value cannot be converted to type uint8", BYTES),
    Deliberate(MINIDL_REFUSES, BACKWARD, r"modified by an inplace operation",
               "PyTorch copies this input, or computes another from it, and keeps that"),
    Deliberate(MINIDL_REFUSES, r"index_", r"IndexError: index_\w+: index .* is out of bounds", UNCHECKED,
               program=r"\(0,|, 0[,)]|0:0|\[\]"),
    Deliberate(MINIDL_REFUSES, r"linalg\.", r"Low precision dtypes not supported", UNCHECKED),
    Deliberate(MINIDL_REFUSES, r"batch_norm", r"Expected at least 2 dimensions", UNCHECKED),
    Deliberate(MINIDL_REFUSES, r"detach_\(\)", r"Can't detach views",
               "a recorded gradient may look into another, which a hook or another result holds",
               program=r"create_graph=True"),
    # both refuse
    Deliberate("error type", ANY, r"^IndexError: .*out of bounds",
               "a position out of bounds is an IndexError in every function"),
    Deliberate("error type", ANY, r"tensor has no dimensions", NUMBER),
    Deliberate("error type", BACKWARD, r"^ValueError: operands could not be broadcast",
               "two faults: a .grad was given another shape by out="),
    Deliberate("error type", ANY, r"and RuntimeError: a (view of a )?leaf Variable",
               "two faults: another is named first"),
    Deliberate("error type", ANY, r"^NotImplementedError: .*complex", "two faults: another is named first"),
    Deliberate(
        "error type", ANY,
        r"batch_norm: Expected at least 2 dimensions|diag_embed: expected a tensor with at least 1 dimension",
        "what is wrong is said; PyTorch fails inside"),
    Deliberate("error type", ANY, r"non-zero size|there are 0 elements|must be non-empty|expected total dims >= 2",
               "of nothing there is no extreme, in every function"),
    Deliberate("error type", ANY, r"Dimension out of range|mask|lerp_kernel|does not support bool",
               "two faults: another is named first"),
    Deliberate("error type", ANY, r"value cannot be converted to type uint8_t", BYTES),
    Deliberate("error type", r"distributions",
               r"must match event_shape|cannot be expressed as the lower triangular|0 elements",
               "two faults, or one that PyTorch finds later"),
    Deliberate("error type", r"float\(|int\(", r"^TypeError: .*'complex'", "Python's own error"),
    # flags
    Deliberate("flag", r"heaviside|unique|//|floor", rf"{CONSTANT} and {VARIABLE}|{VARIABLE} and {CONSTANT}", STEP),
    Deliberate("flag", r"requires_grad", rf"{CONSTANT} and ({LEAF}|{VARIABLE})",
               "a view that was made of a constant stays one"),
    *[Deliberate(kind, BACKWARD, rf"{VARIABLE} and {CONSTANT}", NOTHING, program=r"scaled_dot_product")
      for kind in ("flag", "gradient: flag")],
    Deliberate("flag", BACKWARD, rf"{CONSTANT} and ({LEAF}|{VARIABLE})", NOTHING, program=r"materialize_grads"),
    Deliberate("flag", BACKWARD, rf"and {LEAF}", NOTHING, program=r"\.cum(max|min)\("),
    Deliberate("flag", ANY, rf"{CONSTANT} and {VARIABLE}", NEW_MEMORY, program=r"\.data = "),
    Deliberate("flag", ANY, rf"{LEAF} and {VARIABLE}", A_LEAF, program=r"requires_grad_?\b"),
    Deliberate("flag", r"^t\d+\[.*\] = ", rf"{VARIABLE} and {CONSTANT}",
               "a view of a view that was made a leaf depends on that leaf", program=r"^t\d+\.requires_grad_\("),
    Deliberate("gradient: value", BACKWARD, ANY,
               "PyTorch's inner is a view of a hidden product, and loses its hook at a write into a view of it",
               program=r"(?s)inner\(.*register_hook.*lib\.no_grad"),
    *[Deliberate(kind, BACKWARD, rf"{VARIABLE} and {CONSTANT}",
                 "a gradient of what was overwritten is 0, and is recorded", program=r"create_graph=True")
      for kind in ("flag", "gradient: flag")],
    Deliberate("not refused, flag", BACKWARD, rf"{CONSTANT} and {VARIABLE}", FLAT),
    Deliberate("hook: flag", BACKWARD, rf"{VARIABLE} and {CONSTANT}", FROZEN,
               program=r"requires_grad_\(False"),
    Deliberate("flag", r"diff\(", rf"{VARIABLE} and ({LEAF}|\(True, False, True\))", NO_DIFFERENCE),
    Deliberate("flag", r"retain_grad", rf"{VARIABLE} and \(True, False, True\)", NO_DIFFERENCE, program=r"\.diff\("),
    Deliberate("hook: flag", BACKWARD, rf"and {LEAF}", NOTHING, program=r"\.cum(max|min)\("),
    Deliberate("hook: flag", r"requires_grad_\(", rf"{CONSTANT} and {LEAF}",
               "what a hook has put aside is a tensor of its own, not the gradient that grad() returns",
               program=r"register_hook"),
    Deliberate("gradient: flag", BACKWARD, rf"{CONSTANT} and {VARIABLE}", FLAT, program=r"\.logcumsumexp\("),
    # gradients
    Deliberate("gradient", BACKWARD, r"^[][0., j-]+ and None$", STEP, program=STEPS),
    *[Deliberate(kind, BACKWARD, ANY, "PyTorch's gradient takes the size of dim=() for 1", program=r"\.std\(\(\)")
      for kind in ("value", "nan or inf", "gradient: value", "gradient: nan or inf")],
    Deliberate("gradient: value", BACKWARD, r"^off by \S+e-0[789]", "PyTorch rounds 1/6 to float32",
               program="hardsigmoid|hardswish"),
    *[Deliberate(kind, BACKWARD, "nan", "of fewer numbers than correction= takes away there is no deviation",
                 program=r"(std|var)\w*\(.*correction=[2-9]")
      for kind in ("nan or inf", "gradient: nan or inf")],
    Deliberate("gradient: nan or inf", BACKWARD, r"^\S*nan",
               "a gradient of nan goes to all factors before it; PyTorch leaves out those of a " "product of 0",
               program=r"\.(cumprod|prod)\("),
    Deliberate("gradient: value", BACKWARD, ANY,
               "a vector times itself is 0; PyTorch fuses product and difference, and is left with rounding",
               program=r"linalg\.cross\((t\d+), \1"),
    Deliberate("gradient: nan or inf", BACKWARD, ANY, "a sign is constant; PyTorch divides by 0", program="copysign"),
    Deliberate("gradient: nan or inf", BACKWARD, r"nan\S* and",
               "an infinite gradient of a sum of terms goes to each, and they cancel to nan",
               program="with_logits"),
    *[Deliberate(kind, ANY, r"and None$", STEP, program=STEPS) for kind in ("type", "hook: type")],
    *[Deliberate(kind, BACKWARD, detail, "turned in place, a tensor is another: what came before has its own gradient",
                 program=TURNED)
      for kind, detail in (("gradient", r"^None and"), ("gradient: shape", ANY))],
    Deliberate("gradient: value", r"\w_\(|backward\(", ANY,
               "turned in place, a tensor is another: what came before has its own hooks",
               program=rf"(?s){TURNED}.*register_hook"),
    Deliberate("hook: length", BACKWARD, r"^\[tensor\([][0., -]+, .* and \[\]$", STEP, program=STEPS),
    *[Deliberate(kind, BACKWARD, ANY, DATA, program=r"\.data\b")
      for kind in ("value", "nan or inf", "gradient: value", "gradient: nan or inf")],
    *[Deliberate(kind, BACKWARD, ANY, "PyTorch raises 2 to the integers of ldexp as integers in the gradient",
                 program=r"lib\.ldexp") for kind in ("value", "gradient: value")],
    *[Deliberate(kind, BACKWARD, ANY, STORED, program=r"to_sparse") for kind in ("gradient: value", "value")],
    Deliberate("gradient", BACKWARD, r"and None$", NOTHING, program=r"lstsq\(.*residuals"),
    Deliberate("gradient: value", BACKWARD, "j", "PyTorch forgets that what it multiplied was cast to real numbers",
               program=r"(cumprod|prod)\(.*dtype="),
    Deliberate("dtype", r"Bernoulli.*log_prob|LogNormal.*sample", ANY,
               "operands of two dtypes are promoted, as elsewhere"),
    Deliberate("dtype", r"softmax", r"float32 and u?int", UNCHECKED),
    Deliberate("dtype", r"\.(entropy|perplexity)\(\)", r"^float16 and float32$", "PyTorch counts trials in float32",
               program="Multinomial"),
    Deliberate("value", r"Multinomial", r"^off by \S+e-0[789]", "PyTorch counts trials in float32"),
    Deliberate("value", r"distributions", r"^off by \S+e-0[789]", "operands of two dtypes are promoted, as elsewhere",
               program=r"lib\.float64"),
    Deliberate("type", BACKWARD, r"and None$", NOTHING, program=r"lstsq\(.*residuals"),
    Deliberate(TORCH_REFUSES, BACKWARD, r"not have been used in the graph|'NoneType'", NOTHING,
               program=r"lstsq\(.*residuals"),
    Deliberate(TORCH_REFUSES, r"distributions", r"of 0 elements|non-zero size", NOTHING),
    Deliberate(TORCH_REFUSES, r"distributions|to_sparse", r"with two bool tensors|can't be cast", KERNEL),
    Deliberate(TORCH_REFUSES, r"kl_divergence", "must match the size", "PyTorch adds up a term over the batch",
               program="Wishart"),
    Deliberate(TORCH_REFUSES, ANY, "Sparse CSR tensors do not have strides", INSIDE),
    Deliberate(TORCH_REFUSES, r"take_along_dim", "view size is not compatible", INSIDE),
    Deliberate(TORCH_REFUSES, BACKWARD, "more than one element of the written-to tensor", INSIDE),
    Deliberate(TORCH_REFUSES, r"logspace", "without overflow", BYTES),
    Deliberate("type", BACKWARD, r"and None$", "a view that was written is still a view of its base",
               program=r"\w_\("),
    Deliberate(MINIDL_REFUSES, r"Wishart|LKJ", "of 0 elements|finfo", "a distribution of nothing"),
    Deliberate(MINIDL_REFUSES, r"distributions", "Low precision dtypes", UNCHECKED, program=r"zeros\("),
    Deliberate("value", r"linalg\.det\((t\d+) @ \1\.mT\)", r"^off by", "a tall matrix times its own rows is "
               "singular: rounding decides what is left of its determinant"),
    Deliberate(MINIDL_REFUSES, r"\.(detach\(\)|data)\.\w+_\(", "inference tensor outside InferenceMode",
               "PyTorch's `detach()` of an inference tensor is one, too, and may be written once"),
    Deliberate(TORCH_REFUSES, r"lib\.abs\(.*out=", r"Found dtype Complex\w+ but expected", "an out= of complex numbers "
               "holds real ones; PyTorch takes it for other functions, as angle"),
    Deliberate(TORCH_REFUSES, r"kl_divergence", r"The shape of the mask", "two Bernoulli of shapes that broadcast; "
               "PyTorch masks what has the shape of one of them", program="Bernoulli"),
    Deliberate(MINIDL_REFUSES, r"matrix_power", "singular", "rounding decides whether a matrix is singular"),
    Deliberate("error type", r"to_sparse", "^IndexError", "two faults: another is named first"),
    Deliberate("error type", r"distributions", r"^ValueError: Expected value argument",
               "two faults, or one that PyTorch finds later"),
    *[Deliberate(kind, ANY, ANY, "PyTorch adds up a term over the batch", program=r"kl_divergence\(.*Wishart")
      for kind in ("value", "gradient: value")],
    Deliberate("gradient: nan or inf", BACKWARD, r"inf.* and .*e[+]3", "the derivative at a pole is inf",
               program=r"digamma|polygamma"),
    # layout
    Deliberate("hook: contiguity", ANY, r"^contiguous and", ROWS),
    Deliberate("hook: contiguity", ANY, r"and contiguous$", "a gradient on its way lies as it was computed"),
    Deliberate("contiguity", ANY, r"^contiguous and", ROWS),
    Deliberate("contiguity", r"[\d.] \*\* t\d+$", ANY, "a power lies as its exponent does, where the base is a number"),
    Deliberate("contiguity", r"grad\(", ANY, "a gradient lies as its tensor does"),
    Deliberate("contiguity", r"where\(", ANY, "it lies as the first that is chosen from does"),
    Deliberate("contiguity", r"ldexp|angle", ANY, "a product lies as its operands do, and an angle as its numbers"),
    Deliberate("sharing", r"\.conj\(\)", ANY, CONJ),
    Deliberate("sharing", ANY, r": False and True",
               "an out= without elements gets memory of its own, also if it was a view", program=r"out="),
    # values
    Deliberate("nan or inf", r"multi_margin_loss", r"^nan and",
               "the mean of nothing; PyTorch returns memory that nobody set"),
    Deliberate("nan or inf", r"cross_entropy", r"^0.0 and nan", "a loss without classes is a sum of nothing"),
    Deliberate("nan or inf", r"cosine_similarity", r"^\[?nan", "in float16 eps is 0, and so is the length of nothing",
               program=r"zeros\(\(.*\b0\b.*float16"),
    Deliberate("gradient: nan or inf", BACKWARD, ANY,
               "a gradient of inf goes to those that attain the extreme, and no further",
               program=r"\.(amax|amin|aminmax)\("),
    *[Deliberate(kind, BACKWARD, ANY, "which of equal elements comes first is not settled",
                 program=r"\.(topk|sort|msort|kthvalue|median|mode)\(") for kind in ("value", "gradient: value")],
    Deliberate("gradient: value", BACKWARD, ANY, "where elu has a kink, its second derivative is that of one side",
               program=r"F\.(elu|celu|selu)"),
    *[Deliberate(kind, BACKWARD, ANY, "the gradient of a determinant near 0 has few right digits",
                 program=r"linalg\.det")
      for kind in ("value", "gradient: value")],
    *[Deliberate(kind, BACKWARD, ANY, "of a place that is written twice, the last write has the gradient",
                 program=r"^t\d+\[.*(t\d|\[-?\d).*\] \S?= ") for kind in ("value", "gradient: value")],
    *[Deliberate(kind, BACKWARD, ANY, READ_FIRST, program=r"\.(addcmul|addcdiv)_\(")
      for kind in ("gradient: value", "gradient: nan or inf")],
    Deliberate("gradient: nan or inf", BACKWARD, ANY, "clamp passes nothing on where it is nan", program=r"\.logit\("),
    Deliberate("hook: length", BACKWARD, r"(?s)^\[tensor.* and ",
               "PyTorch loses the hook of a view that is written", program=r"_\(|\] \S?= |\S= t"),
    Deliberate("value", r"autograd\.grad\(.*\[t\d+, t\d+\]", ANY,
               "PyTorch takes a gradient before its hooks where it also goes further", program=r"register_hook"),
    Deliberate("hook: value", r"backward\(|grad\(|\w_\(", r"^off by",
               "what a hook has put aside is not written later; second derivatives take other ways",
               program=r"create_graph=True|retain_graph=True"),
    Deliberate("hook: value", BACKWARD, ANY, "PyTorch's result is a view of something inside", program=r"kron"),
    Deliberate("gradient", BACKWARD, r"^None and [][0., -]+$", FLAT, program=r"create_graph=True"),
    Deliberate("gradient: value", BACKWARD, ANY,
               "PyTorch's block_diag takes the wrong block beside one without elements", program=r"block_diag"),
    Deliberate("hook: length", BACKWARD, r"^\[.*\] and", "a leaf that nobody holds has no gradient, and no hook",
               program=r"^del t"),
    Deliberate("nan or inf", r"\*\* ", r"j", "0 to a complex power is nan, and 1 where the power is 0",
               program=r"complex"),
    Deliberate("nan or inf", r"soft_margin_loss", r"and \S*inf", "it is computed without overflow"),
    Deliberate("nan or inf", r"quantile\(", r"inf.* and .*nan",
               "between two equal infinities lies the same one; PyTorch subtracts them"),
    Deliberate("shape", r"pixel_unshuffle", r"\b0\b",
               "PyTorch forgets to move the channels of a picture without pixels"),
    Deliberate("value", r"clamp", ANY, BYTES, program=r"lib\.uint8"),
    Deliberate("value", r"[<>=] -\d", ANY, BYTES, program=r"lib\.uint8"),
    Deliberate("shape", r"[<>=] -\d", ANY, BYTES, program=r"lib\.uint8"),
    Deliberate("value", r"support\.check", r"False and True", BYTES, program=r"lib\.uint8"),
    Deliberate("value", r"ldexp", r"^off by \S+e-0[6789]", "2 ** other is computed in the dtype of the result"),
    Deliberate("value", r"output_nr", ANY, "PyTorch's tensor_split is several slices, and not one function"),
    Deliberate("value", r"median\(", ANY, "PyTorch returns memory that nobody set",
               program=r"expand|broadcast_to|enumerate_support"),
    Deliberate("value", r"storage_offset", ANY, "a view without elements begins nowhere"),
    Deliberate("value", r"searchsorted", ANY, "nan is the largest number, as in sort; PyTorch walks past it",
               program=r"\*\*|sqrt|log|/|asin|acos|inf|nan|kl_div|_loss\("),
    Deliberate("value", r"bucketize", ANY,
               "numbers are compared exactly; PyTorch rounds them to the dtype of the boundaries"),
    Deliberate("value", r"out=", ANY, "views of an out= that is resized keep the old memory",
               program=r"view|\[|reshape|flatten"),
]
"""What is known. The page `docs/differences_from_pytorch.md` says the same to users."""

SINGLE = (("float16", "float64"), ("float32", "float64"), (".float()", ".double()"), (".half()", ".double()"))


def judge(program: Program, found: Disagreement) -> tuple[Disagreement, str]:
    """The disagreement, and why it is meant: "" if it is not known.

    A gradient that PyTorch refuses is compared with what it gives if it works on copies. A gradient that is constant
    here and recorded in PyTorch may be so if its own gradient there is 0. A difference of values within a hundredth,
    in float16 a tenth, that float64 does not show is called rounding.
    """
    if reason := known_reason(program, found):
        return found, reason
    refused = "by an inplace operation|through the graph a second time"
    if found.kind == TORCH_REFUSES and re.search(refused, found.detail):
        again = replay(program, patient=True)
        if again is None or again.found.kind == MINIDL_REFUSES and "second time" in again.found.detail:
            return found, "what the gradient needs is there; PyTorch computes the same from copies"
        if reason := known_reason(program, again.found):
            return found, reason
        if again.found.kind != TORCH_REFUSES:
            found = replace(again.found, kind=f"not refused, {again.found.kind}")
    if found.kind in ("flag", "gradient: flag") and re.search(f"{CONSTANT} and {VARIABLE}$", found.detail) \
            and depends_on_nothing(program, found):
        return found, FLAT
    copied = with_copied_operands(program, found) if found.kind in ("value", "nan or inf") else []
    if copied and agree_on(copied):
        return found, READ_FIRST
    if re.match(r"off by \S+e-0[789]:", found.detail) and (
            in_double(program) != program or any(re.search(r"int64|int32|uint8|bool", s.text) for s in program)):
        return replace(found, kind="rounding"), "float32 and float16 round differently"
    short = any("float16" in s.text for s in program)
    off = re.match(r"off by (\S+):", found.detail)
    if off and float(off[1]) < (1e-1 if short else 1e-2) or short and found.kind.endswith("nan or inf"):
        again = replay(in_double(program), patient=found.kind.startswith("not refused"))
        if again is None or not found.kind.endswith(again.found.kind):
            return replace(found, kind="rounding"), "float32 and float16 round differently; float64 agrees"
    return found, ""


def agree_on(program: Program) -> bool:
    """Whether the two libraries run the whole program, and agree."""
    try:
        return Run().all(program) is None
    except Skipped:
        return False


def known_reason(program: Program, found: Disagreement) -> str:
    return next((known.reason for known in DELIBERATE if known.covers(found, program)), "")


def with_copied_operands(program: Program, found: Disagreement) -> Program:
    """The program up to the write that disagrees, which takes copies of its operands; empty if it is no write."""
    place = next(i for i, s in enumerate(program) if s.text == found.statement)
    write = re.fullmatch(r"(.*?(?:[-+*/%&|^]= |_\())(.*)", found.statement)
    if write is None:
        return []
    copied = write[1] + re.sub(r"\bt\d+\b(?!\s*=)", r"\g<0>.clone()", write[2])
    return [*program[:place], replace(program[place], text=copied)]


def depends_on_nothing(program: Program, found: Disagreement) -> bool:
    """Whether PyTorch's gradient of the gradient that differs is 0 but for rounding, or none is there to be had."""
    run = Run()
    try:
        run.all(s for s in program if "_hook(" not in s.text)
    except Skipped:
        return False
    tensor = run.theirs[found.name]
    tensor = tensor.grad if found.kind.startswith("gradient") else tensor
    leaves = [t for t in run.theirs.values() if isinstance(t, torch.Tensor) and t.is_leaf and t.requires_grad]
    weights = torch.arange(1.0, tensor.numel() + 1).view(tensor.shape).to(tensor.dtype)
    try:
        gradients = torch.autograd.grad(tensor, leaves, weights, allow_unused=True)
    except RuntimeError:
        return True
    return all(g is None or bool((g.abs() <= weights.numel() * torch.finfo(g.dtype).eps).all()) for g in gradients)


def in_double(program: Program) -> Program:
    """The program with float64 where it has shorter floating numbers; unchanged statements stay."""
    doubled = []
    for statement in program:
        text, literal = statement.text, statement.literal
        for short, double in SINGLE:
            text = text.replace(short, double)
        if literal is not None and literal.dtype.startswith("float"):
            literal = replace(literal, dtype="float64")
        doubled.append(replace(statement, text=text, literal=literal))
    return doubled
