"""When ranks that wait can go on, and when they never will."""
from __future__ import annotations

import pytest

from minidl.distributed.watch import ENDED, Call, none_goes_on

ALL, PAIR = (0, 1, 2), (0, 1)


def of(group: int, count: int, members: tuple[int, ...] = ALL, said: str = "is in barrier") -> Call:
    return Call(group, count, members, said)


@pytest.mark.parametrize("calls, counts, expected", [
    ([of(0, 5)] * 3, [{0: 5}] * 3, False),                                      # they have met
    ([of(0, 5), of(0, 5), ENDED], [{0: 5}, {0: 5}, {0: 4}], True),              # one has left before
    ([of(0, 5), ENDED, ENDED], [{0: 5}] * 3, False),                            # the others were there, and left
    ([of(0, 5), of(0, 5), of(0, 5, said="is in all_reduce")], [{0: 5}] * 3, True),
    ([of(0, 6), of(0, 5), of(0, 6)], [{0: 6}, {0: 5}, {0: 6}], False),          # the second is late in call 5
    ([of(1, 1, PAIR), of(0, 5), of(0, 5)], [{0: 4, 1: 1}, {0: 5}, {0: 5}], True),       # each waits for the other
    ([of(1, 1, PAIR), of(1, 1, PAIR), of(0, 5)], [{0: 4, 1: 1}, {0: 4, 1: 1}, {0: 5}], False),
    ([ENDED] * 3, [{0: 5}] * 3, False)])
def test_who_goes_on(calls: list[Call], counts: list[dict[int, int]], expected: bool) -> None:
    assert none_goes_on(dict(enumerate(zip(calls, counts)))) is expected
