"""Who hears what, by derivatives; the two ways to draw samples; levels of sound by hand."""
import itertools
import math

import numpy as np
import pytest

import minidl
from minidl import generative as g
from minidl import nn


def small(levels=4, dilations=(1, 2, 4), kernel_size=2):
    minidl.manual_seed(0)
    return g.WaveNet(levels, width=6, skip=5, dilations=dilations, kernel_size=kernel_size)


@pytest.mark.parametrize("dilations, kernel_size, reach", [((1, 2, 4), 2, 8), ((1, 3), 3, 9), ((2,), 2, 3)])
def test_a_sample_depends_on_the_receptive_field_before_it(dilations, kernel_size, reach):
    net = small(dilations=dilations, kernel_size=kernel_size)
    net.head = nn.Conv1d(5, 4, 1)       # a dead ReLU would hide a path
    assert net.receptive_field == reach
    kept = []
    net.embedding.register_forward_hook(lambda module, inputs, output: kept.append(output))
    net(minidl.randint(4, (1, 20)))[0, :, 15].sum().backward(inputs=kept)
    heard = np.flatnonzero(kept[0].grad[0].abs().sum(1).numpy()) - 1    # the first that is embedded is the beginning
    steps = {sum(taps) for taps in itertools.product(*(range(0, kernel_size * d, d) for d in dilations))}
    assert heard.tolist() == sorted(14 - step for step in steps)
    assert heard.min() == 15 - reach


def test_wavenet_is_a_distribution():
    """The probabilities of all 3^4 sounds sum to 1."""
    net = small(levels=3)
    x = minidl.tensor(list(itertools.product(range(3), repeat=4)))
    assert net.log_likelihood(x).exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dilations, kernel_size", [((1, 2, 4), 2), ((1, 3, 1), 3)])
def test_memory_gives_what_is_computed_anew(dilations, kernel_size):
    """The logits of each sample, and the samples, also where the beginning is out of hearing."""
    net = small(dilations=dilations, kernel_size=kernel_size).double()
    x = minidl.randint(4, (2, 25))
    step = net._with_memory(2)
    with minidl.no_grad():
        whole = net(x)
        for t in range(25):
            known = minidl.where(minidl.arange(25) < t, x, 0)
            for logits in (step(known, t), net._anew(known, t)):
                np.testing.assert_allclose(logits.numpy(), whole[:, :, t].numpy(), atol=1e-12)
    drawn = []
    for cached in (True, False):
        minidl.manual_seed(1)
        done = []
        drawn.append(net.sample(2, 25, cached, done.append))
        assert done == [*range(1, 26)]
    assert (drawn[0] == drawn[1]).all() and len(drawn[0].unique()) > 1


def test_wavenet_learns_a_period():
    net = small(levels=3)
    x = (minidl.arange(60) % 3)[None]
    optimizer = minidl.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(60):
        loss = -net.log_likelihood(x).mean() / 60
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    made = net.sample(1, 30)[0]
    assert ((made[1:] - made[:-1]) % 3 == 1).float().mean().item() > 0.9


def test_levels_of_sound():
    """Louder by a factor of 256 from silence is the whole scale: half of it is at (sqrt(256) - 1) / 255."""
    half = (math.sqrt(256) - 1) / 255
    assert g.mu_law_encoding(minidl.tensor([0.0, half, -half, 1.0])).tolist() == [128, 191, 64, 255]
    assert g.mu_law_encoding(minidl.tensor([0.0, 1 / 3, 1.0]), 4).tolist() == [2, 2, 3]
    levels = minidl.arange(256)
    assert (g.mu_law_encoding(g.mu_law_decoding(levels)) == levels).all()
    sound = g.mu_law_decoding(levels).numpy()
    assert sound[0] == -1 and sound[-1] == pytest.approx(1) and (np.diff(sound) > 0).all()
    assert np.diff(sound)[127] < np.diff(sound)[254] / 20        # finer where it is quiet
