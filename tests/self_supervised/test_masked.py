"""The masked autoencoder: what it sees, what it is asked, and that it learns."""
import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.self_supervised import Guess, MaskedAutoencoder, patchify, unpatchify
from minidl.vision import models


def small(channels=1, masked=0.75, **options):
    minidl.manual_seed(0)
    vit = models.VisionTransformer(image_size=8, patch_size=2, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32,
                                   in_channels=channels)
    return MaskedAutoencoder(vit, dim=16, heads=2, masked=masked, **options)


def test_patches_of_colours():
    images = minidl.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    patches = patchify(images, 2)
    assert patches.shape == (2, 6, 12)
    expected = images[1, :, 2:4, 2:4].permute(1, 2, 0).flatten()        # the second row's second patch
    assert (patches[1, 4] == expected).all()
    assert (unpatchify(patches, 2, (4, 6)) == images).all()
    with pytest.raises(ValueError, match=r"multiples of 5, but got \(2, 3, 4, 6\)"):
        patchify(images, 5)


def test_what_is_hidden_is_never_seen():
    """Other pixels in the hidden patches change nothing; in the others they do."""
    model = small()
    x = minidl.rand(1, 1, 8, 8)

    def guess(images):
        minidl.manual_seed(3)       # the same patches are hidden
        return model(images)
    with minidl.no_grad():
        first = guess(x)
        patches = patchify(x, 2)
        changed = guess(unpatchify(patches + first.hidden[..., None], 2, (8, 8)))
        np.testing.assert_array_equal(first.patches.numpy(), changed.patches.numpy())
        seen = guess(unpatchify(patches + ~first.hidden[..., None], 2, (8, 8)))
    assert (first.hidden == seen.hidden).all() and not np.allclose(first.patches.numpy(), seen.patches.numpy())


def test_every_image_has_its_own_mask():
    hidden = small()(minidl.rand(50, 1, 8, 8)).hidden.numpy()
    assert (hidden.sum(1) == 12).all() and len(np.unique(hidden, axis=0)) > 40
    assert (hidden.mean(0) > 0.5).all() and (hidden.mean(0) < 0.95).all()


def test_the_loss_by_hand():
    """Of four patches two are hidden: only their errors count."""
    model = small(masked=0.5)
    x = minidl.zeros(1, 1, 8, 8)
    hidden = minidl.zeros(1, 16).bool()
    hidden[0, :2] = True
    patches = minidl.zeros(1, 16, 4)
    patches[0, 0], patches[0, 1, 0], patches[0, 5] = 1.0, 2.0, 9.0
    assert model.loss(x, Guess(patches, hidden)).item() == 1.0          # (4 * 1 + 2^2) / (2 * 4)


def test_normalised_patches_forget_brightness_and_contrast():
    model, x = small(norm_pixels=True), minidl.rand(2, 1, 8, 8)
    guess = Guess(minidl.rand(2, 16, 4), minidl.rand(2, 16) < 0.5)
    assert model.loss(3 * x + 5, guess).item() == pytest.approx(model.loss(x, guess).item(), rel=1e-4)


def test_it_learns_and_every_parameter_has_its_part():
    model = small(3)
    x = minidl.rand(16, 3, 1, 1) * minidl.ones(16, 3, 8, 8)             # one colour each: any patch tells the others
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.loss(x)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    unused = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert {name for name in unused if "heads" not in name} == set()
    assert model.features(x).shape == (16, 16)


@pytest.mark.parametrize("masked", [0.0, 1.0])
def test_shares_that_hide_nothing_or_all_are_refused(masked):
    with pytest.raises(ValueError, match=r"to hide some of 16 patches and to show some"):
        small(masked=masked)
