"""`onnx.load`: files that other libraries wrote run as there, train, and are exported again; bad files are refused."""
from __future__ import annotations

import copy
import io
import os
import random as random_module

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.nn import functional as F
from minidl.serialization.files import LoadError
from tests.onnx.agree import agrees, session

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx_ir")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def loaded(file):
    return minidl.onnx.load(io.BytesIO(file))


def same_as_onnxruntime(file, *inputs, tolerance=1e-5):
    """The loaded network and onnxruntime agree; returns the network."""
    network, runner = loaded(file), session(file)
    wanted = runner.run(None, {given.name: x for given, x in zip(runner.get_inputs(), inputs)})
    found = network(*[minidl.tensor(x) for x in inputs])
    found = found if isinstance(found, tuple) else (found,)
    assert len(found) == len(wanted)
    for x, y in zip(found, wanted):
        y = np.asarray(y)
        assert tuple(x.shape) == y.shape and x.array.dtype == y.dtype
        scale = max(float(np.abs(y.astype(float)).max()), 1e-30) if y.size else 1
        assert np.abs(x.detach().numpy().astype(float) - y).max() <= tolerance * scale
    return network


def random(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


# ---------------------------------------------------------------------- files that PyTorch wrote

def from_torch(model, *inputs, dynamo=False, **settings):
    """The file that PyTorch's exporter writes."""
    torch = pytest.importorskip("torch")
    if dynamo:
        pytest.importorskip("onnxscript")
    file = io.BytesIO()
    inputs = tuple(torch.from_numpy(x) for x in inputs)
    if dynamo:
        torch.onnx.export(model.eval(), inputs, dynamo=True, verbose=False, **settings).save(file)
    else:
        torch.onnx.export(model.eval(), inputs, file, dynamo=False, **settings)
    return file.getvalue()


def torch_network():
    torch = pytest.importorskip("torch")
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU6(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2), torch.nn.Hardswish(), torch.nn.Dropout(0.5),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3), torch.nn.Softmax(1))


@pytest.mark.filterwarnings("ignore")
def test_a_convolutional_network_from_pytorch():
    same_as_onnxruntime(from_torch(torch_network(), random(2, 3, 8, 8)), random(2, 3, 8, 8))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_from_pytorch(kind):
    torch = pytest.importorskip("torch")
    layer = getattr(torch.nn, kind)(3, 4, 2, bidirectional=True, batch_first=True)
    same_as_onnxruntime(from_torch(layer, random(2, 5, 3), input_names=["x"], dynamic_axes={"x": {0: "N", 1: "T"}}),
                        random(3, 7, 3))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True])
def test_a_transformer_from_pytorch(dynamo):
    torch = pytest.importorskip("torch")

    class Encode(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(11, 8)
            self.layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")

        def forward(self, tokens):
            return self.layer(self.embedding(tokens) * 8 ** 0.5).mean(1)
    tokens = np.random.default_rng(0).integers(0, 11, (2, 5))
    same_as_onnxruntime(from_torch(Encode(), tokens, dynamo=dynamo), tokens)


@pytest.mark.filterwarnings("ignore")
def test_functions_from_pytorch():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional

    class Several(torch.nn.Module):
        def forward(self, x):
            return (f.pad(x, (1, 2, 0, 1), mode="reflect"), f.interpolate(x, scale_factor=2), x.flip(1)[:, ::2, 1:-1],
                    f.interpolate(x, size=(5, 7), mode="bilinear"), f.avg_pool2d(x, 3, 2, 1), f.instance_norm(x),
                    torch.cat([x, x * 2], 1).chunk(2, 1)[0], x.norm(dim=1), torch.where(x > 0, x, x.exp()), x.std(1),
                    f.conv_transpose2d(x, x[0, :, None]), x.argmax(1), f.group_norm(x, 2), x.cumsum(1), x.tril(),
                    f.pixel_shuffle(x, 2), x[:, [2, 0]], x.topk(2, 1)[0], f.layer_norm(x, (4,)), f.one_hot(
                        (x[0, 0] > 0).long(), 3), x.transpose(1, 3).reshape(2, -1), f.elu(x), f.logsigmoid(x))
    same_as_onnxruntime(from_torch(Several(), random(2, 4, 4, 4)), random(2, 4, 4, 4))


# ---------------------------------------------------------------------- files that scikit-learn's exporter wrote

def from_sklearn(model, x, **settings):
    skl2onnx = pytest.importorskip("skl2onnx")
    kinds = pytest.importorskip("skl2onnx.common.data_types")
    return skl2onnx.convert_sklearn(model, initial_types=[("x", kinds.FloatTensorType([None, x.shape[1]]))],
                                    **settings).SerializeToString()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["LogisticRegression", "MLPClassifier", "LinearRegression", "PCA", "Pipeline",
                                  "DecisionTreeClassifier", "RandomForestRegressor", "GradientBoostingClassifier"])
