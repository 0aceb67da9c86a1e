"""`onnx.export`: onnxruntime gives what minidl gives, also for other sizes; what has no form is refused by name."""
from __future__ import annotations

import io
import itertools
import math
import subprocess
import sys

import pytest

import minidl
from minidl import nn
from minidl.nn import functional as F
from minidl.vision import models
from tests.onnx.agree import agrees, no_zeros
from tests.onnx.zoo import measure

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx_ir")
pytest.importorskip("onnxruntime")


class Of(nn.Module):
    """A module of one function."""

    def __init__(self, function):
        super().__init__()
        self.function, self.inner = function, nn.Linear(3, 3)

    def forward(self, x):
        return self.function(self, x)


def both_batches(function, *shape, **settings):
    agrees(Of(function), minidl.rand(2, *shape or (3,)) - 0.5, minidl.rand(5, *shape or (3,)) - 0.5,
           dynamic_axes={"x": {0: "N"}}, **settings)


def exported(model, args, **settings):
    file = io.BytesIO()
    minidl.onnx.export(model, args, file, **settings)
    return onnx.load_from_string(file.getvalue())


# ---------------------------------------------------------------------- networks

SMALL = "airbench93 cct_2_3x2 lenet5 mobilenet_v3_small resnet20 squeezenet1_0 vit_mnist".split()
"""Some that are quick; `tests.onnx.zoo` has all."""


@pytest.mark.parametrize("name", SMALL)
def test_networks(name):
    assert measure(name)[0] < 1e-5


def test_a_swin_transformer_with_shifted_windows():
    model = no_zeros(models.SwinTransformer([2, 2], 12, [2], [2], [4, 4], num_classes=3))
    agrees(model, minidl.rand(2, 3, 16, 16), minidl.rand(3, 3, 16, 16), dynamic_axes={"x": {0: "N"}})


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_for_any_length_and_batch(layer):
    agrees(layer(3, 4, 2, bidirectional=True, batch_first=True), minidl.rand(2, 5, 3), minidl.rand(3, 7, 3),
           dynamic_axes={"input": {0: "N", 1: "T"}})


def test_a_batch_of_one_is_as_good_an_example_as_any():
    """Tensors of size 1 are expanded to the batch, or not, if it is 1."""
    agrees(no_zeros(models.vit_mnist()), minidl.rand(1, 1, 28, 28), minidl.rand(3, 1, 28, 28),
           dynamic_axes={"x": {0: "N"}})
    both = (minidl.rand(1, 5, 3), minidl.rand(3, 7, 3))
    agrees(nn.LSTM(3, 4, batch_first=True), *both, dynamic_axes={"input": {0: "N", 1: "T"}})


def test_a_cell():
    agrees(nn.LSTMCell(3, 4), minidl.rand(2, 3), minidl.rand(5, 3), dynamic_axes={"input": [0]})


@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_for_any_length_and_batch(need_weights):
    class Attend(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=need_weights)
    agrees(Attend(), minidl.rand(2, 5, 8), minidl.rand(3, 7, 8), dynamic_axes={"x": {0: "N", 1: "T"}})


def test_a_causal_and_a_masked_attention():
    both_batches(lambda m, x: F.scaled_dot_product_attention(x, x, x, is_causal=True), 4, 2)
    mask = minidl.tensor([[True, False, True, True], [False] * 4, [True] * 4, [False, True, True, True]])
    later = minidl.tensor([[False, True, True, True], [True] * 4, [True] * 4, [False, True, True, True]])
    for causal, seen in itertools.product([False, True], [mask, later]):
        for given in (seen, minidl.where(seen, 0.5, -math.inf)):
            both_batches(lambda m, x, given=given, causal=causal: F.scaled_dot_product_attention(
                x, x, x, given, is_causal=causal), 4, 2)


def test_a_transformer_of_tokens():
    class Translate(nn.Module):
        def __init__(self):
            super().__init__()
            self.transformer = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
            self.embedding = nn.Embedding(11, 8)

        def forward(self, source, target):
            mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
            return self.transformer(self.embedding(source), self.embedding(target), tgt_mask=mask)

    def sentences(n):
        return minidl.randint(0, 11, (n, 5)), minidl.randint(0, 11, (n, 4))
    agrees(Translate(), sentences(2), sentences(3), dynamic_axes={"source": {0: "N"}, "target": {0: "N"}})


def test_layers_of_one_and_three_dimensions():
    agrees(nn.Sequential(nn.Conv1d(2, 3, 3, padding=1), nn.MaxPool1d(2), nn.ConvTranspose1d(3, 2, 2, stride=2)),
           minidl.rand(2, 2, 8), minidl.rand(3, 2, 8), dynamic_axes={"input": [0]})
    agrees(nn.Sequential(nn.Conv3d(2, 3, 3, stride=2, padding=1), nn.BatchNorm3d(3)), minidl.rand(2, 2, 4, 6, 6),
           minidl.rand(3, 2, 4, 6, 6), dynamic_axes={"input": [0]})


