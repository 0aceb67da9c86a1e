"""Attributions against closed forms, brute force, and the properties that define them."""
import numpy as np
import pytest

import minidl
from minidl import interpret, nn
from minidl.interpret import (
    Deconvolution,
    FiniteDifferences,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Occlusion,
    Saliency,
)

DOUBLE = minidl.float64


def net():
    minidl.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.Tanh(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()


X = minidl.randn(2, 2, 6, 5, dtype=DOUBLE, generator=minidl.Generator().manual_seed(1))


def numeric(model, x, target):
    """The slope of the target's score by central differences."""
    found = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        step = minidl.zeros_like(x)
        step[place] = 1e-6
        rise = model(x + step) - model(x - step)
        found[place] = rise[place[0], target[place[0]]].item() / 2e-6
    return found


def test_saliency_is_the_slope():
    model, target = net(), [2, 0]
    expected = numeric(model, X, target)
    np.testing.assert_allclose(Saliency(model).attribute(X, target=target, abs=False).numpy(), expected, atol=1e-8)
    np.testing.assert_allclose(Saliency(model).attribute(X, target=minidl.tensor(target)).numpy(), abs(expected),
                               atol=1e-8)
    np.testing.assert_allclose(InputXGradient(model).attribute(X, target=target).numpy(), X.numpy() * expected,
                               atol=1e-8)


@pytest.mark.parametrize("method,steps", [("gausslegendre", 50), ("riemann_trapezoid", 400)])
def test_integrated_gradients_are_complete(method, steps):
    model = net()
    found, delta = IntegratedGradients(model).attribute(X, target=1, n_steps=steps, method=method,
                                                        return_convergence_delta=True)
    rise = (model(X) - model(X * 0))[:, 1]
    np.testing.assert_allclose(found.flatten(1).sum(1).numpy(), rise.detach().numpy(), rtol=0.01)
    np.testing.assert_allclose(delta.numpy(), (found.flatten(1).sum(1) - rise).detach().numpy(), atol=1e-12)


def test_integrated_gradients_of_a_polynomial():
    """For f = x^2 y from (0, 0): 2/3 and 1/3 of the rise."""
    found = IntegratedGradients(lambda x: x[:, 0] ** 2 * x[:, 1]).attribute(minidl.tensor([[3.0, 2.0]], dtype=DOUBLE))
    np.testing.assert_allclose(found.numpy(), [[12, 6]], rtol=1e-10)


def test_batches_inside_change_nothing():
    model = net()
    for size in (2, 7, 1000):
        other = IntegratedGradients(model).attribute(X, target=[0, 2], n_steps=9, internal_batch_size=size)
        np.testing.assert_allclose(other.numpy(), IntegratedGradients(model).attribute(X, target=[0, 2], n_steps=9)
                                   .numpy(), atol=1e-12)


def test_a_baseline_owes_nothing():
    assert not IntegratedGradients(net()).attribute(X, baselines=X, target=0).any()


def test_further_arguments():
    def forward(x, weights):
        return (x * weights).flatten(1)
    weights = minidl.arange(1.0, 3.0).view(2, 1)
    x = minidl.ones(2, 3)
    for method, settings in ((Saliency, {}), (IntegratedGradients, {"n_steps": 3}),
                             (Occlusion, {"sliding_window_shapes": (1,), "perturbations_per_eval": 2})):
        found = method(forward).attribute(x, target=1, additional_forward_args=weights, **settings)
        np.testing.assert_allclose(found.numpy(), [[0, 1, 0], [0, 2, 0]], rtol=1e-6)


def test_smoothgrad_is_a_mean():
    minidl.manual_seed(0)
    cube = Saliency(lambda x: x[:, 0] ** 3)
    x = minidl.full((1, 1), 2.0, dtype=DOUBLE)
    found = NoiseTunnel(cube).attribute(x, nt_samples=4000, stdevs=0.5)
    assert found.item() == pytest.approx(3 * (4 + 0.25), rel=0.02)              # E 3 (x + noise)^2
    spread = NoiseTunnel(cube).attribute(x, "vargrad", nt_samples=4000, stdevs=0.5)
    assert spread.item() == pytest.approx(9 * (4 * 4 * 0.25 + 2 * 0.25 ** 2), rel=0.1)
    square = NoiseTunnel(cube).attribute(x, "smoothgrad_sq", nt_samples=4000, stdevs=0.5)
    assert square.item() == pytest.approx(found.item() ** 2 + spread.item(), rel=0.1)


def test_guided_backprop_by_hand():
    """Two layers of ReLU: what is negative on its way back stops at each."""
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU(inplace=True), nn.Linear(3, 2, bias=False))
    first = minidl.tensor([[1.0, -2.0, 0.0], [0.0, 1.0, 1.0], [-1.0, 0.0, -1.0]])
    model[0].weight.data.copy_(first)
    model[2].weight.data.copy_(minidl.tensor([[1.0, -1.0, 5.0], [2.0, 3.0, 1.0]]))
    x = minidl.tensor([[3.0, 1.0, 1.0]])            # the hidden units are 1, 2 and -4
    assert GuidedBackprop(model).attribute(x, target=0).tolist() == [[1.0, -2.0, 0.0]]
    assert GuidedBackprop(model).attribute(x, target=1).tolist() == [[2.0, -1.0, 3.0]]
    assert model[1].inplace and Saliency(model).attribute(x, target=0, abs=False).tolist() == [[1.0, -3.0, -1.0]]
    # units 1 and 3 speak for class 0, though the third is off; for class 1 all do
    assert Deconvolution(model).attribute(x, target=0).tolist() == [[-4.0, -2.0, -5.0]]
    assert Deconvolution(model).attribute(x, target=1).tolist() == [[1.0, -1.0, 2.0]]
    assert model[1].inplace


