"""Every warning points at the line of the user that brought it about, and not into minidl."""
from __future__ import annotations

import ast
import io
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minidl
import minidl.nn.functional as F
from minidl import distributions, nn, optim
from minidl.autograd import gradcheck
from minidl.cluster import KMeans
from minidl.metrics import Accuracy, FrechetInceptionDistance, MeanAveragePrecision
from minidl.metrics import functional as M
from minidl.neighbors import KNeighborsClassifier
from minidl.utils.data import DataLoader, random_split
from minidl.vision import models, transforms, tv_tensors
from minidl.vision.models.feature_extraction import get_graph_node_names
from minidl.vision.models.googlenet import without_heads
from minidl.vision.transforms import v2
from minidl.vision.utils import draw_bounding_boxes, draw_segmentation_masks

PACKAGE = Path(minidl.__file__).parent


class Drops(nn.Module):
    """In training only."""

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout()

    def forward(self, x):
        return self.dropout(x) if self.training else x


class Fails(nn.Module):
    def forward(self, x):
        raise ValueError("no")


def hook_that_fails():
    model = Fails()
    model.register_forward_hook(lambda module, args, output: 1 / 0, always_call=True)
    with pytest.raises(ValueError, match="no"):
        model(minidl.ones(2))


def of_version_1():
    state = nn.Module().state_dict()
    state._metadata[""]["version"] = 1
    return state


def bfloat16_file():
    header = b'{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    minidl.load(io.BytesIO(len(header).to_bytes(8, "little") + header + b"\0\0"))


class Named(np.ndarray):
    columns = np.array(["a", "b"], dtype=object)    # as a DataFrame has them


def knn(named):
    X = np.arange(8.0).reshape(4, 2)
    return KNeighborsClassifier(1).fit(X.view(Named) if named else X, [0, 1, 0, 1]), X


def guessed_dim(layer):
    return layer()(minidl.ones(2, 3))


def picture():
    return minidl.zeros(3, 5, 5, dtype=minidl.uint8)


def w():
    return minidl.ones(2, requires_grad=True)


def schedule():
    optimizer = optim.SGD([w()], lr=1.0)
    result = optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.step()
    return result


def double():
    return minidl.ones(2, dtype=minidl.float64, requires_grad=True)


class WithoutSupport(distributions.Distribution):
    arg_constraints = {}

    def log_prob(self, value):
        return self._validated(value)


class P(WithoutSupport):
    pass


class Q(WithoutSupport):
    pass


def ambiguous_kl():
    for pair in ((P, WithoutSupport), (WithoutSupport, Q)):
        distributions.register_kl(*pair)(lambda p, q: w())
    distributions.kl_divergence(P(), Q())


def singular_wishart():
    matrix = minidl.tensor([[1.0, 0.0], [1.0, 1e-4]])
    distributions.Wishart(2.0, scale_tril=matrix).sample((500,))


def fid_of_two_images():
    fid = FrechetInceptionDistance(nn.Flatten())
    for real in (True, False):
        fid.update(minidl.rand(2, 5), real=real)
    return fid


def many_detections():
    many = {"boxes": minidl.ones(101, 4), "scores": minidl.ones(101), "labels": minidl.ones(101).long()}
    MeanAveragePrecision().update([many], [many])


WEIGHT = double()
ZERO = minidl.tensor([0])

