"""Networks for volumes, points and views: published sizes, what must not matter, what they learn."""
import copy

import pytest

import minidl
from minidl import nn, optim
from minidl.nn import functional as F
from minidl.vision.models import space

SMALL = {"widths": (8, 8, 8, 16, 32), "hidden": (16, 8)}


def size(net):
    return sum(p.numel() for p in net.parameters())


def test_published_sizes():
    assert size(space.VoxNet(40)) == 921_736                        # Maturana and Scherer, section IV
    assert round(size(space.PointNet(40, transforms=False)) / 1e6, 1) == 0.8        # Qi et al., table 6
    assert round(size(space.PointNet(40)) / 1e6, 1) == 3.5


@pytest.mark.parametrize("side", [12, 16, 24, 32])
def test_voxnet_of_other_sides(side):
    assert space.VoxNet(7, side=side, width=4)(minidl.rand(2, 1, side, side, side)).shape == (2, 7)


def test_refusals():
    with pytest.raises(ValueError, match="at least 12 voxels a side, but got side=11"):
        space.VoxNet(side=11)
    with pytest.raises(ValueError, match=r"sides that 4 divides, but got \(8, 6, 8\)"):
        space.VoxelUNet(width=2)(minidl.rand(1, 1, 8, 6, 8))


@pytest.mark.parametrize("transforms", [False, True])
def test_the_order_of_points_does_not_matter(transforms):
    minidl.manual_seed(0)
    net, parts = space.PointNet(5, transforms=transforms, **SMALL), space.PointNetSegmentation(
        5, transforms=transforms, **SMALL)
    for model in (net, parts):                      # the T-Nets begin as the identity; turn them away from it
        with minidl.no_grad():
            for p in model.parameters():
                p.add_(0.1 * minidl.randn(*p.shape))
        model.eval()
    x, order = minidl.randn(3, 3, 40), minidl.randperm(40)
    assert minidl.allclose(net(x[:, :, order]), net(x), atol=1e-5)
    assert minidl.allclose(parts(x[:, :, order]), parts(x)[:, :, order], atol=1e-5)
    twice = minidl.cat([x, x], 2)                   # nor does it matter that each point stands there twice
    assert minidl.allclose(net(twice), net(x), atol=1e-5)


def test_critical_points_are_enough():
    minidl.manual_seed(1)
    net = space.PointNet(5, transforms=False, **SMALL).eval()
    x = minidl.randn(1, 3, 200)
    critical = net.critical(x)[0].unique()
    assert len(critical) <= 32
    assert minidl.allclose(net(x[:, :, critical]), net(x), atol=1e-6)
    others = [i for i in range(200) if i not in critical.tolist()]
    assert not minidl.allclose(net(x[:, :, others]), net(x), atol=1e-4)


def test_a_transform_begins_as_the_identity_and_learns():
    net = space.PointNet(3, **SMALL)
    scores, matrix = net.scores_and_matrix(minidl.rand(4, 3, 20))
    assert scores.shape == (4, 3) and space.orthogonality(matrix).item() == 0
    assert space.PointNet(3, transforms=False, **SMALL).scores_and_matrix(minidl.rand(4, 3, 20))[1] is None
    turn = minidl.tensor([[0.0, -1.0], [1.0, 0.0]])
    assert space.orthogonality(minidl.stack([turn, 2 * turn])).item() == pytest.approx(9)       # (0 + 2 * 3^2) / 2


def test_views_in_any_order_and_number():
    minidl.manual_seed(0)
    look, decide = (nn.Conv2d(1, 3, 3), nn.ReLU()), (nn.Flatten(), nn.Linear(48, 4))
    net = space.MultiViewCNN(nn.Sequential(*look), nn.Sequential(*decide))
    x = minidl.rand(2, 5, 1, 6, 6)
    assert minidl.allclose(net(x[:, [3, 0, 4, 2, 1]]), net(x), atol=1e-6)
    assert minidl.allclose(net(minidl.cat([x, x[:, :2]], 1)), net(x), atol=1e-6) and net(x[:, :1]).shape == (2, 4)
    by_hand = net.decide(minidl.stack([net.look(x[:, v]) for v in range(5)]).amax(0))
    assert minidl.allclose(net(x), by_hand, atol=1e-6)


NETS = {
    "VoxNet": (lambda: space.VoxNet(2, side=12, width=4, hidden=8), (8, 1, 12, 12, 12), (8,)),
    "PointNet": (lambda: space.PointNet(2, **SMALL), (8, 3, 20), (8,)),
    "PointNetSegmentation": (lambda: space.PointNetSegmentation(2, **SMALL), (8, 3, 20), (8, 20)),
    "VoxelUNet": (lambda: space.VoxelUNet(2, width=2), (4, 1, 8, 8, 8), (4, 8, 8, 8)),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_they_train_and_are_copied(name, device):
    minidl.manual_seed(0)
    make, shape, labels = NETS[name]
    net = make().to(device)
    x = minidl.randn(*shape).to(device)
    y = (x.flatten(1)[:, 0] > 0).long() if len(labels) == 1 else (x[:, 0] > 0).long()
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    before = [p.detach().clone() for p in net.parameters()]
    losses = []
    for _ in range(6):
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[2:]) < losses[0]
    assert sum(bool((p != q).any()) for p, q in zip(net.parameters(), before)) == len(before)
    net.eval()
    again = make().to(device).eval()
    again.load_state_dict(net.state_dict())
    for same in (again, copy.deepcopy(net)):
        assert minidl.equal(same(x), net(x))
