"""Explanations by groups: brute force, all orders, and linear functions."""
import itertools

import numpy as np
import pytest

import minidl
from minidl.interpret import FeatureAblation, KernelShap, Lime

DOUBLE = minidl.float64
X = minidl.rand(2, 1, 2, 3, dtype=DOUBLE, generator=minidl.Generator().manual_seed(0)) + 0.5
MASK = minidl.tensor([[[[0, 0, 1], [2, 3, 3]]]])


def score(x):
    """Two scores of images that no straight line gives."""
    flat = x.flatten(1)
    return minidl.stack([flat[:, 0] * flat[:, 2] + flat[:, 3].sin() * flat[:, 4] * flat[:, 1], flat.square().sum(1)], 1)


def shown(groups):
    return X.where(sum((MASK == g for g in groups), MASK < 0).expand_as(X), minidl.full_like(X, 0.1))


def test_ablation_is_brute_force():
    found = FeatureAblation(score).attribute(X, 0.1, [0, 1], feature_mask=MASK, perturbations_per_eval=3)
    for group in range(4):
        fall = (score(X) - score(shown(set(range(4)) - {group})))[minidl.arange(2), minidl.tensor([0, 1])]
        for example in range(2):
            np.testing.assert_allclose(found[example][MASK[0] == group].numpy(), fall[example].item())
    alone = FeatureAblation(score).attribute(X, target=0)           # each element is a group
    changed = X.clone()
    changed[:, 0, 1, 0] = 0
    np.testing.assert_allclose(alone[:, 0, 1, 0].numpy(), (score(X) - score(changed))[:, 0].numpy())


def test_shapley_values_are_means_over_all_orders():
    expected = np.zeros((2, 4))
    for order in itertools.permutations(range(4)):
        for number, group in enumerate(order):
            rise = score(shown(order[:number + 1])) - score(shown(order[:number]))
            expected[:, group] += rise[:, 0].numpy() / 24
    found = KernelShap(score).attribute(X, 0.1, 0, feature_mask=MASK, perturbations_per_eval=5)
    for group in range(4):
        np.testing.assert_allclose(found[:, MASK[0] == group][:, 0].numpy(), expected[:, group], atol=1e-10)


def test_drawn_shapley_values_are_complete_and_near():
    """Of a sum of products of neighbours, each of the two makes half."""
    minidl.manual_seed(0)
    x = minidl.rand(3, 13, dtype=DOUBLE)

    def products(x):
        return (x[:, 1:] * x[:, :-1]).sum(1)
    found = KernelShap(products).attribute(x, n_samples=4000, perturbations_per_eval=500)
    np.testing.assert_allclose(found.sum(1).numpy(), products(x).numpy(), rtol=1e-8)
    none = minidl.zeros(3, 1, dtype=DOUBLE)
    halves = x * (minidl.cat([none, x[:, :-1]], 1) + minidl.cat([x[:, 1:], none], 1)) / 2
    np.testing.assert_allclose(found.numpy(), halves.numpy(), atol=0.08)


def test_one_group_owes_all():
    mask = minidl.zeros(1, 1, 1, 1, dtype=minidl.int64)
    for method in (KernelShap, FeatureAblation):
        found = method(score).attribute(X, target=1, feature_mask=mask)
        np.testing.assert_allclose(found[:, 0, 0, 0].numpy(), (score(X) - score(0 * X))[:, 1].numpy())


def test_lime_is_weighted_least_squares():
    """Of a function with a product, by the definition; a straight line is found as it is."""
    minidl.manual_seed(0)
    kept = []

    def watched(x):
        kept.append(x)
        return score(x)
    found = Lime(watched, kernel_width=0.5, alpha=0.3).attribute(X[:1], 0.1, 0, feature_mask=MASK, n_samples=40,
                                                                  perturbations_per_eval=40)
    copies = minidl.cat(kept).flatten(1).numpy()
    z = (copies != 0.1)[:, [0, 2, 3, 4]].astype(float)
    y = score(minidl.tensor(copies).view(-1, 1, 2, 3))[:, 0].numpy()
    weight = np.exp(-(1 - np.sqrt(z.mean(1))) ** 2 / 0.25)
    design = np.column_stack([z, np.ones(40)])
    penalty = np.diag([0.3] * 4 + [0])                  # none for the constant
    expected = np.linalg.solve(design.T * weight @ design + penalty, design.T * weight @ y)[:4]
    np.testing.assert_allclose(found.flatten()[minidl.tensor([0, 2, 3, 4])].numpy(), expected, rtol=1e-8)
    line = minidl.randn(6, dtype=DOUBLE)
    found = Lime(lambda x: x.flatten(1) @ line, alpha=0.0).attribute(X, n_samples=60)
    np.testing.assert_allclose(found.flatten(1).numpy(), (X.flatten(1) * line).numpy(), atol=1e-9)


@pytest.mark.parametrize("mask", [minidl.zeros(2, 3, dtype=minidl.int64), -MASK])
def test_masks_that_do_not_fit(mask):
    with pytest.raises(ValueError, match="Lime: expected a feature_mask of 4 dimensions with numbers from 0"):
        Lime(score).attribute(X, target=0, feature_mask=mask)