def test_differences_of_a_parabola_and_of_a_network():
    """(x + d)^2 - x^2 = 2 x d + d^2, so the mean quotient of changes up and down is 2 x; of 1 and 2, 2 x + 3/2."""
    x = minidl.tensor([[3.0, 1.0], [0.0, 2.0]], dtype=DOUBLE)
    square = FiniteDifferences(lambda x: x.square().sum(1))
    np.testing.assert_allclose(square.attribute(x).numpy(), 2 * x.numpy(), atol=1e-12)
    upwards = square.attribute(x, changes=(1, 2), perturbations_per_eval=1)
    np.testing.assert_allclose(upwards.numpy(), 2 * x.numpy() + 1.5)
    found = FiniteDifferences(net()).attribute(X, target=[2, 0], changes=(-1e-6, 1e-6), perturbations_per_eval=7)
    np.testing.assert_allclose(found.numpy(), numeric(net(), X, [2, 0]), atol=1e-8)


def test_occlusion_is_brute_force():
    model = net().eval()
    found = Occlusion(model).attribute(X, (2, 3, 2), strides=(2, 2, 2), target=[1, 0], baselines=0.5,
                                       perturbations_per_eval=3)
    whole, fall, times = model(X), np.zeros(X.shape), np.zeros(X.shape)
    for row in (0, 2, 4):                   # the last window of an axis is cut off where the image ends
        for column in (0, 2, 4):
            covered = X.clone()
            covered[:, :, row:row + 3, column:column + 2] = 0.5
            for i, target in enumerate([1, 0]):
                place = (i, slice(None), slice(row, row + 3), slice(column, column + 2))
                fall[place] += (whole - model(covered))[i, target].item()
                times[place] += 1
    np.testing.assert_allclose(found.numpy(), fall / times.clip(1), atol=1e-12)


def test_the_model_is_left_as_it_was():
    model = net()
    model.zero_grad()
    for method in (Saliency, InputXGradient, IntegratedGradients, GuidedBackprop, Deconvolution, FiniteDifferences):
        with minidl.no_grad():
            found = method(model).attribute(X, target=0)
        assert not found.requires_grad and all(p.grad is None for p in model.parameters())
    assert not any(m._hooks and m._hooks.around_calls for m in model.modules())


@pytest.mark.parametrize("call,words", [
    (lambda: Saliency(net()).attribute(X), "expected a target, since the output has 3 numbers"),
    (lambda: Saliency(net()).attribute(X, target=[0, 1, 2]), "one target or 2, one for each example, but got 3"),
    (lambda: Occlusion(net()).attribute(X, (3, 3), target=0), "a window of 3 sizes"),
    (lambda: IntegratedGradients(net()).attribute(X, target=0, method="simpson"), "'gausslegendre'"),
    (lambda: FiniteDifferences(net()).attribute(X, target=0, changes=(0.1, 0)), "changes other than zero"),
    (lambda: NoiseTunnel(Saliency(net())).attribute(X, "mean", target=0), "'smoothgrad'"),
    (lambda: interpret.pgd(net(), X, minidl.tensor([0, 1]), 0.1, steps=0), "at least one step")])
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
