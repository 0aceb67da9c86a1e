"""What the errors say: who refused, what it expected, what it got, and what to try.

One table over the whole library: a wrong call, the exception that it raises, and what its text must contain. The text
includes the notes that an error collects on its way up.
"""
from __future__ import annotations

import io
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minidl
import minidl.nn.functional as F
from minidl import nn, optim
from minidl.neighbors import KNeighborsClassifier
from minidl.utils.data import DataLoader, TensorDataset
from minidl.vision.datasets.base.idx import read_idx
from tests import strict_array


def x(*shape: int, **kwargs: Any) -> Any:
    """A tensor of ones."""
    return minidl.ones(*shape, **kwargs)


def leaf(*shape: int) -> Any:
    return minidl.ones(*shape, requires_grad=True)


def labels(*values: float) -> Any:
    return minidl.tensor(list(values))


def integers(*shape: int) -> Any:
    return minidl.ones(*shape, dtype=minidl.int64)


def elsewhere(*shape: int) -> Any:
    """A tensor on another device than the CPU."""
    return strict_array.leaf(minidl.ones(*shape))


# ---------------------------------------------------------------------- calls that take more than one expression

def second_backward() -> None:
    loss = (leaf(2) ** 2).sum()
    loss.backward()
    loss.backward()


def overwrite_a_kept_value() -> None:
    y = leaf(3) * 2
    loss = (y * y).sum()
    y += 1
    loss.backward()


def overwrite_what_cross_entropy_kept() -> None:
    scores = leaf(2, 3) * 1
    target = labels(0, 1)
    loss = F.cross_entropy(scores, target)
    target[0] = 2
    loss.backward()


def assign(tensor: Any, name: str, value: Any) -> None:
    setattr(tensor, name, value)


def set_item(tensor: Any, index: Any, value: Any) -> None:
    tensor[index] = value


def hook_that_returns(value: Any) -> None:
    y = leaf(2)
    y.register_hook(lambda g: value)
    (y * 2).sum().backward()


class Twice(minidl.autograd.Function):
    """A function whose gradient is whatever it is told to be."""

    @staticmethod
    def forward(ctx: Any, a: Any, gradient: Any) -> Any:
        ctx.gradient = gradient
        return a * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return ctx.gradient, None


class ClosedFile:
    """A dataset that reads from a file which somebody has closed."""

    def __init__(self) -> None:
        self.file = io.BytesIO(b"0123")
        self.file.close()

    def __getitem__(self, index: int) -> int:
        return self.file.seek(index)

    def __len__(self) -> int:
        return 4


class Forgetful(nn.Module):
    """A network that a beginner wrote."""

    def forward(self, x: Any) -> Any:
        x.relu()

    class Misspelled(nn.Module):
        def foward(self, x: Any) -> Any:
            return x


