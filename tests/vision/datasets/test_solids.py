"""SyntheticSolids: three forms of the same solid that cannot contradict each other."""
import numpy as np
import pytest

import minidl
from minidl.rendering import SOLIDS, normals
from minidl.vision.datasets import SyntheticSolids
from minidl.vision.datasets.beyond_torchvision.solids import centres, rotation_of, surface


@pytest.mark.parametrize("rotation", ["none", "z", "all"])
def test_all_forms_show_the_same_solid(rotation):
    forms = {form: SyntheticSolids(30, form, side=20, rotation=rotation) for form in ("voxels", "points", "views")}
    for i in range(12):
        (volume, kind), (cloud, same), (views, again) = (data[i] for data in forms.values())
        solid = forms["views"].solid(i)
        assert kind == same == again == SyntheticSolids.classes.index(solid.kind)
        assert volume.shape == (1, 20, 20, 20) and cloud.shape == (3, 256) and views.shape == (8, 1, 20, 20)
        assert minidl.equal(volume[0] == 1, solid.distance(centres(20)) < 0)
        assert solid.distance(cloud.T).abs().max() < 0.001
        cells = ((cloud + 1) * 10).long()
        around = minidl.nn.functional.max_pool3d(volume, 3, 1, 1)[0]
        assert around[cells[0], cells[1], cells[2]].mean() > 0.95       # points lie on the volume's border
        assert views.max() > 0.5 and (views[:, 0, 0, 0] == 0).all()


def test_rotations():
    data = SyntheticSolids(50, rotation="z")
    assert all(data.solid(i).rotation[2].tolist() == [0, 0, 1] for i in range(50))
    assert minidl.equal(SyntheticSolids(5, rotation="none").solid(3).rotation, minidl.eye(3))
    turn = rotation_of(np.random.default_rng(0).standard_normal(4))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_points_lie_evenly():
    """A face of the cube gets a sixth of the points, each quarter of it a 24th."""
    points = surface(SOLIDS["cube"], 6000, np.random.default_rng(0))
    faces = normals(SOLIDS["cube"], points * 1.01).round().long()
    on_top = points[faces[:, 2] == 1]
    assert len(on_top) == pytest.approx(1000, abs=100)
    assert ((on_top[:, 0] > 0) & (on_top[:, 1] > 0)).sum().item() == pytest.approx(250, abs=50)


def test_the_same_again_and_others_by_seed():
    a, b, other = (SyntheticSolids(10, "points", noise=0.01, seed=seed) for seed in (1, 1, 2))
    assert minidl.equal(a[4][0], b[4][0]) and not minidl.equal(a[4][0], other[4][0])
    kinds = [SyntheticSolids(500, seed=0).solid(i).kind for i in range(500)]
    assert min(kinds.count(kind) for kind in SOLIDS) > 25


def test_noise():
    clean, noisy = (SyntheticSolids(3, "voxels", side=16, noise=noise)[1][0] for noise in (0.0, 0.1))
    assert (clean != noisy).float().mean().item() == pytest.approx(0.1, abs=0.02)
    clean, noisy = (SyntheticSolids(3, "points", points=500, noise=noise)[1][0] for noise in (0.0, 0.1))
    assert (noisy - clean).std().item() == pytest.approx(0.1, rel=0.1)


def test_transforms_and_refusals():
    data = SyntheticSolids(3, "points", transform=lambda x: x.shape, target_transform=str)
    shape, kind = data[0]
    assert tuple(shape) == (3, 256) and isinstance(kind, str) and len(data) == 3
    with pytest.raises(IndexError, match="index 3 is out of range for 3 solids"):
        data[3]
    for settings, words in (({"form": "mesh"}, "expected form"), ({"rotation": "x"}, "expected rotation"),
                            ({"scale": (0.5, 1.0)}, "to \\+ shift of 1 at most")):
        with pytest.raises(ValueError, match=f"SyntheticSolids: .*{words}"):
            SyntheticSolids(3, **settings)
