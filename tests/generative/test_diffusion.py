"""Schedules against the papers' formulas, samplers with denoisers that are known to be right, and the U-Net."""
import math

import numpy as np
import pytest

import minidl
from minidl import generative as g
from minidl.autograd import gradcheck

LINEAR, COSINE = g.NoiseSchedule.linear(100, last=0.2), g.NoiseSchedule.cosine(100)


def test_linear_schedule_is_the_papers():
    schedule = g.NoiseSchedule.linear()
    assert schedule.steps == 1000 and schedule.betas[0].item() == pytest.approx(1e-4)
    expected = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    np.testing.assert_allclose(schedule.signal.numpy(), expected, rtol=1e-6)


def test_cosine_schedule_is_the_papers():
    schedule = g.NoiseSchedule.cosine(1000)
    f = np.cos((np.arange(1001) / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2
    np.testing.assert_allclose(schedule.signal.numpy()[:-1], f[1:-1] / f[0], rtol=1e-4)
    assert schedule.betas.max().item() == pytest.approx(0.999)


def test_noise_can_be_taken_away_again():
    x, noise, t = minidl.randn(5, 2, 3), minidl.randn(5, 2, 3), minidl.tensor([0, 20, 50, 70, 90])
    x_t = LINEAR.add_noise(x, noise, t)
    np.testing.assert_allclose(LINEAR.clean(x_t, noise, t).numpy(), x.numpy(), atol=1e-4)


def test_velocity_says_what_noise_there_is():
    """By hand, with a signal of 0.64: v = 0.8 noise - 0.6 x, and x_t = 0.8 x + 0.6 noise."""
    schedule, x = g.NoiseSchedule([0.36]), minidl.tensor([[1.0, -2.0]])
    seen = []

    def zero(x_t, t):
        seen.append(x_t)
        return minidl.zeros_like(x_t)
    loss = schedule.velocity_loss(zero, x)
    noise = (seen[0] - 0.8 * x) / 0.6
    velocity = 0.8 * noise - 0.6 * x
    assert loss.item() == pytest.approx(velocity.square().mean().item(), rel=1e-5)
    found = schedule.denoiser(lambda x_t, t: velocity)(seen[0], minidl.tensor([0]))
    np.testing.assert_allclose(found.numpy(), noise.numpy(), atol=1e-5)


def test_an_image_is_made_by_its_velocity():
    """The network knows the only image there is: x_0 = x. v is bounded also where no signal is left."""
    x, schedule = minidl.tensor([[0.5, -1.5]]), g.NoiseSchedule.cosine(1000)

    def knows(x_t, t):
        a = schedule.signal[t][:, None]
        return (a.sqrt() * x_t - x) / (1 - a).sqrt()
    assert schedule.velocity_loss(knows, x.expand(50, 2)).item() < 1e-6
    for steps in (1, 10):
        made = g.ddim(schedule.denoiser(knows), schedule, minidl.randn(1, 2), steps, clip=None)
        np.testing.assert_allclose(made.numpy(), x.numpy(), atol=0.01)


def test_noisy_images_keep_their_variance():
    minidl.manual_seed(0)
    x, noise = minidl.randn(4000), minidl.randn(4000)
    assert COSINE.add_noise(x, noise, minidl.full((4000,), 40)).std().item() == pytest.approx(1, abs=0.05)


def gaussian(schedule, mean, std):
    """The best denoiser if images are N(mean, std^2)."""
    def denoise(x, t):
        signal = schedule.signal[t][:, None]
        variance = signal * std ** 2 + 1 - signal
        return (1 - signal).sqrt() * (x - signal.sqrt() * mean) / variance
    return denoise


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=["linear", "cosine"])
@pytest.mark.parametrize("sample", [
    g.ancestral, lambda *args, **settings: g.ddim(*args, steps=100, **settings),
    lambda *args, **settings: g.ddim(*args, steps=50, **settings),
    lambda *args, **settings: g.ddim(*args, steps=100, eta=0.5, **settings)],
    ids=["ancestral", "ddim", "ddim-50", "ddim-noisy"])
def test_samplers_give_the_distribution(schedule, sample):
    minidl.manual_seed(0)
    made = sample(gaussian(schedule, 0.3, 0.2), schedule, minidl.randn(4000, 1), clip=None)
    assert made.mean().item() == pytest.approx(0.3, abs=0.02) and made.std().item() == pytest.approx(0.2, rel=0.12)


def test_ancestral_steps_are_the_papers():
    """One step by hand: the posterior's mean and variance, equations 6 and 7 of Ho et al."""
    schedule = g.NoiseSchedule([0.1, 0.3])
    minidl.manual_seed(0)
    x = minidl.randn(20000, 1)
    first = []

    def denoise(x_t, t):
        first.append(x_t)
        return minidl.zeros_like(x_t) + 0.5
    g.ancestral(denoise, schedule, x, clip=None)
    a, before = 0.9 * 0.7, 0.9
    clean = (x - math.sqrt(1 - a) * 0.5) / math.sqrt(a)
    mean = math.sqrt(before) * 0.3 / (1 - a) * clean + math.sqrt(0.7) * (1 - before) / (1 - a) * x
    rest = first[1] - mean
    assert rest.mean().item() == pytest.approx(0, abs=0.01)
    assert rest.var().item() == pytest.approx((1 - before) / (1 - a) * 0.3, rel=0.05)


def test_ddim_is_repeatable_and_ancestral_is_not():
    noise, denoise = minidl.randn(3, 2), gaussian(LINEAR, 0.0, 0.5)
    assert minidl.equal(g.ddim(denoise, LINEAR, noise, 7), g.ddim(denoise, LINEAR, noise, 7))
    assert not minidl.equal(g.ancestral(denoise, LINEAR, noise), g.ancestral(denoise, LINEAR, noise))


def test_progress_and_clipping():
    times = []
    made = g.ddim(gaussian(LINEAR, 0.0, 9.0), LINEAR, minidl.randn(50, 1), 5, clip=0.5, progress=times.append)
    assert times == [99, 74, 50, 25, 0] and made.abs().max() <= 0.5
    assert g.ddim(gaussian(LINEAR, 0.0, 0.1), LINEAR, minidl.randn(4, 1), 1).shape == (4, 1)


def test_guidance_leads():
    def denoise(x, t, labels):
        return x * 0 + labels.float()[:, None]
    towards = g.guided(denoise, minidl.tensor([1, 2]), nothing=9, weight=2.0)
    assert towards(minidl.zeros(2, 1), minidl.tensor([0, 0])).flatten().tolist() == [3 - 18, 6 - 18]
    assert g.guided(denoise, minidl.tensor([1]), 9, 0.0)(minidl.zeros(1, 1), minidl.tensor([0])).item() == 1


def test_the_loss_of_the_best_denoiser():
    """Its mean squared error is the variance that is left: known for Gaussian images."""
    minidl.manual_seed(0)
    x = 0.2 * minidl.randn(50000, 1)
    signal = LINEAR.signal.double()
    left = (0.04 * signal / (0.04 * signal + 1 - signal)).mean().item()
    assert LINEAR.loss(gaussian(LINEAR, 0.0, 0.2), x).item() == pytest.approx(left, rel=0.03)


def unet(**settings):
    minidl.manual_seed(0)
    net = g.UNet(2, width=8, widths=(1, 2), blocks=1, attention=(1,), **settings)
    for p in net.parameters():      # the blocks begin as zero, and would hide everything
        if not p.any():
            p.data.normal_(std=0.2)
    return net


@pytest.mark.parametrize("settings,condition", [
    ({}, ()), ({"classes": 5}, (minidl.tensor([1, 4]),)), ({"tokens": 6}, (minidl.randn(2, 3, 6),))],
    ids=["plain", "labels", "tokens"])
def test_unet(settings, condition):
    net, x, t = unet(**settings), minidl.randn(2, 2, 8, 12), minidl.tensor([3, 700])
    out = net(x, t, *condition)
    assert out.shape == x.shape
    assert not minidl.allclose(out, net(x, t + 5, *condition), atol=1e-4)
    if condition:
        assert not minidl.allclose(out, net(x, t, condition[0].flip(0)), atol=1e-4)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


def test_a_new_unet_says_nothing():
    assert not g.UNet(1, width=8, widths=(1,), blocks=1)(minidl.randn(1, 1, 4, 4), minidl.tensor([3])).any()


def test_unets_gradient():
    net = unet().double().requires_grad_(False)
    x = minidl.randn(1, 2, 4, 4, dtype=minidl.float64, requires_grad=True)
    assert gradcheck(lambda x: net(x, minidl.tensor([10])), (x,))


def test_time_embedding():
    t = minidl.tensor([0, 1, 50])
    found = g.time_embedding(t, 6)
    angles = t.numpy()[:, None] * 10000.0 ** (-np.arange(3) / 3)
    np.testing.assert_allclose(found.numpy(), np.concatenate([np.sin(angles), np.cos(angles)], 1), atol=1e-5)


@pytest.mark.parametrize("call,words", [
    (lambda: g.NoiseSchedule([0.1, 1.2]), "betas from 0 to 1"),
    (lambda: g.ddim(gaussian(LINEAR, 0, 1), LINEAR, minidl.zeros(1, 1), 101), "1 to 100 steps.* 101"),
    (lambda: unet()(minidl.zeros(1, 2, 7, 8), minidl.tensor([0])), "that 2 divides.* 7x8"),
    (lambda: unet()(minidl.zeros(1, 2, 8, 8), minidl.tensor([0]), minidl.tensor([0])), "a condition if and only if"),
    (lambda: unet(classes=2)(minidl.zeros(1, 2, 8, 8), minidl.tensor([0])), "a condition if and only if"),
    (lambda: g.time_embedding(minidl.tensor([0]), 3), "an even dim")])
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
