"""Export a model, run it with onnxruntime, and measure how far the results are from minidl's."""
from __future__ import annotations

import io

import numpy as np

import minidl
from minidl.utils._pytree import tree_leaves


def tensors_in(values):
    return [x for x in tree_leaves(values) if isinstance(x, minidl.Tensor)]


def session(file):
    """onnxruntime on the bytes of a file, on one thread."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def distance(runner, model, args):
    """The largest difference, as a part of the largest number of each result."""
    args = args if isinstance(args, tuple) else (args,)
    with minidl.no_grad():
        wanted = [x.numpy() for x in tensors_in(model(*args))]
    found = runner.run(None, {given.name: x.numpy() for given, x in zip(runner.get_inputs(), tensors_in(args))})
    assert [x.shape for x in found] == [x.shape for x in wanted] and [x.dtype for x in found] == \
        [x.dtype for x in wanted]
    return max([float(np.abs(y.astype(float) - x.astype(float)).max()) / max(float(np.abs(x).max()), 1e-30)
                for x, y in zip(wanted, found) if x.size], default=0.0)


def agrees(model, args, *others, tolerance=1e-5, **settings):
    """Export with `args`; hold the results of `args` and of others, of other sizes, against the model's."""
    file = io.BytesIO()
    minidl.onnx.export(model, args, file, **settings)
    if isinstance(model, minidl.nn.Module):
        model.eval()
    runner = session(file.getvalue())
    distances = [distance(runner, model, given) for given in (args, *others)]
    assert max(distances) < tolerance, distances
    return runner


def no_zeros(model):
    """Draw the parameters that begin as zeros, so that every output says something."""
    for parameter in model.parameters():
        if not parameter.data.abs().max():
            parameter.data.normal_(0, 0.1)
    return model.eval()