def test_models_from_scikit_learn(name):
    pytest.importorskip("sklearn")
    from sklearn import datasets, decomposition, ensemble, linear_model, neural_network, pipeline, preprocessing, tree
    x, y = datasets.load_iris(return_X_y=True)
    x = x.astype(np.float32)
    model = {"LogisticRegression": lambda: linear_model.LogisticRegression(max_iter=1000),
             "MLPClassifier": lambda: neural_network.MLPClassifier((8,), max_iter=50, random_state=0),
             "LinearRegression": linear_model.LinearRegression, "PCA": lambda: decomposition.PCA(2),
             "Pipeline": lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), preprocessing.Normalizer(),
                                                        linear_model.Ridge()),
             "DecisionTreeClassifier": lambda: tree.DecisionTreeClassifier(max_depth=4, random_state=0),
             "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(10, random_state=0),
             "GradientBoostingClassifier": lambda: ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
             }[name]().fit(x, y)
    settings = {"options": {id(model): {"zipmap": False}}} if hasattr(model, "classes_") else {}
    network = same_as_onnxruntime(from_sklearn(model, x, **settings), x)
    found = network(minidl.tensor(x))
    wanted = model.transform(x) if name == "PCA" else model.predict(x)
    assert np.allclose((found[0] if isinstance(found, tuple) else found).detach().numpy().reshape(wanted.shape), wanted,
                       atol=1e-4)


# ---------------------------------------------------------------------- files made by hand

def by_hand(nodes, inputs, outputs, initializers=(), opset=20, **settings):
    """A file from onnx.helper; `inputs` and `outputs` are names with shapes, of float32."""
    graph = helper.make_graph(
        nodes, "by hand", *[[helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                             for name, shape in values.items()] for values in (inputs, outputs)],
        [x if isinstance(x, TensorProto) else numpy_helper.from_array(x[1], x[0]) for x in initializers])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9,
                             **settings).SerializeToString()


def test_a_file_by_hand_and_its_worked_numbers():
    file = by_hand([helper.make_node("Gemm", ["x", "w", "b"], ["z"], transB=1, alpha=2.0),
                    helper.make_node("Relu", ["z"], ["y"])], {"x": ["N", 2]}, {"y": ["N", 1]},
                   [("w", np.array([[1, 2]], np.float32)), ("b", np.array([-8], np.float32))])
    network = loaded(file)
    assert network(minidl.tensor([[1.0, 1.0], [2.0, 3.0]])).tolist() == [[0.0], [8.0]]     # 2 (2 + 6) - 8
    assert network(x=minidl.tensor([[1.0, 2.0]])).tolist() == [[2.0]]
    assert list(network.state_dict()) == ["w", "b"] and (network.input_names, network.output_names) == (["x"], ["y"])
    assert "x -> y, 2 nodes" in repr(network)


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_paddings_by_hand(auto_pad):
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"], auto_pad=auto_pad, strides=[2, 1]),
             helper.make_node("MaxPool", ["x"], ["b"], auto_pad=auto_pad, kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("AveragePool", ["x"], ["c"], auto_pad=auto_pad, kernel_shape=[2, 3])]
    same_as_onnxruntime(by_hand(nodes, {"x": [1, 2, 5, 6]}, {"a": None, "b": None, "c": None}, [
        ("w", random(3, 2, 2, 3))]), random(1, 2, 5, 6))


