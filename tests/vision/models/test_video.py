"""MViT is torchvision's: keys, layers, scores, gradients; and what its pooling and its distances are."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.vision import models
from minidl.vision.models.video import mvit
from tests.vision.models.test_against_torchvision import compare, printed
from tests.vision.reference import torchvision

FLAGS = ("residual_pool", "residual_with_cls_embed", "rel_pos_embed", "proj_after_attn")


def small(m, frames=4, size=(32, 40), **flags):
    """Three blocks of torchvision's class or ours: the second pools its queries, the third gets wider."""
    blocks = [m.MSBlockConfig(1, 8, 16, [], [3, 3, 3], [], [1, 4, 4]),
              m.MSBlockConfig(2, 16, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 2, 2]),
              m.MSBlockConfig(2, 16, 24, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 1, 1])]
    return m.MViT(size, frames, blocks, **{**dict.fromkeys(FLAGS, False), **flags}, dropout=0.0, num_classes=5)


@pytest.mark.parametrize("on", [(), (0, 2, 3), (0, 1, 2)])
def test_is_torchvision_s(on):
    there = torchvision("models.video.mvit")
    flags = {FLAGS[i]: True for i in on}
    compare(small(mvit, **flags), small(there, **flags), (2, 3, 4, 32, 40))


def test_an_image_is_a_video_of_one_frame():
    there = torchvision("models.video.mvit")
    compare(small(mvit, frames=2), small(there, frames=2), (2, 3, 32, 40))


@pytest.mark.parametrize("name, parameters", [("mvit_v1_b", 36_610_672), ("mvit_v2_s", 34_537_744)])
def test_the_papers_networks(name, parameters):
    """Those of torchvision's page of weights; keys, shapes, and layers with their settings."""
    ours = getattr(models.video, name)()
    assert sum(p.numel() for p in ours.parameters()) == parameters
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        theirs = getattr(torchvision("models.video"), name)()
    tuples = str.maketrans("[]", "()")          # some of its layers are given lists
    assert printed(ours).translate(tuples) == printed(theirs).translate(tuples)
    assert [(key, tuple(value.shape)) for key, value in ours.state_dict().items()] == \
        [(key, tuple(value.shape)) for key, value in theirs.state_dict().items()]


def test_pooling_leaves_the_class_token_alone():
    """Four tokens of one row, the largest of two each; behind them all, the first is as it was."""
    pool = mvit.Pool(minidl.nn.MaxPool3d((1, 1, 2), (1, 1, 2), 0), None)
    y, size = pool(minidl.tensor([[[9.0], [1.0], [3.0], [5.0], [2.0]]]), (1, 1, 4))
    assert y.flatten().tolist() == [9.0, 3.0, 5.0] and size == (1, 1, 2)


@pytest.mark.parametrize("before", [False, True])
def test_pool_with_a_norm_and_an_activation(before):
    """Of a norm over channels: before the pooling they lie behind the batch."""
    torch = pytest.importorskip("torch")
    there = torchvision("models.video.mvit")
    norm = {False: lambda nn: nn.LayerNorm(6), True: lambda nn: nn.BatchNorm3d(6)}[before]
    ours, theirs = (of.Pool(nn.AvgPool3d(2), norm(nn), nn.GELU(), before)
                    for of, nn in ((mvit, minidl.nn), (there, torch.nn)))
    x = np.random.default_rng(0).standard_normal((2, 3, 17, 6)).astype(np.float32)
    y, size = ours(minidl.tensor(x), (2, 4, 2))
    expected, expected_size = theirs(torch.from_numpy(x), (2, 4, 2))
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), atol=1e-6)
    assert size == expected_size == (1, 2, 1)


def test_distances_of_fewer_keys_than_queries():
    """Four queries and two keys: key j stands where query 2 j + 1 does. A row of the table for each of -3 to 3."""
    table = minidl.arange(-3.0, 4.0)[:, None]
    np.testing.assert_array_equal(mvit._apart(table, 4, 4)[..., 0].numpy(), np.arange(4)[:, None] - np.arange(4))
    np.testing.assert_array_equal(mvit._apart(table, 4, 2)[..., 0].numpy(), [[-1, -3], [0, -2], [1, -1], [2, 0]])


def test_refuses_no_blocks():
    with pytest.raises(ValueError, match="block_setting needs a block"):
        mvit.MViT((32, 32), 4, [], False, False, False, False)