WARNINGS = [
    ("autograd/profiler/exporting.py", lambda: minidl.autograd.profiler.emit_nvtx().__enter__()),
    ("autograd/grad_mode.py", lambda: minidl.no_grad()(Named)),
    ("amp/autocast_mode.py", lambda: minidl.autocast("cuda")),
    ("amp/autocast_mode.py", lambda: minidl.autocast("cpu", dtype=minidl.float64)),
    ("amp/grad_scaler.py", lambda: minidl.amp.GradScaler("cuda")),
    ("autograd/gradcheck.py", lambda: gradcheck(lambda x: x * WEIGHT, (double(),))),
    ("autograd/gradcheck_subject.py", lambda: gradcheck(lambda x: x * 1, (w(),), eps=1e-2, atol=1e-1)),
    ("autograd/gradcheck_subject.py", lambda: gradcheck(nn.Linear(2, 2).double(), (double().detach(),))),
    ("ops/base/out.py", lambda: minidl.add(w().detach(), 1, out=minidl.ones(3))),
    ("ops/elementwise/selection.py", lambda: minidl.where(ZERO.byte(), ZERO, 1)),
    ("distributions/distribution.py", lambda: distributions.Distribution()),
    ("distributions/distribution.py", lambda: distributions.Normal(0.0, 1.0).sample_n(2)),
    ("distributions/distribution.py", lambda: WithoutSupport(validate_args=True).log_prob(w())),
    ("distributions/kl/registry.py", ambiguous_kl),
    ("distributions/wishart.py", lambda: distributions.Wishart(1.5, minidl.eye(2))),
    ("distributions/wishart.py", singular_wishart),
    ("metrics/functional/counts.py", lambda: M.confusion_matrix(ZERO, ZERO, num_classes=2, normalize="true")),
    ("metrics/functional/curves.py", lambda: M.roc(minidl.rand(1), ZERO)),
    ("metrics/functional/curves.py", lambda: M.average_precision(minidl.rand(1), ZERO)),
    ("metrics/functional/curves.py", lambda: M.average_precision(minidl.rand(1, 2), ZERO)),
    ("metrics/detection.py", lambda: many_detections()),
    ("metrics/functional/image.py",
     lambda: M.peak_signal_noise_ratio(minidl.rand(2), minidl.rand(2), 1.0, reduction="none")),
    ("metrics/generative.py", lambda: fid_of_two_images().compute()),
    ("metrics/metric.py", lambda: Accuracy(task="binary").compute()),
    ("cluster/kmeans.py", lambda: KMeans(2).fit(np.ones((3, 1)))),
    ("estimators/inputs.py", lambda: knn(True)[0].predict(knn(False)[1])),
    ("estimators/inputs.py", lambda: knn(False)[0].predict(knn(False)[1].view(Named))),
    ("neighbors/labels.py", lambda: KNeighborsClassifier(1).fit(np.ones((2, 1)), np.ones((2, 1), int))),
    ("jit/__init__.py", lambda: minidl.jit.trace(nn.Dropout(), minidl.ones(99))),
    ("nn/module/hooks.py", hook_that_fails),
    ("nn/init.py", lambda: nn.init.uniform(minidl.ones(2))),
    ("nn/init.py", lambda: nn.init.kaiming_uniform_(minidl.ones(0, 2))),
    ("nn/module/module.py", lambda: nn.Linear(2, 2).load_state_dict({"elsewhere.weight": w()}, strict=False)),
    ("nn/norm.py", lambda: nn.InstanceNorm2d(3)(minidl.ones(1, 2, 4, 4))),
    ("nn/rnn.py", lambda: nn.LSTM(2, 3, dropout=0.5)),
    ("nn/utils/clip_grad.py", lambda: nn.utils.clip_grad_norm([w()], 1.0)),
    ("nn/utils/norms_by_hooks.py", lambda: nn.utils.weight_norm(nn.Linear(2, 3))),
    ("ops/base/conversion.py", lambda: minidl.ones(2, dtype=minidl.complex64).to(minidl.float32)),
    ("ops/base/old_orders.py", lambda: minidl.ones(2).add(2, minidl.ones(2))),
    ("ops/index/items.py", lambda: minidl.ones(2, 2)[[[0, 1], [1, 0]]]),
    ("ops/loss/losses.py", lambda: nn.KLDivLoss()(minidl.zeros(2, 3), minidl.ones(2, 3))),
    ("ops/activation/softmaxes.py", lambda: guessed_dim(nn.Softmax)),
    ("ops/reduce/sums.py", lambda: minidl.ones(0, 1).std(1)),
    ("ops/random/dropouts.py", lambda: nn.Dropout2d()(minidl.ones(2, 3))),
    ("ops/fft/short_time.py",
     lambda: minidl.istft(minidl.ones(3, 9, dtype=minidl.complex64), 4, length=99, window=minidl.ones(4))),
    ("optim/lr_scheduler/scheduler.py", lambda: optim.lr_scheduler.StepLR(optim.SGD([w()], lr=1.0), 1).step()),
    ("optim/lr_scheduler/scheduler.py", lambda: schedule().step(3)),
    ("optim/lr_scheduler/scheduler.py", lambda: schedule().get_lr()),
    ("optim/lr_scheduler/plateau.py",
     lambda: optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([w()], lr=1.0)).step(1.0, 3)),
    ("optim/optimizer.py", lambda: optim.Adam([w()] * 2)),
    ("serialization/interface.py", bfloat16_file),
    ("tensors/tensor.py", lambda: (w() * 2).grad),
    ("backends/settings.py", lambda: minidl.set_float32_matmul_precision("low")),
    ("utils/data/dataloader.py", lambda: iter(DataLoader([1], pin_memory=True))),
    ("utils/data/dataset.py", lambda: random_split(range(2), [0.9, 0.05, 0.05])),
    ("vision/models/_api.py", lambda: models.squeezenet1_1(None)),
    ("vision/models/_api.py", lambda: models.squeezenet1_1(pretrained=False)),
    ("vision/models/detection/backbone_utils.py",
     lambda: models.detection.backbone_utils._validate_trainable_layers(False, 1, 5, 3)),
    ("vision/models/detection/ssd.py", lambda: models.detection.ssd.without_size({"size": (512, 512)})),
    ("vision/models/_api.py", lambda: models.get_model("squeezenet1_1", weights=False)),
    ("vision/models/feature_extraction.py", lambda: get_graph_node_names(Drops(), concrete_args={"x": minidl.ones(2)})),
    ("vision/models/googlenet.py", lambda: without_heads(nn.Module(), {"aux_logits": True})),
    ("vision/models/mnasnet.py", lambda: models.MNASNet(0.5).load_state_dict(of_version_1(), strict=False)),
    ("vision/transforms/functional.py",
     lambda: transforms.functional.resize(Image.new("L", (4, 4)), [2, 2], antialias=False)),
    ("vision/transforms/geometry.py", lambda: transforms.RandomResizedCrop(4, scale=(1.0, 0.5))),
    ("vision/transforms/v2/augment.py", lambda: v2.RandomErasing(scale=(0.5, 0.1))),
    ("vision/transforms/v2/augment.py", lambda: v2.RandomErasing(p=1.0)(picture(), tv_tensors.Mask(picture()))),
    ("vision/transforms/v2/convert.py", lambda: v2.ToTensor()),
    ("vision/transforms/v2/convert.py", lambda: v2.ToDtype({minidl.Tensor: None, tv_tensors.Image: None})),
    ("vision/transforms/v2/convert.py", lambda: v2.ToDtype({"others": None}, scale=True)(picture())),
    ("vision/transforms/v2/sizes.py", lambda: v2.RandomResizedCrop(4, scale=(1.0, 0.5))),
    ("vision/transforms/v2/sizes.py",
     lambda: v2.FiveCrop(2)(picture(), tv_tensors.KeyPoints([[1, 2]], canvas_size=(5, 5)))),
    ("vision/transforms/v2/functional/dtypes.py", lambda: v2.functional.to_tensor(Image.new("L", (4, 4)))),
    ("vision/transforms/v2/functional/geometry_on_images.py",
     lambda: v2.functional.resize(Image.new("L", (4, 4)), [2, 2], antialias=False)),
    ("vision/transforms/v2/functional/meta.py", lambda: v2.functional.get_image_size(Image.new("L", (4, 4)))),
    ("vision/utils.py", lambda: draw_bounding_boxes(picture(), minidl.zeros(0, 4))),
    ("vision/utils.py", lambda: draw_bounding_boxes(picture(), minidl.tensor([[1, 1, 3, 3]]), font_size=9)),
    ("vision/utils.py", lambda: draw_segmentation_masks(picture(), minidl.zeros(0, 5, 5, dtype=minidl.bool))),
]
"""Where a warning is given, and a call that brings it about."""