def test_older_versions_have_attributes_in_place_of_inputs():
    nodes = [helper.make_node(*parts, **attributes) for parts, attributes in [
        (("Unsqueeze", ["x"], ["a"]), {"axes": [0, 3]}), (("Squeeze", ["a"], ["b"]), {"axes": [0]}),
        (("ReduceSum", ["b"], ["c"]), {"axes": [1]}), (("Clip", ["b"], ["d"]), {"min": -0.5}),
        (("Softmax", ["x"], ["e"]), {"axis": 0}), (("Split", ["x"], ["f", "g"]), {"split": [1, 2]}),
        (("Slice", ["x"], ["h"]), {"starts": [1], "ends": [3], "axes": [0]}),
        (("Pad", ["x"], ["i"]), {"pads": [1, 0, 0, 2], "value": 2.0})]]
    same_as_onnxruntime(by_hand(nodes, {"x": [3, 4]}, dict.fromkeys("cdefghi"), opset=9), random(3, 4))


def test_shapes_are_computed_by_hand():
    nodes = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "zero"], ["n"]),
             helper.make_node("Concat", ["n", "rest"], ["t"], axis=0), helper.make_node("Reshape", ["x", "t"], ["y"]),
             helper.make_node("ConstantOfShape", ["s"], ["ones"], value=numpy_helper.from_array(random(1))),
             helper.make_node("ScatterElements", ["x", "rows", "new"], ["z"], axis=1)]
    file = by_hand(nodes, {"x": ["N", 4]}, {"y": None, "ones": None, "z": None}, [
        ("zero", np.array([0])), ("rest", np.array([2, -1])), ("rows", np.array([[1], [3]])), ("new", random(2, 1))])
    network = same_as_onnxruntime(file, random(2, 4))
    assert list(network.state_dict()) == ["new"]        # whole numbers are no parameters


def test_a_gated_layer_that_resets_first():
    """ONNX's default order of the reset, which PyTorch's GRU has not."""
    node = helper.make_node("GRU", ["x", "w", "r", "b"], ["y", "last"], hidden_size=3, direction="bidirectional")
    file = by_hand([node], {"x": [4, 2, 2]}, {"y": None, "last": None}, [
        ("w", random(2, 9, 2)), ("r", random(2, 9, 3)), ("b", random(2, 18))])
    same_as_onnxruntime(file, random(4, 2, 2))


# ---------------------------------------------------------------------- training, and back again

def ours(model, x, **settings):
    file = io.BytesIO()
    minidl.onnx.export(model, x, file, **settings)
    return file.getvalue()


def test_a_loaded_network_trains_as_the_original():
    minidl.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    x, y = minidl.rand(8, 1, 6, 6), minidl.arange(8) % 3
    network = loaded(ours(model, x, dynamic_axes={"input": {0: "N"}}))
    assert {*network.state_dict()} == {*model.state_dict()} - {"1.num_batches_tracked"}
    assert {name for name, _ in network.named_parameters()} == {name for name, _ in model.named_parameters()}
    losses = []
    for each in (model, network):
        each.train()
        optimizer = minidl.optim.SGD(each.parameters(), 0.1)
        losses.append([])
        for _ in range(5):
            optimizer.zero_grad()
            loss = F.cross_entropy(each(x), y)
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    assert losses[0][-1] < losses[0][0] and np.allclose(*losses, rtol=1e-5)
    model.eval(), network.eval()
    assert minidl.allclose(model(x), network(x), atol=1e-5)     # running statistics moved alike


def test_a_copy_is_a_network_of_its_own():
    network = loaded(ours(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), minidl.rand(4, 3)))
    other, x = copy.deepcopy(network).train(), minidl.rand(4, 3)
    before = network(x)
    with minidl.no_grad():
        for parameter in other.parameters():
            parameter += 1
    assert not minidl.allclose(other(x), before) and (network(x) == before).all()


def test_what_is_loaded_is_exported_again():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    network = loaded(ours(model, minidl.rand(2, 1, 6, 6), input_names=["x"], dynamic_axes={"x": {0: "N"}}))
    agrees(network, minidl.rand(2, 1, 6, 6), minidl.rand(5, 1, 6, 6), input_names=["x"], dynamic_axes={"x": {0: "N"}})


@pytest.mark.parametrize("model, x", [
    (lambda: nn.LSTM(3, 4, bidirectional=True), (5, 2, 3)), (lambda: nn.GRU(3, 4), (5, 2, 3)),
    (lambda: nn.TransformerEncoderLayer(8, 2, 16), (5, 2, 8))])
