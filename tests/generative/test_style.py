"""Parts of StyleGAN: statistics that a style sets, noise that begins at zero, styles drawn to their average."""
import numpy as np
import pytest

import minidl
from minidl.autograd import gradcheck, gradgradcheck
from minidl.generative import AdaptiveInstanceNorm, MappingNetwork, NoiseInjection


def test_a_style_sets_mean_and_deviation():
    norm = AdaptiveInstanceNorm(2, 1)
    norm.style.weight.data.zero_()
    norm.style.bias.data.copy_(minidl.tensor([1.0, 2.0, -5.0, 7.0]))        # scales less 1, then shifts
    out = norm(minidl.randn(3, 2, 9, 9) * 4 + 2, minidl.zeros(3, 1))
    np.testing.assert_allclose(out.mean((2, 3)).detach().numpy(), [[-5, 7]] * 3, atol=1e-4)
    np.testing.assert_allclose(out.std((2, 3), correction=0).detach().numpy(), [[2, 3]] * 3, atol=1e-3)


def test_adaptive_norm_to_second_order():
    norm = AdaptiveInstanceNorm(2, 3).double()
    inputs = tuple(minidl.randn(*shape, dtype=minidl.float64, requires_grad=True) for shape in [(2, 2, 3, 3), (2, 3)])
    assert gradcheck(norm, inputs) and gradgradcheck(norm, inputs)


def test_noise_is_one_image_for_all_channels():
    layer = NoiseInjection(3)
    layer.weight.data.copy_(minidl.tensor([0.0, 1.0, -2.0]))
    noise = minidl.randn(2, 1, 4, 4)
    out = layer(minidl.zeros(2, 3, 4, 4), noise)
    assert minidl.equal(out, minidl.cat([0 * noise, noise, -2 * noise], 1))
    assert layer(minidl.zeros(5, 3, 4, 4)).std().item() == pytest.approx(np.sqrt(5 / 3), rel=0.3)


def test_mapping_and_truncation():
    minidl.manual_seed(0)
    mapping = MappingNetwork(8, 16, decay=0.5)
    codes = minidl.randn(256, 8)
    assert 0.5 < mapping(codes).square().mean() < 1.5                          # at first, styles are as long as codes
    assert minidl.allclose(mapping(codes), mapping(codes * 7), atol=1e-5)       # the length of a code says nothing
    for _ in range(20):
        styles = mapping(codes)
    assert minidl.allclose(mapping.mean, styles.mean(0), atol=1e-4)
    spread = [mapping.truncated(styles, share).std(0).mean().item() for share in (1.0, 0.5, 0.0)]
    assert spread[1] == pytest.approx(spread[0] / 2, rel=1e-4) and spread[2] == pytest.approx(0, abs=1e-6)
    mapping.eval()
    before = mapping.mean.clone()
    mapping(codes + 1)
    assert minidl.equal(before, mapping.mean)