def test_images_of_any_size():
    """The sizes after a stride are rounded: 8 to 4, but 19 to 10."""
    model = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1),
                          nn.Flatten(), nn.Linear(3, 2))
    agrees(model, minidl.rand(2, 2, 8, 8), minidl.rand(3, 2, 19, 13),
           dynamic_axes={"input": {0: "N", 2: "H", 3: "W"}})


# ---------------------------------------------------------------------- functions

ACTIVATIONS = (F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus, F.hardswish, F.hardsigmoid, F.relu6,
               F.leaky_relu, F.logsigmoid, F.hardshrink, F.softshrink, F.tanhshrink, F.softsign)
MATHEMATICS = (
    lambda x: x.round(), lambda x: x // 0.3, lambda x: x % 0.3, lambda x: x.floor(), lambda x: x.clamp(min=0.1),
    lambda x: x ** 2, lambda x: 2 ** x, lambda x: (x + 1).rsqrt(), lambda x: x.log1p(), lambda x: x.trunc(),
    lambda x: minidl.lerp(x, x * 2, 0.3), lambda x: x.long() // 2, lambda x: x.long() + 1.5, lambda x: ~(x > 0),
    lambda x: (x > 0) & (x < 0.2), lambda x: minidl.where(x > 0, x, 0.0), lambda x: minidl.addcmul(x, x, x, value=0.5),
    lambda x: F.threshold(x, 0.1, 3.0), lambda x: F.log_softmax(x, 1), lambda x: F.glu(minidl.cat([x, x], 1)))
REDUCTIONS = (lambda x: x.std(1), lambda x: x.var(1), lambda x: x.norm(dim=1), lambda x: x.logsumexp(1),
              lambda x: x.cumsum(1), F.normalize, lambda x: x.prod(1), lambda x: x.amax(1), lambda x: x.argmax(1),
              lambda x: (x > 0).all(1), lambda x: x.sum(), lambda x: x.norm(3, dim=1))
MOVES = (
    lambda x: x.flip(1), lambda x: x.roll(1, 1), lambda x: x.tril(), lambda x: x.repeat(1, 2), lambda x: x[:, [2, 0]],
    lambda x: x.gather(1, (x > 0).long()), lambda x: minidl.stack([x, x], 1), lambda x: x.chunk(3, 1),
    lambda x: x.unbind(1), lambda x: F.pad(x[:, None], (1, 2), mode="reflect"), lambda x: F.pad(x, (1, 1)),
    lambda x: F.interpolate(x[:, None, :, None], scale_factor=2), lambda x: x.t() @ x,
    lambda x: minidl.einsum("ni,nj->nij", x, x))


@pytest.mark.parametrize("functions", [ACTIVATIONS, MATHEMATICS, REDUCTIONS, MOVES])
def test_functions(functions):
    both_batches(lambda m, x: [function(x) for function in functions])


def test_what_depends_on_the_batch():
    """Sizes are read from the input, where the graph runs."""
    both_batches(lambda m, x: x / x.shape[0])
    both_batches(lambda m, x: x.view(x.shape[0] * 3))
    both_batches(lambda m, x: x[:, None].expand(-1, 4, -1).reshape(x.shape[0] * 2, 2, 3))
    both_batches(lambda m, x: x + minidl.arange(x.shape[0])[:, None])
    both_batches(lambda m, x: minidl.cat([x, minidl.zeros(x.shape[0], 2)], 1))
    both_batches(lambda m, x: F.group_norm(x[:, :, None].repeat(1, 2, 4), 3))


def test_writes_in_place():
    def into_columns(m, x):
        y = x * 1
        y[:, 0] = 0
        y[:, 1:] = y[:, 1:] * 2
        return y

    def into_zeros(m, x):
        y = minidl.zeros(x.shape[0], 4)
        y[:, 1:] = x
        return y

    def views(m, x):
        y = x * 1
        view = y[:, :2]
        y.relu_()
        view.mul_(3)
        y += 1
        return y, view

    def by_mask(m, x):
        y = x - 0.5
        y[y < 0] = 7.0
        return y.masked_fill(y > 0.4, 2.0)
    for function in (into_columns, into_zeros, views, by_mask):
        both_batches(function)


# ---------------------------------------------------------------------- the file

def test_the_file_has_the_names_of_the_state_dict():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2, bias=False))
    proto = exported(model, minidl.rand(1, 1, 4, 4), input_names=["image"], output_names=["scores"])
    names = {tensor.name for tensor in proto.graph.initializer}
    assert names == {*model.state_dict()} - {"1.num_batches_tracked"}
    assert [x.name for x in proto.graph.input] == ["image"] and [x.name for x in proto.graph.output] == ["scores"]
    assert [node.op_type for node in proto.graph.node if node.op_type != "Constant"] == [
        "Conv", "BatchNormalization", "Reshape", "Gemm"]
    onnx.checker.check_model(proto, full_check=True)