def test_our_files_come_back(model, x):
    model, x = model().eval(), minidl.rand(*x)
    wanted, found = model(x), loaded(ours(model, x))(x)
    for a, b in zip(minidl.utils._pytree.tree_leaves(wanted), minidl.utils._pytree.tree_leaves(found)):
        assert minidl.allclose(a, b, atol=1e-6)


# ---------------------------------------------------------------------- files that are refused

def test_unknown_operators_are_named_when_loading():
    file = by_hand([helper.make_node("NonMaxSuppression", ["x", "x"], ["a"]), helper.make_node("Own", ["x"], ["y"],
                                                                                              domain="here")],
                   {"x": [2]}, {"y": None})
    with pytest.raises(LoadError, match=r"NonMaxSuppression, here::Own"):
        loaded(file)


@pytest.mark.parametrize("file", [b"", b"no protocol buffer", b"\x08\x09"])
def test_damaged_files(file, tmp_path):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(file)
    with pytest.raises(LoadError, match=r"damaged\.onnx"):
        minidl.onnx.load(path)


def test_changed_bytes_are_an_error_or_a_network():
    """Never another exception, and never one that only a run would find."""
    file = ours(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), minidl.rand(1, 3))
    stream = random_module.Random(0)
    found = set()
    for n in range(300):
        changed = bytearray(file[:stream.randrange(len(file))] if n % 3 == 0 else file)
        for _ in range(3):
            if changed:
                changed[stream.randrange(len(changed))] = stream.randrange(256)
        try:
            found.add(type(loaded(bytes(changed))).__name__)
        except LoadError:
            found.add("LoadError")
    assert found == {"LoadError", "OnnxModule"}


def test_a_graph_that_does_not_hang_together():
    for nodes, words in (([helper.make_node("Relu", ["z"], ["y"])], "'z', which nothing makes"),
                         ([helper.make_node("Relu", ["x"], ["z"])], "nothing makes the output 'y'")):
        with pytest.raises(LoadError, match=words):
            loaded(by_hand(nodes, {"x": [2]}, {"y": None}))


def test_weights_in_other_files_come_from_the_folder_only(tmp_path):
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)

    def file_with(location, **place):
        outside = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 3],
                              data_location=TensorProto.EXTERNAL)
        for key, value in {"location": location, **place}.items():
            outside.external_data.add(key=key, value=str(value))
        return by_hand([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], {"x": [1, 3]}, {"y": None}, [outside])
    folder = tmp_path / "model"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "weights.bin").write_bytes(b"\0" * 4 + weight.tobytes())
    path = folder / "model.onnx"
    path.write_bytes(file_with("weights.bin", offset=4, length=24))
    assert minidl.onnx.load(path)(minidl.ones(1, 3)).tolist() == [[3.0, 12.0]]
    with pytest.raises(LoadError, match="a stream has no folder"):
        loaded(path.read_bytes())
    os.symlink(tmp_path / "weights.bin", folder / "link.bin")
    for location, words in (("../weights.bin", "outside"), (str(tmp_path / "weights.bin"), "outside"),
                            ("link.bin", "outside"), ("none.bin", "not there")):
        path.write_bytes(file_with(location, offset=4, length=24))
        with pytest.raises(LoadError, match=words):
            minidl.onnx.load(path)
    for place in ({"offset": 8, "length": 24}, {"offset": 4, "length": 20}, {"offset": 2 ** 40, "length": 24}):
        path.write_bytes(file_with("weights.bin", **place))
        with pytest.raises(LoadError, match="bytes"):
            minidl.onnx.load(path)


def test_inputs_that_do_not_fit():
    network = loaded(ours(nn.Linear(3, 2), minidl.rand(1, 3)))
    with pytest.raises(RuntimeError, match=r"'input' has shape \(5, 3\), but the ONNX file fixes \(1, 3\)"):
        network(minidl.rand(5, 3))
    for args, kwargs in (((), {}), ((minidl.rand(1, 3),) * 2, {}), ((), {"x": minidl.rand(1, 3)})):
        with pytest.raises(TypeError, match=r"takes the inputs \['input'\]"):
            network(*args, **kwargs)
    with pytest.raises(TypeError, match="must be a Tensor"):
        network(3)