@pytest.mark.parametrize("place, call", WARNINGS, ids=[f"{i}-{place}" for i, (place, _) in enumerate(WARNINGS)])
def test_a_warning_points_at_the_line_of_the_user(place, call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    said = [(w.filename, str(w.message)) for w in caught]
    assert {Path(w.filename).name for w in caught} == {"test_warnings.py"}, said


@pytest.mark.parametrize("call", [
    lambda: F.log_softmax(minidl.ones(2, 3)), lambda: F.softmin(minidl.ones(2, 3)),
    lambda: nn.LogSoftmax()(minidl.ones(2, 3)), lambda: nn.Sequential(nn.Softmax())(minidl.ones(2, 3)),
    lambda: F.kl_div(minidl.zeros(2, 3), minidl.ones(2, 3)), lambda: nn.GRU(2, 3, 1, dropout=0.1),
    lambda: minidl.ones(2, dtype=minidl.complex64).float(), lambda: minidl.ones(2, dtype=minidl.complex128).int(),
    lambda: optim.SGD([{"params": [w()] * 2}, {"params": [w()]}], lr=1.0), lambda: optim.LBFGS([w()] * 2),
    lambda: optim.lr_scheduler.OneCycleLR(optim.SGD([w()], lr=1.0), 1.0, 5).step(),
    lambda: minidl.autocast("cpu", dtype=minidl.float64)(lambda x: x)(1),
    lambda: minidl.abs(w().detach(), out=minidl.ones(3))])
def test_by_whichever_way_it_comes(call):
    test_a_warning_points_at_the_line_of_the_user("", call)


def test_every_warning_is_in_the_table():
    given = Counter()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("warn", "warnings.warn"):
                given[path.relative_to(PACKAGE).as_posix()] += 1
    assert given.pop("backend/warn.py") == 1    # all others go through this one
    assert given.pop("backend/process.py") == 1     # but that of an import: see tests/backend/test_process.py
    assert given == Counter(place for place, _ in WARNINGS)
