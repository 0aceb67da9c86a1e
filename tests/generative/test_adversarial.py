"""Losses of adversarial networks against numbers made by hand, their penalties to second order, and the image pool."""
import math

import numpy as np
import pytest

import minidl
from minidl import generative, nn
from minidl.autograd import gradcheck, gradgradcheck
from minidl.generative import ImagePool, PathLength, cycle_consistency, gradient_penalty, r1_penalty

REAL, MADE = minidl.tensor([0.0, math.log(3)], dtype=minidl.float64), minidl.tensor([0.0], dtype=minidl.float64)
# D(real) is 1/2 and 3/4, D(made) is 1/2
CLASSIFIED = (math.log(2) + math.log(4 / 3)) / 2 + math.log(2)


@pytest.mark.parametrize("name,of_discriminator,of_generator", [
    ("minimax", CLASSIFIED, -math.log(2)),
    ("non_saturating", CLASSIFIED, math.log(2)),
    ("least_squares", (1 + (math.log(3) - 1) ** 2) / 4, 1 / 2),
    ("hinge", 1 / 2 + 1, 0.0),
    ("wasserstein", -math.log(3) / 2, 0.0)])
def test_losses_by_hand(name, of_discriminator, of_generator):
    loss = getattr(generative, name)
    assert loss.discriminator(REAL, MADE).item() == pytest.approx(of_discriminator, abs=1e-12)
    assert loss.generator(MADE).item() == pytest.approx(of_generator, abs=1e-12)


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares", "wasserstein"])
def test_losses_to_second_order(name):
    loss = getattr(generative, name)
    real, made = (minidl.randn(5, dtype=minidl.float64, requires_grad=True) for _ in range(2))
    assert gradcheck(loss.discriminator, (real, made)) and gradcheck(loss.generator, (made,))
    assert gradgradcheck(loss.discriminator, (real, made)) and gradgradcheck(loss.generator, (made,))


def test_losses_of_very_sure_scores_are_finite():
    sure = minidl.tensor([200.0, -200.0])
    for loss in (generative.minimax, generative.non_saturating):
        assert loss.discriminator(sure, sure).isfinite() and loss.generator(sure).isfinite()


def test_the_saturating_loss_saturates():
    score = minidl.tensor([-10.0], requires_grad=True)
    slopes = [minidl.autograd.grad(loss.generator(score), score)[0].item()
              for loss in (generative.minimax, generative.non_saturating)]
    assert slopes == pytest.approx([-4.54e-5, -1.0], rel=1e-3)


def net():
    minidl.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1)).double()


@pytest.mark.parametrize("penalty", [
    lambda net, x: gradient_penalty(net, x, x.flip(0), generator=minidl.Generator().manual_seed(3)),
    lambda net, x: r1_penalty(net, x)], ids=["gradient_penalty", "r1"])
def test_penalties_have_the_slopes_of_differences(penalty):
    """With respect to the parameters: this is a second derivative, and its own slope a third."""
    critic, x = net(), minidl.randn(4, 6, dtype=minidl.float64)
    names = [name for name, _ in critic.named_parameters()]
    leaves = tuple(p.detach().clone().requires_grad_() for p in critic.parameters())

    def of(*values):
        return penalty(lambda x: minidl.func.functional_call(critic, dict(zip(names, values)), (x,)), x)
    assert gradcheck(of, leaves) and gradgradcheck(of, leaves)


def test_penalties_are_single_images():
    """The penalty of a batch is the mean of its images' own."""
    critic, x = net(), minidl.randn(3, 6, dtype=minidl.float64)
    alone = [r1_penalty(critic, x[i:i + 1]).item() for i in range(3)]
    assert r1_penalty(critic, x).item() == pytest.approx(np.mean(alone))


def test_gradient_penalty_of_other_shapes():
    with pytest.raises(ValueError, match=r"gradient_penalty: .* \(2, 6\) and \(3, 6\)"):
        gradient_penalty(net(), minidl.zeros(2, 6), minidl.zeros(3, 6))


def test_path_length_of_a_linear_map():
    """For images A z, y A has the expected square length |A|^2 / (pixels); its mean over draws shows it."""
    minidl.manual_seed(0)
    a = minidl.randn(4, 16, dtype=minidl.float64)
    codes = minidl.randn(500, 4, dtype=minidl.float64, requires_grad=True)
    penalty = PathLength(decay=1.0).double()        # the average is that of this batch
    value = penalty((codes @ a).view(500, 1, 4, 4), codes)
    lengths = (minidl.randn(20000, 16, dtype=minidl.float64) / 4 @ a.T).norm(dim=1)
    assert penalty.mean.item() == pytest.approx(lengths.mean().item(), rel=0.05)
    assert value.item() == pytest.approx(lengths.var().item(), rel=0.2)


def test_path_length_trains_the_generator():
    codes = minidl.randn(3, 4, requires_grad=True)
    generator = nn.Linear(4, 9)
    PathLength()(generator(codes).view(3, 1, 3, 3), codes).backward()
    assert generator.weight.grad.abs().sum() > 0


def test_cycle_consistency_by_hand():
    x, y = minidl.tensor([[1.0, 2.0]]), minidl.tensor([[5.0, 0.0]])
    assert cycle_consistency(lambda x: 2 * x, lambda y: y, x, y).item() == 1.5 + 2.5


def test_pool_gives_old_images_half_of_the_time():
    minidl.manual_seed(0)
    pool = ImagePool(10)
    pool(minidl.full((10, 1), -1.0))
    given = pool(minidl.arange(1000.0)[:, None])[:, 0]
    new = (given == minidl.arange(1000.0)).float().mean().item()
    assert 0.45 < new < 0.55 and len(pool.images) == 10
    assert sorted({v.item() for v in given} - {-1.0}) == sorted({v.item() for v in given[given >= 0]})


def test_pool_of_no_images_and_of_a_resumed_run():
    x = minidl.randn(3, 2)
    assert minidl.equal(ImagePool(0)(x), x)
    pool, other = ImagePool(2), ImagePool(2)
    pool(x)
    other.load_state_dict(pool.state_dict())
    draws = []
    for each in (pool, other):
        minidl.manual_seed(5)
        draws.append(each(x + 1))
    assert minidl.equal(*draws)
    with pytest.raises(RuntimeError, match="at most 1 images, but got 2"):
        ImagePool(1).load_state_dict(pool.state_dict())
    with pytest.raises(ValueError, match="size of 0 or more"):
        ImagePool(-1)


def test_pool_keeps_no_graph():
    x = minidl.randn(2, 3, requires_grad=True)
    assert not ImagePool(5)(x * 2).requires_grad
