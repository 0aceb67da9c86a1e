"""Episodes, and the scores of prototypes."""
import numpy as np
import pytest

import minidl
from minidl.autograd import gradcheck, gradgradcheck
from minidl.self_supervised import Episodes, prototypical_scores


def test_episodes():
    """Rows are of one class and of different ones, without repetition; each class and image comes."""
    minidl.manual_seed(0)
    labels = minidl.tensor([7] * 4 + [2] * 5 + [3] * 2 + [9] * 4)       # 3 has too few
    seen, classes = set(), set()
    for numbers in Episodes(labels, ways=2, shots=1, queries=2, count=60):
        rows = labels[numbers].numpy()
        assert numbers.shape == (2, 3) and (rows == rows[:, :1]).all() and rows[0, 0] != rows[1, 0]
        assert len(np.unique(numbers.numpy())) == 6
        seen.update(numbers.flatten().tolist())
        classes.update(rows[:, 0].tolist())
    assert classes == {2, 7, 9} and seen == set(range(15)) - {9, 10}


def test_episodes_of_a_generator_are_the_same_again():
    labels = minidl.arange(6) // 2
    first, second = (list(Episodes(labels, 2, 1, 1, 3, minidl.Generator().manual_seed(5))) for _ in range(2))
    assert len(first) == 3 and all((a == b).all() for a, b in zip(first, second))


def test_prototypes_by_hand():
    support = minidl.tensor([[[1.0, 0.0], [3.0, 0.0]], [[0.0, 5.0], [0.0, -1.0]]])      # means (2, 0) and (0, 2)
    scores = prototypical_scores(support, minidl.tensor([[2.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(scores.numpy(), [[-1, -5], [-4, -4]])


def test_scores_to_second_order():
    inputs = (minidl.randn(3, 2, 4, dtype=minidl.float64, requires_grad=True),
              minidl.randn(5, 4, dtype=minidl.float64, requires_grad=True))
    assert gradcheck(prototypical_scores, inputs) and gradgradcheck(prototypical_scores, inputs)


def test_refusals():
    labels = minidl.tensor([0, 0, 1, 1, 2])
    with pytest.raises(ValueError, match=r"expected 3 classes of 1 \+ 1 images at least, but 2 of 3 have so many"):
        Episodes(labels, 3, 1, 1)
    with pytest.raises(ValueError, match="but 0 of 3"):
        Episodes(labels, 1, 2, 1)
    with pytest.raises(ValueError, match=r"support \(ways, shots, D\) and queries \(Q, D\), but got \(2, 3\)"):
        prototypical_scores(minidl.ones(2, 3), minidl.ones(2, 3))
