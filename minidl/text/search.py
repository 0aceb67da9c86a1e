"""Greedy search and beam search for a likely sequence.

Both ask a function `step(tokens, state)`: given the last token of each sequence (N,) and what came before, it gives
logits (N, V) of the next one and the new state. A state is a tensor, or a tuple or list of them, with N in front; None
stays None.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.autograd import no_grad
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import full, tensor
from minidl.tensors.tensor import Tensor

Step = Callable[[Tensor, Any], "tuple[Tensor, Any]"]


class Hypothesis(NamedTuple):
    """A sequence that a search has found.

    tokens: without the end. score: its log-probability, over its length to the power of the length penalty. ended:
    whether it has an end, or was cut.
    """

    tokens: list[int]
    score: float
    ended: bool


def map_state(function: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Apply a function to each tensor of a state.

        >>> import minidl
        >>> from minidl.text import map_state
        >>> map_state(lambda x: x[:1], (minidl.zeros(2, 3), None, [minidl.ones(2)]))
        (tensor([[0., 0., 0.]]), None, [tensor([1.])])
    """
    if state is None or isinstance(state, Tensor):
        return None if state is None else function(state)
    parts = [map_state(function, part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)


def first_tensor(state: Any) -> Tensor | None:
    """Some tensor of a state, None if it has none."""
    if state is None or isinstance(state, Tensor):
        return state
    return next((found for found in map(first_tensor, state) if found is not None), None)


@no_grad()
def greedy_search(step: Step, state: Any, bos: int, eos: int, max_new_tokens: int) -> list[list[int]]:
    """The likeliest token at each step, until the end of each sequence.

    A list for each of the N sequences of a state, without <bos> and <eos>.

        >>> import minidl
        >>> from minidl.text import greedy_search
        >>> def count(tokens, state):               # 1, 2, 3 and so on, up to 4, which ends it
        ...     return minidl.nn.functional.one_hot(tokens + 1, 6).float(), state
        >>> greedy_search(count, minidl.zeros(2), bos=0, eos=4, max_new_tokens=9)
        [[1, 2, 3], [1, 2, 3]]
    """
    tokens = _begin("greedy_search", state, bos)
    found, ended = [], tokens != tokens
    for _ in range(max_new_tokens):
        logits, state = step(tokens, state)
        tokens = logits.argmax(-1)
        found.append(tokens)
        ended = ended | (tokens == eos)
        if bool(ended.all()):
            break
    rows = stack(found, 1).tolist() if found else [[] for _ in range(len(tokens))]
    return [row[:row.index(eos)] if eos in row else row for row in rows]


@no_grad()
def beam_search(step: Step, state: Any, bos: int, eos: int, num_beams: int, max_new_tokens: int,
                length_penalty: float = 1.0) -> list[list[Hypothesis]]:
    """The best sequences, found from the `num_beams` likeliest beginnings at each step.

        score = log p(tokens, end) / length ** length_penalty

    The length counts the end. With a penalty of 0 the likeliest sequence is sought, which is often too short, since
    each token makes a sequence less likely; with 1 the largest mean. For each of N sequences, up to `num_beams`
    hypotheses, the best first. The search of a sequence ends when no beginning can become better than those; at
    `max_new_tokens`, beginnings without an end are counted as they are.

    Errors: ValueError for fewer than one beam.
    Source: Graves, "Sequence Transduction with Recurrent Neural Networks", 2012; on lengths: Wu et al., "Google's
    Neural Machine Translation System", 2016.

        >>> import minidl
        >>> from minidl.text import beam_search
        >>> def step(tokens, state):                # 1 is likelier than 2, but 2 surely ends
        ...     table = minidl.tensor([[0, .6, .4, 0], [0, .4, 0, .6], [0, 0, 0, 1.], [0, 0, 0, 0]])
        ...     return table[tokens].log(), state
        >>> [beam_search(step, minidl.zeros(1), 0, 3, k, 5, length_penalty=0)[0][0].tokens for k in (1, 2)]
        [[1], [2]]
    """
    if num_beams < 1:
        raise ValueError(f"beam_search: expected num_beams of 1 or more, but got {num_beams}")
    tokens = _begin("beam_search", state, bos)
    count, device = len(tokens), tokens.device
    live: list[list[list[int]]] = [[[]] for _ in range(count)]          # the beginnings of each sequence
    finished: list[list[Hypothesis]] = [[] for _ in range(count)]
    scores = tensor([[0.0]] * count, device=device)                     # log p of the beginnings, (N, beams)

    for length in range(1, max_new_tokens + 1):
        logits, state = step(tokens, state)
        beams, words = scores.shape[1], logits.shape[1]
        total = scores[..., None] + logits.log_softmax(-1).view(count, beams, words)
        best, places = total.flatten(1).topk(min(2 * num_beams, beams * words))
        kept: list[list[tuple[int, int, float]]] = [[] for _ in range(count)]       # beam, token, log p
        for n, (row, row_places) in enumerate(zip(best.tolist(), places.tolist())):
            for rank, (log_p, place) in enumerate(zip(row, row_places)):
                beam, token = divmod(place, words)
                if token != eos:
                    kept[n].append((beam, token, log_p))
                elif rank < num_beams and log_p > -math.inf:
                    finished[n].append(Hypothesis(live[n][beam], log_p / length ** length_penalty, True))
            kept[n] = kept[n][:num_beams]
            finished[n] = sorted(finished[n], key=lambda each: -each.score)[:num_beams]
        live = [[[*live[n][beam], token] for beam, token, _ in kept[n]] for n in range(count)]
        scores = tensor([[log_p for _, _, log_p in row] for row in kept], device=device)
        if all(_done(row, log_p[0] if log_p else -math.inf, num_beams, length, max_new_tokens, length_penalty)
               for row, log_p in zip(finished, scores.tolist())):
            break
        tokens = tensor([token for row in kept for _, token, _ in row], device=device)
        rows = tensor([n * beams + beam for n, row in enumerate(kept) for beam, _, _ in row], device=device)
        state = map_state(lambda x, rows=rows: x.index_select(0, rows), state)  # type: ignore[misc]
    else:
        for n, row in enumerate(scores.tolist()):
            finished[n] += [Hypothesis(begun, log_p / max(max_new_tokens, 1) ** length_penalty, False)
                            for begun, log_p in zip(live[n], row) if log_p > -math.inf]
    return [sorted(row, key=lambda each: -each.score)[:num_beams] for row in finished]


def _done(finished: list[Hypothesis], log_p: float, num_beams: int, length: int, longest: int, penalty: float) -> bool:
    """Whether no beginning can become better than what is finished."""
    reachable = max(log_p / (length + 1) ** penalty, log_p / longest ** penalty)    # log p falls, so these are bounds
    return len(finished) == num_beams and finished[-1].score >= reachable


def _begin(who: str, state: Any, bos: int) -> Tensor:
    some = first_tensor(state)
    if some is None:
        raise ValueError(f"{who}: expected a state with a tensor whose first axis says how many sequences there are, "
                         f"but got {state!r}")
    return full((len(some),), bos, device=some.device).long()


def join_steps(step: Step, state: Any, tokens: Tensor) -> tuple[Tensor, list[Any]]:
    """Logits (N, T, V) of a step for each token of (N, T), and all states.

        >>> import minidl
        >>> from minidl.text import join_steps
        >>> logits, states = join_steps(lambda x, total: (total + x[:, None], total + x[:, None]), minidl.zeros(1, 1),
        ...                             minidl.tensor([[1, 2, 3]]))
        >>> logits
        tensor([[[1.],
                 [3.],
                 [6.]]])
    """
    logits, states = [], []
    for column in tokens.unbind(1):
        scores, state = step(column, state)
        logits.append(scores[:, None])
        states.append(state)
    return cat(logits, 1), states
