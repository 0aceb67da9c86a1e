"""The search for likely sequences: by hand, against all sequences there are, and against one beam after the other."""
import itertools
import math

import numpy as np
import pytest

import minidl
from minidl import text

BOS, EOS = 0, 1


class Table:
    """The next token depends on the last two, by a table of logits of each of `count` sequences (count, V, V, V)."""

    def __init__(self, count, words, seed):
        self.logits = minidl.tensor(np.random.default_rng(seed).normal(size=(count, words, words, words)) * 2)

    def step(self, tokens, state):
        number, before = state
        return self.logits[number, before, tokens].float(), (number, tokens)

    def begin(self):
        count = len(self.logits)
        return minidl.arange(count), minidl.zeros(count).long()

    def log_p(self, number, tokens):
        """The sum of log p of the tokens, one by one."""
        before, last, total = 0, BOS, 0.0
        for token in tokens:
            total += self.logits[number, before, last].float().log_softmax(-1)[token].item()
            before, last = last, token
        return total


def all_sequences(words, longest):
    """Those that end, with their end, and those that are cut at the longest length."""
    others = [token for token in range(words) if token != EOS]
    for length in range(longest):
        for body in itertools.product(others, repeat=length):
            yield (*body, EOS)
    yield from itertools.product(others, repeat=longest)


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0, -0.5])
def test_with_room_for_all_beginnings_the_search_is_exhaustive(penalty):
    words, longest = 4, 4
    table = Table(3, words, seed=0)
    found = text.beam_search(table.step, table.begin(), BOS, EOS, 3 ** longest, longest, penalty)
    for number in range(3):
        scored = sorted(((table.log_p(number, each) / len(each) ** penalty, each)
                         for each in all_sequences(words, longest)), reverse=True)
        assert len(found[number]) == min(3 ** longest, len(scored))
        for hypothesis, (score, each) in zip(found[number][:20], scored):
            assert hypothesis.score == pytest.approx(score, abs=1e-4)
            assert hypothesis.tokens == [token for token in each if token != EOS]
            assert hypothesis.ended == (EOS in each)


@pytest.mark.parametrize("beams", [1, 2, 3, 5])
def test_sequences_side_by_side_are_found_as_alone(beams):
    table = Table(4, 5, seed=1)
    together = text.beam_search(table.step, table.begin(), BOS, EOS, beams, 6)
    for number in range(4):
        begin = tuple(part[number:number + 1] for part in table.begin())
        alone, = text.beam_search(table.step, begin, BOS, EOS, beams, 6)
        assert [each.tokens for each in alone] == [each.tokens for each in together[number]]
        for each in alone:
            written = [*each.tokens, EOS] if each.ended else each.tokens
            assert each.score == pytest.approx(table.log_p(number, written) / len(written), abs=1e-4)


def test_two_beams_by_hand():
    """Greedy takes a (0.6) and ends with 0.6 * 0.55 = 0.33; b, then its end, has 0.4 * 0.9 = 0.36.

    Of a mean over lengths, a c with its end is best: (0.6 * 0.45 * 1) ** (1/3) = 0.646 against 0.36 ** (1/2) = 0.6.
    """
    _, _, a, b, c = range(5)
    p = minidl.zeros(5, 5)
    shares = {BOS: {a: 0.6, b: 0.4}, a: {EOS: 0.55, c: 0.45}, b: {EOS: 0.9, c: 0.1}, c: {EOS: 1.0}}
    for last, following in shares.items():
        for token, share in following.items():
            p[last, token] = share

    def step(tokens, state):
        return p[tokens].log(), state
    assert text.greedy_search(step, minidl.zeros(1), BOS, EOS, 9) == [[a]]
    best, second = text.beam_search(step, minidl.zeros(1), BOS, EOS, 2, 9, length_penalty=0)[0]
    assert (best.tokens, second.tokens) == ([b], [a])
    assert math.exp(best.score) == pytest.approx(0.36) and math.exp(second.score) == pytest.approx(0.33)
    best = text.beam_search(step, minidl.zeros(1), BOS, EOS, 2, 9)[0][0]
    assert best.tokens == [a, c] and math.exp(best.score) == pytest.approx(0.27 ** (1 / 3))


def test_a_search_stops_when_nothing_better_can_come():
    steps = []

    def step(tokens, state):
        steps.append(len(tokens))
        return minidl.tensor([-9.0, 9.0, 0.0]).expand(len(tokens), 3), state
    assert text.beam_search(step, minidl.zeros(1), BOS, EOS, 2, 50, length_penalty=0)[0][0].tokens == []
    assert len(steps) == 2


def test_greedy_ends_each_sequence_by_itself():
    def step(tokens, state):
        left = state - 1
        return minidl.stack([left * 0.0, 0.5 - left, left * 0.0 + 0.2], 1), left
    found = text.greedy_search(step, minidl.tensor([1.0, 3.0]), BOS, EOS, 5)
    assert found == [[], [2, 2]]
    assert text.greedy_search(step, minidl.tensor([9.0]), BOS, EOS, 2) == [[2, 2]]
    assert text.greedy_search(step, minidl.tensor([9.0]), BOS, EOS, 0) == [[]]


def test_states_of_any_form_follow_their_sequences():
    state = text.map_state(lambda x: x + 1, {"a": 1}.get("b") or [minidl.zeros(2), (None, minidl.ones(2))])
    assert state[0].tolist() == [1, 1] and state[1][0] is None and state[1][1].tolist() == [2, 2]
    with pytest.raises(ValueError, match="state with a tensor"):
        text.greedy_search(lambda tokens, state: None, None, 0, 1, 3)
    with pytest.raises(ValueError, match="num_beams of 1 or more"):
        text.beam_search(lambda tokens, state: None, minidl.zeros(1), 0, 1, 0, 3)