# ---------------------------------------------------------------------- the table

ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    # numbers that do not fit, and arguments that are none
    "number beyond uint8": (lambda: minidl.tensor(300, dtype=minidl.uint8), RuntimeError,
                            ["uint8 without overflow", "255"]),
    "list beyond int8": (lambda: minidl.tensor([1, -300], dtype=minidl.int8), RuntimeError, ["int8 without overflow"]),
    "nan as a whole number": (lambda: minidl.tensor([float("nan")], dtype=minidl.int64), RuntimeError, ["int64"]),
    "full beyond uint8": (lambda: minidl.full((2,), 300, dtype=minidl.uint8), RuntimeError, ["uint8 without overflow"]),
    "integer beyond int64": (lambda: minidl.tensor(2 ** 70), ValueError, ["Overflow", "int64", "float64"]),
    "tensor of None": (lambda: minidl.tensor([None]), RuntimeError, ["Could not infer dtype of NoneType"]),
    "full of None": (lambda: minidl.full((2,), None), TypeError, ["full()", "fill_value", "Number", "NoneType"]),
    "eye of -1": (lambda: minidl.eye(-1), RuntimeError, ["eye", "n must be non-negative", "-1"]),
    "eye of a float": (lambda: minidl.eye(2, 2.5), TypeError, ["eye()", "'m'", "int", "float"]),
    "linspace of -1": (lambda: minidl.linspace(0, 1, -1), RuntimeError, ["linspace", "steps must be non-negative"]),
    "logspace of -1": (lambda: minidl.logspace(0, 1, -1), RuntimeError, ["logspace", "steps must be non-negative"]),
    "arange to nan": (lambda: minidl.arange(float("nan")), RuntimeError, ["unsupported range", "nan"]),
    "randint of a float": (lambda: minidl.randint(2.5, (2,)), TypeError, ["randint()", "'high'", "int", "float"]),
    "randint below uint8": (lambda: minidl.randint(-5, 3, (2,), dtype=minidl.uint8), RuntimeError,
                            ["from is out of bounds", "uint8", "-5"]),
    "randperm of -1": (lambda: minidl.randperm(-1), RuntimeError, ["randperm", "n must be non-negative"]),
    "normal of a negative std": (lambda: minidl.normal(x(2), -x(2)), RuntimeError, ["std >= 0"]),
    "normal of two shapes": (lambda: minidl.normal(x(2), x(3)), RuntimeError, ["normal", "(>2<)", "(>3<)"]),
    "tril_indices of -1": (lambda: minidl.tril_indices(-1, 2), RuntimeError, ["tril_indices", "row"]),
    "tril of a float": (lambda: minidl.tril(x(2, 2), 1.5), TypeError, ["tril()", "'diagonal'", "int", "float"]),
    "rot90 of a float": (lambda: minidl.rot90(x(2, 2), 1.5), TypeError, ["rot90()", "'k'", "int", "float"]),
    "masked_fill with None": (lambda: x(2).masked_fill(x(2) > 0, None), TypeError,
                              ["masked_fill()", "value", "Number"]),
    "index_fill with a list": (lambda: x(2).index_fill(0, labels(0), [1.0]), TypeError,
                               ["index_fill()", "value", "list"]),
    "threshold with None": (lambda: F.threshold(x(2), 1, None), TypeError, ["threshold()", "value", "NoneType"]),
    "renorm of order -1": (lambda: minidl.renorm(x(2, 2), -1, 0, 1), RuntimeError, ["renorm", "non-positive-norm"]),
    "renorm to -1": (lambda: minidl.renorm(x(2, 2), 2, 0, -1.0), RuntimeError, ["renorm", "maxnorm to be >= 0"]),
    "cross of two dimensions": (lambda: minidl.cross(x(2, 3), x(3)), RuntimeError, ["cross", "2 and 1"]),
    "chain_matmul of a vector": (lambda: minidl.chain_matmul(x(2), x(2, 2)), RuntimeError, ["chain_matmul", "(2,)"]),
    "unravel_index": (lambda: minidl.unravel_index(labels(1), (0, 2)), ValueError, ["unravel_index", "(0, 2)"]),
    "searchsorted of a list": (lambda: minidl.searchsorted(x(2), [1]), TypeError, ["searchsorted()", "input", "list"]),
    "prelu with a matrix": (lambda: F.prelu(x(2, 2), x(1, 2)), RuntimeError, ["prelu", "ndim = 2"]),
    "unique of a list": (lambda: minidl.unique([1, 1]), TypeError, ["unique()", "input", "list"]),
    "None to a power": (lambda: minidl.pow(None, x(1)), TypeError, ["pow()", "input", "NoneType"]),
    "float of several": (lambda: float(x(2)), ValueError, ["only one element tensors", "(2,)", ".tolist()"]),
    "int of several": (lambda: int(x(2)), ValueError, ["only one element tensors"]),
    "requires_grad_ of a str": (lambda: x(2).requires_grad_("yes"), TypeError, ["requires_grad_()", "bool", "str"]),

    # shapes
    "add": (lambda: x(2, 3) + x(4), RuntimeError, ["Add", "(2, >3<)", "(>4<)", "reshape"]),
    "matmul": (lambda: x(2, 3) @ x(2, 3), RuntimeError, ["matmul", "2x3 and 2x3", "3 columns meet 2 rows", ".mT"]),
    "bmm": (lambda: minidl.bmm(x(2, 3), x(2, 3)), RuntimeError, ["bmm", "3D", "2D", "matmul"]),
    "linear": (lambda: F.linear(x(2, 3), x(4, 2)), RuntimeError, ["linear", "(2, 3)", "2x4"]),
    "linear bias": (lambda: F.linear(x(2, 3), x(4, 3), x(3)), RuntimeError, ["linear", "bias", "(4,)", "(3,)"]),
    "conv2d channels": (lambda: F.conv2d(x(1, 3, 5, 5), x(4, 2, 3, 3)), RuntimeError,
                        ["conv2d", "input (1, 3, 5, 5)", "weight (4, 2, 3, 3)", "groups=1"]),
    "conv2d kernel": (lambda: F.conv2d(x(1, 3, 5, 5), x(4, 3, 7, 7)), RuntimeError,
                      ["conv2d", "(5 x 5)", "(7 x 7)", "try padding or a smaller kernel"]),
    "conv2d rank": (lambda: nn.Conv2d(3, 4, 3)(x(2, 3)), RuntimeError, ["conv2d", "(N, C, H, W)", "(2, 3)", "try"]),
    "max_pool2d": (lambda: F.max_pool2d(x(1, 2, 3, 3), 5), RuntimeError, ["max_pool2d", "(2, 3, 3)", "smaller kernel"]),
    "cat": (lambda: minidl.cat([x(2, 3), x(2, 4)]), RuntimeError, ["cat", "(2, 3)", "(2, 4)", "axis 1"]),
    "stack": (lambda: minidl.stack([x(2, 3), x(3, 3)]), RuntimeError, ["stack", "[2, 3]", "[3, 3] at entry 1"]),
    "mse_loss": (lambda: F.mse_loss(x(4, 1), x(4)), RuntimeError, ["mse_loss", "(4, 1)", "(4,)", "squeeze"]),
    "cross_entropy batch": (lambda: F.cross_entropy(x(2, 3), labels(0, 1, 2)), ValueError,
                            ["cross_entropy", "batch_size (2)", "batch_size (3)"]),
    "cross_entropy weight": (lambda: F.cross_entropy(x(2, 3), labels(0, 1), weight=x(2)), RuntimeError,
                             ["cross_entropy", "all 3 classes", "(2,)"]),
    "batch_norm": (lambda: F.batch_norm(x(2, 3), x(2), x(2)), RuntimeError,
                   ["batch_norm", "running_mean", "3 elements", "(2, 3)", "(2,)"]),
    "batch_norm one sample": (lambda: F.batch_norm(x(1, 3), None, None, training=True), ValueError,
                              ["batch_norm", "more than 1 value per channel", "(1, 3)", "eval()"]),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3)(x(2, 3)), ValueError, ["BatchNorm2d", "4D", "(2, 3)"]),
    "view": (lambda: x(2, 3).view(7), RuntimeError, ["view", "[7]", "size 6"]),
    "view of a transpose": (lambda: x(2, 3).T.view(6), RuntimeError, ["view", "[3, 2]", "stride", "reshape"]),
    "expand": (lambda: x(2, 3).expand(2, 4), RuntimeError, ["expand", "(4)", "(3)", "[2, 3]"]),
    "in place": (lambda: x(3).add_(x(4, 3)), RuntimeError, ["Add", "(3,)", "(4, 3)", "cannot grow"]),
    "setitem": (lambda: set_item(x(2, 3), 0, x(4)), RuntimeError, ["setitem", "[4]", "[3]"]),
    "assigned grad": (lambda: assign(leaf(2), "grad", x(1)), RuntimeError, ["grad", "(1,)", "(2,)", "reshape"]),
    "collate": (lambda: list(DataLoader([x(2), x(3)], batch_size=2)), RuntimeError,
                ["default_collate", "(2,) at entry 0", "(3,) at entry 1", "pad"]),
    "load_state_dict": (lambda: nn.Linear(2, 3).load_state_dict({"weight": x(3, 3), "bias": x(3)}), RuntimeError,
                        ["Linear", "weight", "(3, 3)", "(3, 2)"]),

    # dtypes
    "float labels": (lambda: F.cross_entropy(x(2, 3), labels(0.0, 1.0)), RuntimeError,
                     ["cross_entropy", "int64", "float32", "(2, 3) holds probabilities"]),
    "float labels of nll_loss": (lambda: F.nll_loss(x(2, 3), labels(0.0, 1.0)), RuntimeError,
                                 ["nll_loss", "int64", "float32", "target.long()"]),
    "whole numbers in conv2d": (lambda: F.conv2d(integers(1, 1, 5, 5), x(1, 1, 3, 3)), RuntimeError,
                                ["conv2d", "floating-point", "int64", "input.float()"]),
    "whole numbers in linear": (lambda: nn.Linear(3, 2)(integers(2, 3)), RuntimeError,
                                ["linear", "int64 != float32", "try input.float()"]),
    "whole numbers in cross_entropy": (lambda: F.cross_entropy(integers(2, 3), labels(0, 1)), RuntimeError,
                                       ["cross_entropy", "input", "int64", "input.float()"]),
    "mean": (lambda: integers(2).mean(), RuntimeError, ["mean", "floating", "int64", "x.float()"]),
    "in place into whole numbers": (lambda: integers(2).add_(x(2)), RuntimeError,
                                    ["Add", "float32", "int64", "out-of-place"]),
    "float index": (lambda: x(2, 3).gather(1, x(2, 1)), RuntimeError, ["gather", "int64", "float32", ".long()"]),
    "condition": (lambda: minidl.where(x(2), x(2), x(2)), RuntimeError, ["where", "bool", "float32", "x > 0"]),
    "assigned data": (lambda: assign(leaf(2), "data", integers(2)), RuntimeError, ["floating", "int64", "float32"]),

    # numbers out of range
    "label": (lambda: F.cross_entropy(x(2, 3), labels(0, 3)), IndexError,
              ["Target 3", "cross_entropy", "index 1", "3 classes", "from 0 to 2"]),
    "negative label": (lambda: F.nll_loss(x(2, 3), labels(0, -1)), IndexError, ["Target -1", "nll_loss", "0 to 2"]),
    "embedding": (lambda: F.embedding(labels(5), x(3, 2)), IndexError, ["embedding", "index 5", "size 3", "0 to 2"]),
    "gather": (lambda: x(2, 3).gather(1, minidl.tensor([[5]])), RuntimeError, ["gather", "index 5", "size 3"]),
    "index": (lambda: x(2, 3)[5], IndexError, ["index 5", "dimension 0", "size 2"]),
    "dim": (lambda: x(2, 3).sum(3), IndexError, ["sum", "[-2, 1]", "got 3"]),
    "dim of softmax": (lambda: F.softmax(x(2), dim=4), IndexError, ["softmax", "[-1, 0]", "got 4"]),
    "learning rate": (lambda: optim.SGD([leaf(2)], lr=float("nan")), ValueError, ["learning rate", "nan"]),
    "momentum": (lambda: optim.SGD([leaf(2)], lr=0.1, momentum=float("nan")), ValueError, ["momentum", "nan"]),
    "betas": (lambda: optim.Adam([leaf(2)], betas=(1.0, 0.9)), ValueError, ["beta", "index 0", "1.0"]),
    "dropout": (lambda: F.dropout(x(2), 1.5), ValueError, ["between 0 and 1", "1.5"]),
    "batch size": (lambda: DataLoader([1], batch_size=0), ValueError, ["DataLoader", "positive integer", "0"]),

    # what is no tensor
    "list + tensor": (lambda: x(2) + [1, 2], TypeError, ["Add", "Tensor or a number", "list", "minidl.tensor"]),
    "exp of a list": (lambda: minidl.exp([1.0]), TypeError, ["exp()", "Tensor", "list", "minidl.tensor"]),
    "relu of None": (lambda: F.relu(None), TypeError, ["relu()", "Tensor", "NoneType"]),
    "sum of a dict": (lambda: minidl.sum({"a": 1}), TypeError, ["sum", "Tensor", "dict"]),
    "softmax of a list": (lambda: F.softmax([1.0], dim=0), TypeError, ["softmax", "input", "Tensor", "list"]),
    "Linear of a list": (lambda: nn.Linear(2, 3)([1.0, 2.0]), TypeError, ["linear", "input", "Tensor", "list"]),
    "Linear of None": (lambda: nn.Linear(2, 3)(None), TypeError, ["linear", "input", "Tensor", "NoneType"]),
    "Conv2d of a str": (lambda: nn.Conv2d(3, 4, 3)("x"), TypeError, ["conv2d", "input", "Tensor", "str"]),
    "cat with a list": (lambda: minidl.cat([x(2), [1, 2]]), TypeError, ["cat", "element 1", "Tensor", "list"]),
    "stack of None": (lambda: minidl.stack(None), TypeError, ["stack", "tuple or list of Tensors", "NoneType"]),
    "list as index": (lambda: x(2, 3).gather(1, [0]), TypeError, ["gather", "index", "Tensor", "list"]),
    "list as mask": (lambda: x(2).masked_fill([True], 0), TypeError, ["masked_fill", "mask", "Tensor", "list"]),
    "cross_entropy of None": (lambda: F.cross_entropy(None, labels(0)), TypeError,
                              ["cross_entropy", "input", "NoneType"]),
    "list of labels": (lambda: F.cross_entropy(x(2, 3), [0, 1]), TypeError, ["cross_entropy", "target", "list"]),
    "tensor of a str": (lambda: minidl.tensor("abc"), TypeError, ["tensor", "numbers", "str"]),
    "ragged tensor": (lambda: minidl.tensor([[1, 2], [3]]), ValueError, ["tensor", "equal length", "pad"]),
    "str as index": (lambda: x(2)["a"], TypeError, ["integers", "slices", "str"]),
    "Parameter": (lambda: nn.Parameter([1.0]), TypeError, ["Parameter", "Tensor", "list", "minidl.tensor"]),
    "one parameter": (lambda: optim.SGD(leaf(2), lr=0.1), TypeError, ["iterable", "Tensor", "[params]"]),
    "grad of a list": (lambda: assign(leaf(2), "grad", [1.0, 2.0]), TypeError, ["grad", "Tensor", "list"]),
    "data of a list": (lambda: assign(leaf(2), "data", [1.0, 2.0]), TypeError, ["data", "Tensor", "list"]),
    "a number as dataset": (lambda: DataLoader(5), TypeError, ["DataLoader", "__getitem__", "int"]),
    "TensorDataset of lists": (lambda: TensorDataset([1], [2]), AttributeError, ["TensorDataset", "Tensors", "list"]),
    "None in a batch": (lambda: list(DataLoader([x(2), None], batch_size=2)), TypeError,
                        ["default_collate", "entry 1", "NoneType", "collate_fn"]),
    "backward of a list": (lambda: leaf(2).backward([1.0, 1.0]), TypeError, ["gradients", "Tensors or None", "float"]),
    "grad of a number": (lambda: minidl.autograd.grad(3, leaf(2)), TypeError, ["Tensor", "int"]),
    "kNN unfitted": (lambda: KNeighborsClassifier().predict(x(2, 3)), Exception, ["fit"]),

    # gradients
    "whole numbers that require grad": (lambda: minidl.tensor([1, 2], requires_grad=True), RuntimeError,
                                        ["floating", "int64", ".float()"]),
    "requires_grad_ of whole numbers": (lambda: leaf(2).int().requires_grad_(), RuntimeError,
                                        ["floating", "int32", ".float()"]),
    "backward of whole numbers": (lambda: integers(2).sum().backward(), RuntimeError,
                                  ["does not require grad", "Set requires_grad=True"]),
    "backward of many numbers": (lambda: leaf(3).backward(), RuntimeError, ["scalar", "(3,)", "loss.mean()"]),
    "backward without a graph": (lambda: x(2).sum().backward(), RuntimeError, ["does not require grad", "no_grad()"]),
    "gradient of another shape": (lambda: leaf(3).backward(x(2)), RuntimeError, ["shape", "(2,)", "(3,)"]),
    "unused input": (lambda: minidl.autograd.grad(leaf(2).sum(), leaf(2)), RuntimeError,
                     ["not have been used", "input 0", "allow_unused=True"]),
    "second backward": (second_backward, RuntimeError, ["second time", "retain_graph=True", "in the gradient of Pow"]),
    "overwritten": (overwrite_a_kept_value, RuntimeError,
                    ["modified by an inplace operation", "of Mul", "(3,)", "last written by Add", "clone()",
                     "in the gradient of Mul"]),
    "overwritten target": (overwrite_what_cross_entropy_kept, RuntimeError,
                           ["'target' of CrossEntropy", "last written by setitem", "in the gradient of CrossEntropy"]),
    "leaf written in place": (lambda: leaf(2).add_(1), RuntimeError, ["Add", "leaf", "no_grad()", "clone()"]),
    "expanded tensor written": (lambda: x(2).expand(3, 2).add_(1), RuntimeError, ["Add", "(3, 2)", "clone()"]),
    "numpy of a leaf": (lambda: leaf(2).numpy(), RuntimeError, ["numpy()", "requires grad", "detach()"]),
    "hook's shape": (lambda: hook_that_returns(x(3)), RuntimeError, ["hook", "(2,)", "(3,)"]),
    "hook's type": (lambda: hook_that_returns(1.0), TypeError, ["hook", "Tensor or None", "float"]),
    "Function's gradient": (lambda: Twice.apply(leaf(2), 1.0).sum().backward(), TypeError,
                            ["TwiceBackward", "index 0", "float", "in the gradient of TwiceBackward"]),
    "Function's gradient's shape": (lambda: Twice.apply(leaf(2), x(3)).sum().backward(), RuntimeError,
                                    ["TwiceBackward", "index 0", "[3]", "[2]"]),

    # what beginners do
    "Adam of a model": (lambda: optim.Adam(nn.Linear(2, 3)), TypeError,
                        ["optimizer", "iterable", "got Linear", "try model.parameters()"]),
    "parameters not called": (lambda: optim.SGD(nn.Linear(2, 3).parameters), TypeError,
                              ["got method", "try model.parameters()", "parentheses"]),
    "optimizer of a state dict": (lambda: optim.SGD(nn.Linear(2, 3).state_dict()), TypeError,
                                  ["got OrderedDict", "try model.parameters()"]),
    "optimizer of named parameters": (lambda: optim.SGD(dict(nn.Linear(2, 3).named_parameters())), TypeError,
                                      ["got dict", "try model.parameters()"]),
    "optimizer of None": (lambda: optim.AdamW(None), TypeError, ["got NoneType", "try model.parameters()"]),
    "optimizer of models": (lambda: optim.SGD([nn.Linear(2, 3), nn.Linear(3, 2)]), TypeError,
                            ["one of the params is Linear", "model.parameters()"]),
    "optimizer of generators": (lambda: optim.SGD([nn.Linear(2, 3).parameters()]), TypeError,
                                ["one of the params is generator", "[*a.parameters(), *b.parameters()]"]),
    "optimizer of arrays": (lambda: optim.SGD([np.zeros(2)]), TypeError,
                            ["ndarray", "minidl.tensor(..., requires_grad=True)"]),
    "a group of a model": (lambda: optim.SGD([{"params": nn.Linear(2, 3)}]), TypeError,
                           ["'params' of a parameter group", "got Linear", "try model.parameters()"]),
    "optimizer of nothing": (lambda: optim.SGD(nn.ReLU().parameters()), ValueError,
                             ["empty parameter list", "used up", "list(model.parameters())"]),
    "scheduler of a number": (lambda: optim.lr_scheduler.StepLR(0.1, 3), TypeError,
                              ["float is not an Optimizer", "StepLR(optimizer, ...)"]),
    "NHWC": (lambda: nn.Conv2d(3, 8, 3)(x(4, 32, 32, 3)), RuntimeError,
             ["conv2d", "3*groups", "has 32", "(N, H, W, C)", "try input.permute(0, 3, 1, 2)"]),
    "HWC": (lambda: nn.Conv2d(3, 8, 3)(x(32, 32, 3)), RuntimeError,
            ["has 32", "(H, W, C)", "try input.permute(2, 0, 1)"]),
    "HWC of pixels": (lambda: nn.Conv2d(3, 8, 3)(np.zeros((32, 32, 3), np.uint8)), RuntimeError,
                      ["(H, W, C)", "input.permute(2, 0, 1).float() / 255"]),
    "pixels": (lambda: nn.Conv2d(3, 8, 3)(x(4, 3, 8, 8, dtype=minidl.uint8)), RuntimeError,
               ["uint8", "input.float()", "/ 255"]),
    "grey images without channels": (lambda: nn.Conv2d(1, 8, 3)(x(64, 28, 28)), RuntimeError,
                                     ["(N, H, W)", "try input.unsqueeze(1)"]),
    "one grey image": (lambda: nn.Conv2d(1, 8, 3)(x(28, 28)), RuntimeError, ["(28, 28)", "try unsqueeze(0)"]),
    "an image of PIL": (lambda: nn.Conv2d(3, 8, 3)(Image.new("RGB", (4, 4))), TypeError,
                        ["not Image", "from_numpy(np.array(image)).permute(2, 0, 1).float() / 255"]),
    "a grey image of PIL": (lambda: nn.Linear(3, 8)(Image.new("L", (4, 4))), TypeError,
                            ["not Image", "np.array(image)).unsqueeze(0)"]),
    "sequences with channels last": (lambda: nn.Conv1d(10, 4, 3)(x(2, 50, 10)), RuntimeError,
                                     ["(N, L, C)", "input.permute(0, 2, 1)"]),
    "volumes with channels last": (lambda: nn.Conv3d(2, 4, 1)(x(1, 5, 6, 7, 2)), RuntimeError,
                                   ["(N, D, H, W, C)", "permute(0, 4, 1, 2, 3)"]),
    "NHWC in a transposed convolution": (lambda: nn.ConvTranspose2d(8, 3, 2)(x(1, 5, 5, 8)), RuntimeError,
                                         ["8 input channels", "(N, H, W, C)", "permute(0, 3, 1, 2)"]),
    "NHWC in a batch norm": (lambda: nn.BatchNorm2d(3)(x(2, 8, 8, 3)), RuntimeError,
                             ["batch_norm", "(N, H, W, C)", "permute(0, 3, 1, 2)"]),
    "other channels in a batch norm": (lambda: nn.BatchNorm2d(8)(x(2, 3, 4, 4)), RuntimeError,
                                       ["batch_norm", "a layer of 8 channels was given 3"]),
    "float64 in a convolution": (lambda: nn.Conv2d(3, 8, 3)(x(1, 3, 8, 8, dtype=minidl.float64)), RuntimeError,
                                 ["float64 and float32", "try input.float()", "weight.double()"]),
    "float64 in Linear": (lambda: nn.Linear(3, 8)(x(2, 3, dtype=minidl.float64)), RuntimeError,
                          ["float64 != float32", "try input.float()"]),
    "images in Linear": (lambda: nn.Linear(784, 10)(x(64, 1, 28, 28)), RuntimeError,
                         ["1792x28 and 784x10", "28 features", "(10, 784)", "try input.flatten(1)"]),
    "features that do not fit": (lambda: nn.Linear(100, 10)(x(4, 3456)), RuntimeError,
                                 ["has 3456 features", "takes 100", "in_features=3456"]),
    "features first": (lambda: nn.Linear(10, 3)(x(10, 64)), RuntimeError, ["has 64 features", "try input.T"]),
    "features in the middle": (lambda: nn.Linear(10, 3)(x(4, 10, 64)), RuntimeError,
                               ["has 64 features", "try input.movedim(1, -1)"]),
    "one-hot": (lambda: F.cross_entropy(x(2, 3), integers(2, 3)), RuntimeError,
                ["one-hot", "target.argmax(1)", "target.float()"]),
    "a column of labels": (lambda: F.cross_entropy(x(2, 3), integers(2, 1)), RuntimeError,
                           ["(2,)", "(2, 1)", "target.squeeze(1)"]),
    "a column of float labels": (lambda: F.cross_entropy(x(2, 3), x(2, 1)), RuntimeError,
                                 ["float32", "target.squeeze(1).long()"]),
    "labels of bool": (lambda: F.cross_entropy(x(2, 2), labels(0, 1).bool()), RuntimeError, ["bool", "target.long()"]),
    "classes last": (lambda: F.cross_entropy(x(4, 7, 9), integers(4, 7)), RuntimeError,
                     ["(4, 9)", "(4, 7)", "input.movedim(-1, 1)"]),
    "target and input swapped": (lambda: F.cross_entropy(labels(0, 1), x(2, 3)), RuntimeError,
                                 ["int64", "swapped", "cross_entropy(target, input)"]),
    "labels from 1": (lambda: F.cross_entropy(x(2, 3), labels(1, 3)), IndexError,
                      ["Target 3", "0 to 2", "count from 1", "target - 1"]),
    "labels of -1": (lambda: F.cross_entropy(x(2, 3), labels(-1, 2)), IndexError, ["Target -1", "ignore_index=-1"]),
    "labels of one score": (lambda: F.cross_entropy(x(2, 1), labels(0, 1)), IndexError,
                            ["Target 1", "binary_cross_entropy_with_logits"]),
    "float tokens": (lambda: nn.Embedding(10, 3)(x(4)), RuntimeError, ["embedding", "int64", "float32", ".long()"]),
    "a list of tokens": (lambda: nn.Embedding(10, 3)([1, 2]), TypeError, ["embedding", "list", "minidl.tensor"]),
    "LSTM, features elsewhere": (lambda: nn.LSTM(10, 4)(x(3, 10, 5)), RuntimeError,
                                 ["LSTM", "Expected 10, got 5", "(3, 10, 5)", "movedim(1, -1)"]),
    "LSTM, batch first": (lambda: nn.LSTM(10, 4)(x(3, 5, 10), (x(1, 3, 4), x(1, 3, 4))), RuntimeError,
                          ["LSTM", "(1, 5, 4)", "[1, 3, 4]", "taken as (T, N, I)", "batch_first=True"]),
    "GRU, batch not first": (lambda: nn.GRU(10, 4, batch_first=True)(x(3, 5, 10), x(1, 5, 4)), RuntimeError,
                             ["GRU", "taken as (N, T, I)", "batch_first=False"]),
    "LSTM, states with the batch first": (lambda: nn.LSTM(10, 4, batch_first=True)(x(3, 5, 10),
                                                                                   (x(3, 1, 4), x(3, 1, 4))),
                                          RuntimeError, ["(1, 3, 4)", "[3, 1, 4]", "hidden.transpose(0, 1)"]),
    "LSTM, one state": (lambda: nn.LSTM(10, 4)(x(3, 5, 10), x(1, 5, 4)), RuntimeError,
                        ["(h, c)", "(h, zeros_like(h))"]),
    "LSTM in a Sequential": (lambda: nn.Sequential(nn.LSTM(10, 4), nn.Linear(4, 2))(x(3, 5, 10)), TypeError,
                             ["linear", "tuple", "LSTM", "x[0]"]),
    "a forward without return": (lambda: nn.Sequential(Forgetful(), nn.Linear(4, 2))(x(3, 4)), TypeError,
                                 ["linear", "NoneType", "forget"]),
    "a forward misspelled": (lambda: Forgetful.Misspelled()(x(2)), NotImplementedError, ["forward", "foward()"]),
    "loss as a function": (lambda: nn.MSELoss(x(2), x(2)), TypeError, ["MSELoss()", "make the module first"]),
    "layer as a function": (lambda: nn.Linear(x(2)), TypeError, ["Linear()", "out_features", "make the module first"]),
    "network as a function": (lambda: Forgetful(x(2)), TypeError, ["Forgetful()", "make the module first"]),
    "activation as a function": (lambda: nn.ReLU(x(2)).sum(), AttributeError,
                                 ["'ReLU' object has no attribute 'sum'", "module(x).sum"]),
    "a layer as input": (lambda: F.cross_entropy(nn.Softmax(1), labels(0)), TypeError,
                         ["Softmax", "call it on a Tensor first"]),
    "a class as input": (lambda: F.relu(nn.Softmax), TypeError, ["class", "Softmax(...)(x)"]),
    "a function as a layer": (lambda: nn.Sequential(nn.Linear(2, 3), F.relu), TypeError,
                              ["function is not a Module", "nn.ReLU()"]),
    "a class as a layer": (lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU), TypeError,
                           ["is not a Module subclass", "ReLU(...)"]),
    "ModuleList called": (lambda: nn.ModuleList([nn.ReLU()])(x(2)), NotImplementedError,
                          ["ModuleList", "loop", "nn.Sequential"]),
    "ModuleDict called": (lambda: nn.ModuleDict({"a": nn.ReLU()})(x(2)), NotImplementedError,
                          ["ModuleDict", "modules[key](x)"]),
    "a Tensor as weight": (lambda: assign(nn.Linear(2, 3), "weight", x(3, 2)), TypeError,
                           ["weight", "nn.Parameter(...)", "weight.data"]),
    "state dict from a path": (lambda: nn.Linear(2, 3).load_state_dict("model.pt"), TypeError,
                               ["dict-like", "str", "minidl.load("]),
    "item of several": (lambda: x(3).item(), RuntimeError, ["3 elements", "(3,)", ".tolist()"]),
    "half of an int": (lambda: nn.Linear(784 / 2, 10), TypeError,
                       ["tuple of ints", "392.0 (float) in (10, 392.0)", "n // 2"]),
    "zeros of a float": (lambda: minidl.zeros(3.0), TypeError, ["size", "3.0 (float)"]),
    "view of a float": (lambda: x(4).view(2.0, 2), TypeError, ["size", "2.0 (float)"]),
    "dropout of a str": (lambda: nn.Dropout("0.5"), TypeError, ["dropout probability", "'0.5' (str)"]),
    "format of several": (lambda: f"{x(3):.2f}", TypeError, ["unsupported format string", "'.2f'", "(3,)", ".item()"]),
    "clipping a model": (lambda: nn.utils.clip_grad_norm_(nn.Linear(2, 2), 1.0), TypeError,
                         ["got Linear", "model.parameters()"]),
    "layers in a list": (lambda: optim.SGD(Forgetful().parameters()), ValueError, ["no parameters", "nn.ModuleList"]),
    "argument of a method": (lambda: x(3).sum(dims=1), TypeError, ["sum()", "'dims'"]),
    "too few for a method": (lambda: x(3, 2).transpose(), TypeError, ["transpose()", "dim0"]),
    "cat of two": (lambda: minidl.cat(x(2, 3), x(2, 3)), TypeError, ["cat", "Tensor of shape (2, 3)", "cat([a, b])"]),
    "a dataset without length": (lambda: DataLoader(minidl.utils.data.Dataset(), shuffle=True), TypeError,
                                 ["no len()", "__len__", "IterableDataset"]),

    # devices
    "two devices": (lambda: x(2) + elsewhere(2), RuntimeError, ["Add", "same device", "cpu and strict", ".to(device)"]),
    "Linear elsewhere": (lambda: nn.Linear(2, 3)(elsewhere(1, 2)), RuntimeError, ["Linear", "same device", "(1, 2)"]),
    "labels elsewhere": (lambda: F.cross_entropy(x(1, 3), labels(0).to("strict")), RuntimeError,
                         ["CrossEntropy", "same device", "(1,) int64 on strict"]),
    "two devices, many tensors": (lambda: minidl.cat([x(2), x(2), elsewhere(2), elsewhere(2)]), RuntimeError,
                                  ["Cat", "same device, but found cpu and strict:", ".to(device)"]),
    "LBFGS of two devices": (lambda: optim.LBFGS([leaf(2), elsewhere(2).requires_grad_()]).step(lambda: x(1).sum()),
                             RuntimeError, ["LBFGS", "same device", "cpu and strict"]),
    "two devices in index_add": (lambda: x(3).index_add(0, labels(0, 1), elsewhere(2)), RuntimeError,
                                 ["index_add", "same device", "cpu and strict"]),
    "two devices in grid_sample": (lambda: F.grid_sample(x(1, 1, 2, 2), elsewhere(1, 1, 1, 2)), RuntimeError,
                                   ["grid_sample", "same device", "cpu and strict"]),
    "margin labels elsewhere": (lambda: F.multi_margin_loss(x(1, 3), labels(0).to("strict")), RuntimeError,
                                ["multi_margin_loss", "same device", "(1,) int64 on strict"]),
    "many margin labels elsewhere": (lambda: F.multilabel_margin_loss(x(3), labels(0, -1, -1).to("strict")),
                                     RuntimeError,
                                     ["multilabel_margin_loss", "same device", "(1, 3) int64 on strict"]),
    "gradient elsewhere": (lambda: setattr(leaf(2), "grad", elsewhere(2)), RuntimeError,
                           ["grad", "same device", "cpu and strict", ".to(device)"]),
    "backward from elsewhere": (lambda: (leaf(2) * 2).backward(elsewhere(2)), RuntimeError,
                                ["grad_output[0]", "same device", "cpu and strict"]),
    "unknown device": (lambda: x(2).to("tpu"), RuntimeError, ["cpu", "cuda", "tpu"]),

    # files
    "closed data file": (lambda: list(DataLoader(ClosedFile(), batch_size=2)), ValueError,
                         ["closed file", "sample 0 of the ClosedFile"]),
    "vanished data file": (lambda: read_idx("no/such/file.gz"), FileNotFoundError, ["read_idx", "no/such/file.gz"]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_the_error_says_what_is_wrong(name):
    call, kind, parts = ERRORS[name]
    with pytest.raises(kind) as caught:
        call()
    text = "".join(traceback.format_exception_only(caught.type, caught.value))
    for part in parts:
        assert part in text, f"{part!r} is missing in: {text}"


def test_notes_without_add_note():
    """On Python 3.10, where errors have no notes, the note is part of the message."""
    class OldError(Exception):
        add_note: Any = property()   # hasattr is False, as on 3.10

    error = OldError("wrong")
    minidl.autograd.errors.annotate(error, "in Add")
    assert str(error) == "wrong\nin Add"

    class OldKeyError(OldError, KeyError):
        pass

    error = OldKeyError("key")
    minidl.autograd.errors.annotate(error, "in sample 5")
    assert error.args == ("key",)


def test_a_file_that_vanishes_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "labels.gz"
    path.write_bytes(b"\x1f\x8b")

    def gone(*args: Any) -> Any:
        raise FileNotFoundError(2, "No such file or directory")
    monkeypatch.setattr("gzip.open", gone)
    with pytest.raises(FileNotFoundError, match="read_idx: there is no file .*labels.gz"):
        read_idx(path)


def test_a_sample_that_fails_keeps_its_type_and_its_cause():
    class Broken:
        def __getitem__(self, index: int) -> Any:
            return np.zeros(2)[index]

        def __len__(self) -> int:
            return 4

    with pytest.raises(IndexError) as caught:
        list(DataLoader(Broken(), batch_size=4))
    assert "sample 2 of the Broken" in "".join(traceback.format_exception_only(caught.type, caught.value))


OPTIMIZERS = [name for name in optim.__all__ if isinstance(getattr(optim, name), type)
              and issubclass(getattr(optim, name), optim.Optimizer) and name != "Optimizer"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_asks_for_parameters(name):
    model = nn.Linear(2, 3)
    for given in (model, model.parameters, model.state_dict(), model.weight, None):
        with pytest.raises(
            TypeError, match=r"iterable of Tensors or dicts, but got .*; try (model\.parameters\(\)|\[params\])"):
            getattr(optim, name)(given)