def test_dynamic_axes_have_names():
    proto = exported(nn.Linear(3, 2), minidl.rand(4, 3), input_names=["x"], output_names=["y"],
                     dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})
    (given,), (made,) = proto.graph.input, proto.graph.output
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["batch", 3]
    assert [d.dim_param or d.dim_value for d in made.type.tensor_type.shape.dim] == ["batch", 2]


def test_a_model_in_training_is_exported_in_evaluation_and_put_back():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2), nn.BatchNorm1d(2)).train()
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    exported(model, minidl.rand(4, 3))
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    with pytest.raises(RuntimeError, match="only evaluation mode"):
        exported(model, minidl.rand(4, 3), training=True)


def test_the_file_is_written_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        minidl.onnx.export(Of(lambda m, x: x + minidl.rand(3)), minidl.rand(2, 3), path)
    assert path.read_bytes() == b"old"
    minidl.onnx.export(nn.Linear(3, 2), minidl.rand(2, 3), path)
    onnx.checker.check_model(str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["model.onnx"]


def test_inputs_by_name_and_results_in_order():
    class Two(nn.Module):
        def forward(self, a, *, pair):
            return {"sum": a + pair[0], "parts": (pair[1], a)}
    a, b, c = minidl.rand(3), minidl.rand(3), minidl.rand(3)
    proto = exported(Two(), (a, {"pair": [b, c]}))
    assert [x.name for x in proto.graph.input] == ["a", "pair_0", "pair_1"] and len(proto.graph.output) == 3
    assert [x.name for x in exported(Two(), a, kwargs={"pair": [b, c]}, output_names=["s"]).graph.output] == [
        "s", "output_1", "output_2"]


# ---------------------------------------------------------------------- what is refused

@pytest.mark.parametrize("function, words", [
    (lambda m, x: minidl.lgamma(m.inner(x)), "Lgamma has no form"),
    (lambda m, x: x + minidl.randn(3), "by chance"),
    (lambda m, x: x * minidl.tensor(x.detach().numpy()), "no op of minidl made"),
    (lambda m, x: x * x.sum().item(), "only whole numbers"),
    (lambda m, x: x.exp() if x[0, 0] > 0.3 else x, "look at"),
    (lambda m, x: minidl.stack([row * 2 for row in x]), "look at"),
    (lambda m, x: x[x > 0.1], "a mask chooses"),
    (lambda m, x: 3, "returns no Tensor")])
def test_what_has_no_form_is_named(function, words):
    x = minidl.tensor([[0.4, 0.2, 0.1], [0.3, 0.2, 0.2]])
    with pytest.raises(minidl.onnx.OnnxExporterError, match=words) as caught:
        exported(Of(function), x, dynamic_axes={"x": {0: "N"}})
    assert str(caught.value).startswith("onnx.export: ")


def test_the_module_of_an_op_is_named():
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(Of(lambda m, x: minidl.lgamma(x))))
    with pytest.raises(RuntimeError, match=r"Lgamma .* in the module '1\.0' \(Of\)"):
        exported(model, minidl.rand(2, 3))


def test_arguments_that_do_not_fit():
    x, layer = minidl.rand(2, 3), nn.Linear(3, 2)
    for settings, error, words in [
            ({"dynamic_axes": {"y": {0: "N"}}}, ValueError, "names 'y'"),
            ({"dynamic_axes": {"input": {2: "N"}}}, ValueError, "axis 2"),
            ({"input_names": ["a", "b"]}, ValueError, "2 input_names for 1"),
            ({"output_names": ["a", "b"]}, ValueError, "2 output_names"),
            ({"opset_version": 11}, RuntimeError, "must be 20"),
            ({"dynamic_axes": {"input": {1: "width"}}}, RuntimeError, "no other size of the dynamic axis 'width'")]:
        with pytest.raises(error, match=words):
            exported(layer, x, **settings)
    with pytest.raises(RuntimeError, match="dynamic_axes"):
        exported(layer, x, dynamic_shapes={"input": {0: "N"}})
    with pytest.raises(TypeError, match="'opsets'"):
        exported(layer, x, opsets=3)
    with pytest.raises(RuntimeError, match="expected Tensors"):
        exported(Of(lambda m, x: minidl.ones(x)), 3)


def test_importing_minidl_imports_no_onnx():
    program = """if 1:
        import sys, minidl
        assert not {'onnx', 'onnx_ir', 'minidl.onnx'} & set(sys.modules)
        minidl.onnx.export
        assert not {'onnx', 'onnx_ir', 'onnxruntime'} & set(sys.modules)
        sys.modules['onnx_ir'] = None
        try:
            minidl.onnx.export(minidl.nn.Linear(1, 1), minidl.ones(1, 1), 'x.onnx')
        except ModuleNotFoundError as error:
            assert 'minidl[onnx]' in str(error)
        else:
            raise AssertionError
    """
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
