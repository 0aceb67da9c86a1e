"""Operators of classical learning, ai.onnx.ml: what scikit-learn's models become."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.nn import functional as F
from minidl.onnx.operators.table import operator
from minidl.ops import elementwise, reduce, shape


def _numbers(node: Any, name: str, default: Any = ()) -> Any:
    return wrap(np.array(node.get(name, default), np.float32))


def _labels(node: Any) -> Any:
    if node.get("classlabels_strings"):
        raise node.refuse("labels that are texts are left out; train with numbers")
    return wrap(np.array(node.get("classlabels_ints") or node.get("classlabels_int64s"), np.int64))


def _after(node: Any, scores: Any) -> Any:
    kind = node.get("post_transform", "NONE")
    if kind not in ("NONE", "LOGISTIC", "SOFTMAX"):
        raise node.refuse(f"post_transform {kind} is left out")
    return scores if kind == "NONE" else elementwise.sigmoid(scores) if kind == "LOGISTIC" else F.softmax(scores, -1)


@operator("ml.Scaler")
def _scaler(node: Any, x: Any) -> Any:
    return (x.to(np.float32) - _numbers(node, "offset")) * _numbers(node, "scale")


@operator("ml.Normalizer")
def _normalizer(node: Any, x: Any) -> Any:
    kind = node.get("norm", "MAX")
    if kind == "MAX":
        return x / reduce.amax(abs(x), -1, True)
    return F.normalize(x.to(np.float32), 1.0 if kind == "L1" else 2.0, -1)


@operator("ml.LinearRegressor")
def _linear_regressor(node: Any, x: Any) -> Any:
    targets = node.get("targets", 1)
    return _after(node, F.linear(x.to(np.float32), _numbers(node, "coefficients").reshape(targets, -1),
                                 _numbers(node, "intercepts", [0.0] * targets)))


@operator("ml.LinearClassifier")
def _linear_classifier(node: Any, x: Any) -> Any:
    labels, intercepts = _labels(node), _numbers(node, "intercepts")
    scores = F.linear(x.to(np.float32), _numbers(node, "coefficients").reshape(len(intercepts), -1), intercepts)
    if len(intercepts) == 1:
        scores = shape.cat([-scores, scores], -1)
    return labels[reduce.argmax(scores, -1)], _after(node, scores)


@operator("ml.ArrayFeatureExtractor")
def _features(node: Any, x: Any, places: Any) -> Any:
    y = x[..., places.reshape(-1)]
    return y.reshape(1, -1) if x.ndim == 1 else y


@operator("ml.ZipMap")
def _zip_map(node: Any, x: Any) -> Any:
    """The probabilities as they are, not as a dictionary for each row."""
    return x


# ---------------------------------------------------------------------- trees

@operator("ml.TreeEnsembleClassifier", "ml.TreeEnsembleRegressor")
def _trees(node: Any, x: Any) -> Any:
    """All trees side by side: each row walks down all of them, one level at a time."""
    classifies = node.operator == "TreeEnsembleClassifier"
    leaf_of, names = "class" if classifies else "target", node.attributes
    modes = set(names["nodes_modes"])
    if not modes <= {"BRANCH_LEQ", "LEAF"} or node.get("aggregate_function", "SUM") != "SUM":
        raise node.refuse(f"only trees that ask x <= value, and sum, are there, not {sorted(modes)}")
    place = {pair: i for i, pair in enumerate(zip(names["nodes_treeids"], names["nodes_nodeids"]))}
    is_leaf = np.array([mode == "LEAF" for mode in names["nodes_modes"]])

    def children(which: str) -> np.ndarray:
        return np.array([i if leaf else place[tree, child] for i, (leaf, tree, child) in enumerate(
            zip(is_leaf, names["nodes_treeids"], names[f"nodes_{which}nodeids"]))])
    yes, no = children("true"), children("false")
    features, values = np.array(names["nodes_featureids"]), np.array(names["nodes_values"], np.float32)
    outputs = max(names[f"{leaf_of}_ids"]) + 1
    weights = np.zeros((len(is_leaf), outputs), np.float32)
    for tree, leaf, which, weight in zip(*[names[f"{leaf_of}_{part}"] for part in (
            "treeids", "nodeids", "ids", "weights")]):
        weights[place[tree, leaf], which] += weight
    roots = np.array([place[tree, 0] for tree in dict.fromkeys(names["nodes_treeids"])])
    rows = x.array.astype(np.float32)
    at = np.broadcast_to(roots, (len(rows), len(roots)))
    while not is_leaf[at].all():
        at = np.where(np.take_along_axis(rows, features[at], 1) <= values[at], yes[at], no[at])
    scores = weights[at].sum(axis=1) + np.array(node.get("base_values") or 0, np.float32)
    if not classifies:
        return _after(node, wrap(scores))
    labels = _labels(node)
    if outputs == 1 and len(labels) == 2:       # the score of the second class alone
        scores = np.concatenate([1 - scores, scores], 1) if node.get("post_transform", "NONE") == "NONE" else \
            np.concatenate([-scores, scores], 1)
    return labels[wrap(scores.argmax(axis=1))], _after(node, wrap(scores))
