"""Encoders and decoders: shapes of the diagrams, padding that changes nothing, steps that are the whole, attention."""
import math

import numpy as np
import pytest

import minidl
from minidl import nn, text
from minidl.nn import functional as F
from minidl.vision.models import VisionTransformer
from tests import strict_array

MODELS = {
    "none": lambda: text.Seq2SeqRNN(9, 7, 4, 6), "both ways": lambda: text.Seq2SeqRNN(9, 7, 4, 3, bidirectional=True),
    "dot": lambda: text.Seq2SeqRNN(9, 7, 4, 6, "dot"),
    "additive": lambda: text.Seq2SeqRNN(9, 7, 4, 6, "additive", bidirectional=True),
    "transformer": lambda: text.Seq2SeqTransformer(9, 7, 8, 2, 2, 2, 16),
    "norm first": lambda: text.Seq2SeqTransformer(9, 7, 8, 2, 1, 1, 16, norm_first=True),
}
LOOKS = [name for name in MODELS if name not in ("none", "both ways")]
SOURCE = [[3, 4, 5, 6, 7], [8, 2, 0, 0, 0], [5, 5, 5, 0, 0]]


def made(name):
    minidl.manual_seed(0)
    model = MODELS[name]()
    with minidl.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model, minidl.tensor(SOURCE), minidl.randint(1, 7, (3, 4))


def near(a, b):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_steps_are_the_whole(name):
    model, source, target = made(name)
    whole = model(source, target)
    assert whole.shape == (3, 4, 7)
    near(text.join_steps(model.step, model.encode(source), target)[0], whole)


@pytest.mark.parametrize("name", MODELS)
def test_padding_changes_nothing(name):
    model, source, target = made(name)
    whole = model(source, target)
    for row, length in enumerate((5, 2, 3)):
        near(model(source[row:row + 1, :length], target[row:row + 1]), whole[row:row + 1])


@pytest.mark.parametrize("name", MODELS)
def test_no_word_sees_a_later_one_and_all_see_the_source(name):
    model, source, target = made(name)
    later, other = target.clone(), source.clone()
    later[:, 2:] = later[:, 2:] % 6 + 1
    other[:, 1] = other[:, 1] % 8 + 1
    near(model(source, later)[:, :2], model(source, target)[:, :2])
    assert not minidl.allclose(model(other, target)[:, 0], model(source, target)[:, 0], atol=1e-4)


@pytest.mark.parametrize("name", LOOKS)
def test_alignments_are_shares_of_the_real_source(name):
    model, source, target = made(name)
    weights = model.alignment(source, target).detach()
    assert weights.shape == (3, 4, 5)
    near(weights.sum(-1), minidl.ones(3, 4))
    assert (weights.numpy()[np.broadcast_to((np.array(SOURCE) == 0)[:, None], (3, 4, 5))] == 0).all()


@pytest.mark.parametrize("name", MODELS)
def test_one_beam_without_a_penalty_starts_as_greedy(name):
    model, source, _ = made(name)
    greedy = model.generate(source, bos=1, eos=99, max_new_tokens=6)
    beams = model.search(source, 1, 99, 1, 6)
    assert greedy == [each[0].tokens for each in beams] and all(len(row) == 6 for row in greedy)
    wide = model.search(source, 1, 99, 4, 6)
    for row, one in zip(wide, beams):
        assert len(row) == 4 and row[0].score >= row[3].score and row[0].score >= one[0].score - 1e-5


def test_without_attention_all_passes_through_one_state():
    """The context is the encoder's last state at every step, and looking is refused."""
    model, source, _ = made("none")
    state = model.encode(source)
    assert state.memory.shape == (3, 1, 6) and state.hidden.shape == (3, 6)
    near(state.hidden, model.start(state.memory[:, 0]).tanh())
    with pytest.raises(ValueError, match="looks nowhere"):
        model.alignment(source, source)
    with pytest.raises(ValueError, match="None, 'additive' or 'dot', but got 'loud'"):
        text.Seq2SeqRNN(9, 7, attention="loud")


