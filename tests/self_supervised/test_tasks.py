"""Images turned, and cut into tiles that are put together in another order."""
import numpy as np
import pytest

import minidl
from minidl.self_supervised import rotated, shuffled, tile_orders


def test_rotations_are_numpys():
    x = minidl.rand(3, 2, 4, 4)
    turned, turns = rotated(x)
    assert turned.shape == (12, 2, 4, 4) and turns.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    for image, number, original in zip(turned.numpy(), turns.tolist(), [*x.numpy()] * 4):
        np.testing.assert_array_equal(image, np.rot90(original, number, (1, 2)))
    with pytest.raises(ValueError, match=r"square images \(N, C, S, S\), but got \(3, 2, 4, 3\)"):
        rotated(x[..., :3])


def test_tiles_by_a_loop():
    x, orders = minidl.rand(4, 2, 6, 9), minidl.stack([minidl.randperm(9) for _ in range(4)])
    out = shuffled(x, orders, 3)
    for image, order, original in zip(out, orders.tolist(), x):
        for place, tile in enumerate(order):
            (a, b), (c, d) = divmod(place, 3), divmod(tile, 3)
            assert (image[:, 2 * a:2 * a + 2, 3 * b:3 * b + 3] == original[:, 2 * c:2 * c + 2, 3 * d:3 * d + 3]).all()
    still = minidl.arange(9).expand(4, 9)
    assert (shuffled(x, still, 3) == x).all()
    assert (shuffled(out, orders.argsort(1), 3) == x).all()             # and back
    with pytest.raises(ValueError, match=r"multiples of 2, and orders \(N, 4\), but got \(4, 2, 6, 9\) and \(4, 9\)"):
        shuffled(x, orders, 2)


def test_orders_are_far_apart():
    orders = tile_orders(9, 30).numpy()
    assert (np.sort(orders, 1) == np.arange(9)).all()
    distances = (orders[:, None] != orders).sum(2) + 9 * np.eye(30, dtype=int)
    assert distances[:9, :9].min() == 9 and distances.min() >= 7        # a Latin square comes first
    assert sorted(map(tuple, tile_orders(3, 6).tolist())) == [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1),
                                                              (2, 1, 0)]


@pytest.mark.parametrize("tiles, count, said", [(3, 7, "from 1 to 6 orders of 3 tiles, but got 7"),
                                                (16, 2, "2 to 9 tiles, but got 16")])
def test_orders_that_there_are_not(tiles, count, said):
    with pytest.raises(ValueError, match=said):
        tile_orders(tiles, count)