def test_dot_attention_by_hand():
    memory = minidl.tensor([[[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]])
    query, hidden = minidl.tensor([[math.log(3), 0.0]]), minidl.tensor([[False, False, True]])
    context, weights = text.DotAttention()(query, memory, hidden)
    np.testing.assert_allclose(weights.numpy(), [[0.75, 0.25, 0]], rtol=1e-6)       # e^log 3 : e^0
    np.testing.assert_allclose(context.numpy(), [[0.75, 0.5]], rtol=1e-6)


def test_additive_attention_by_hand():
    attention = text.AdditiveAttention(1, 1, 1)
    with minidl.no_grad():
        attention.query.weight.fill_(1.0)
        attention.memory.weight.fill_(1.0)
        attention.score.weight.fill_(2.0)
    memory = minidl.tensor([[[0.0], [math.atanh(0.5)]]])
    context, weights = attention(minidl.zeros(1, 1), memory)         # scores 2 tanh(0), 2 tanh(atanh 1/2) = 1
    share = math.e / (1 + math.e)
    np.testing.assert_allclose(weights.detach().numpy(), [[1 - share, share]], rtol=1e-6)
    np.testing.assert_allclose(context.detach().numpy(), [[share * math.atanh(0.5)]], rtol=1e-6)


def test_waves_of_places():
    """Columns by the formula; and moving on by k places is one rotation, wherever it begins."""
    p = text.sinusoidal_positions(50, 8).numpy()
    t = np.arange(50)
    for i in range(4):
        np.testing.assert_allclose(p[:, 2 * i], np.sin(t / 10000 ** (2 * i / 8)), atol=1e-5)
        np.testing.assert_allclose(p[:, 2 * i + 1], np.cos(t / 10000 ** (2 * i / 8)), atol=1e-5)
    gram = p @ p.T
    np.testing.assert_allclose(np.diag(gram, 7), np.diag(gram, 7)[0], rtol=1e-5)
    with pytest.raises(ValueError, match="even size"):
        text.sinusoidal_positions(3, 5)


def test_transformer_is_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    model, source, target = made("transformer")
    state = {name: torch.tensor(value.numpy()) for name, value in model.state_dict().items()}
    theirs = torch.nn.Transformer(8, 2, 2, 2, 16, 0.0, batch_first=True)
    theirs.load_state_dict({name.removeprefix("transformer."): value for name, value in state.items()
                            if name.startswith("transformer.")})
    x, y = (state[f"{side}_embedding.weight"][torch.tensor(tokens.numpy())] + torch.tensor(
        text.sinusoidal_positions(tokens.shape[1], 8).numpy()) for side, tokens in (("source", source),
                                                                                     ("target", target)))
    padding = torch.tensor(source.numpy()) == 0
    out = theirs(x, y, tgt_mask=theirs.generate_square_subsequent_mask(4), src_key_padding_mask=padding,
                 memory_key_padding_mask=padding)
    expected = out @ state["head.weight"].T + state["head.bias"]
    np.testing.assert_allclose(model(source, target).detach().numpy(), expected.detach().numpy(), rtol=1e-3, atol=1e-4)


def test_weights_of_attentions_are_kept_only_inside():
    model = nn.Transformer(8, 2, 1, 2, 16, 0.0, batch_first=True)
    src, tgt = minidl.randn(3, 5, 8), minidl.randn(3, 4, 8)
    plain = model(src, tgt)
    with text.attention_weights(model) as weights:
        near(model(src, tgt), plain)
    assert {name: each.shape for name, each in weights.items()} == {
        "encoder.layers.0.self_attn": (3, 2, 5, 5),
        **{f"decoder.layers.{i}.{part}": shape for i in range(2)
           for part, shape in (("self_attn", (3, 2, 4, 4)), ("multihead_attn", (3, 2, 4, 5)))}}
    weights.clear()
    model(src, tgt)
    assert not weights
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    expected = attention(tgt, src, src, average_attn_weights=False)[1]
    with text.attention_weights(attention) as weights:
        attention(tgt, key=src, value=src, need_weights=False)
    near(weights[""], expected)


def test_rollout_is_the_product_of_the_layers():
    """Of a vision transformer of two layers and two heads, beside the same in NumPy."""
    minidl.manual_seed(0)
    model = VisionTransformer(8, 4, 2, 2, 8, 16)
    with text.attention_weights(model) as weights:
        model(minidl.randn(3, 3, 8, 8))
    first, second = (0.5 * each.numpy().mean(1) + 0.5 * np.eye(5) for each in weights.values())
    found = text.attention_rollout(weights.values())
    np.testing.assert_allclose(found.numpy(), second @ first, rtol=1e-5)
    np.testing.assert_allclose(found.sum(-1).numpy(), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="expected the weights"):
        text.attention_rollout([])


@pytest.mark.parametrize("name", ["additive", "transformer"])
def test_a_model_learns_to_turn_words_round(name):
    minidl.manual_seed(0)
    model = text.Seq2SeqRNN(7, 7, 16, 32, "additive", bidirectional=True) if name == "additive" else \
        text.Seq2SeqTransformer(7, 7, 32, 2, 1, 1, 64)
    optimizer = minidl.optim.Adam(model.parameters(), lr=1e-2 if name == "additive" else 3e-3)
    ends = minidl.tensor([[1, 2]]).expand(32, 2)
    for _ in range(100 if name == "additive" else 250):
        source = minidl.randint(3, 7, (32, 3))
        target = minidl.cat([ends[:, :1], source.flip(1), ends[:, 1:]], 1)
        loss = F.cross_entropy(model(source, target[:, :-1]).flatten(0, 1), target[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    source = minidl.randint(3, 7, (50, 3))
    right = [found == row[::-1] for found, row in zip(model.generate(source, 1, 2, 6), source.tolist())]
    assert sum(right) >= 45
    assert sum(each[0].tokens == row[::-1] for each, row in zip(model.search(source, 1, 2, 3, 6),
                                                                source.tolist())) >= 45


@pytest.mark.parametrize("name", ["none", "additive", "transformer"])
def test_on_arrays_that_refuse_what_a_gpu_refuses(name):
    model, source, target = made(name)
    model, source, target = model.to("strict"), source.to("strict"), target.to("strict")
    assert isinstance(model(source, target).array, strict_array.StrictArray)
    assert len(model.generate(source, 1, 2, 3)) == len(model.search(source, 1, 2, 2, 3)) == 3
