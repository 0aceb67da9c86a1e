"""Models of the next token: GPT against PyTorch's layers, caches against reading anew, the choice of tokens."""
import math

import numpy as np
import pytest

import minidl
from minidl import nn, text
from minidl.nn import functional as F
from tests import strict_array

MODELS = {"gpt": lambda: text.GPT(11, 8, n_layer=2, n_head=2, n_embd=8),
          **{kind: lambda kind=kind: text.RNNModel(kind, 11, 4, 6, nlayers=2) for kind in ("RNN", "LSTM", "GRU")}}


def sharp(name):
    """A model with large weights, so that what it says differs much from place to place."""
    minidl.manual_seed(0)
    model = MODELS[name]()
    with minidl.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


# ---------------------------------------------------------------------- reading

@pytest.mark.parametrize("name", MODELS)
def test_reading_in_parts_is_reading(name):
    model, tokens = sharp(name), minidl.randint(11, (3, 8))
    whole, parts, state = model(tokens), [], None
    for first, last in ((0, 3), (3, 4), (4, 8)):
        logits, state = model.read(tokens[:, first:last], state)
        parts.append(logits)
    assert whole.shape == (3, 8, 11)
    np.testing.assert_allclose(minidl.cat(parts, 1).detach().numpy(), whole.detach().numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_no_token_sees_a_later_one(name):
    model, tokens = sharp(name), minidl.randint(11, (1, 6))
    other = tokens.clone()
    other[0, 4:] = (other[0, 4:] + 1) % 11
    first, second = model(tokens), model(other)
    assert minidl.equal(first[:, :4], second[:, :4]) and not minidl.allclose(first[:, 4], second[:, 4])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("settings", [{"do_sample": False}, {"temperature": 0.7, "top_k": 5, "top_p": 0.9}])
def test_the_cache_changes_nothing(name, settings):
    """Also where the text grows beyond what a GPT sees."""
    model, begun = sharp(name), minidl.tensor([[1, 2, 3], [4, 5, 6]])
    cached, read_anew = (model.generate(begun, 12, use_cache=use, generator=minidl.Generator().manual_seed(3),
                                        **settings) for use in (True, False))
    assert cached.shape == (2, 15) and minidl.equal(cached[:, :3], begun) and minidl.equal(cached, read_anew)


def test_generate_is_greedy_step_by_step():
    model = sharp("gpt").train()
    tokens = minidl.tensor([[3, 1]])
    for _ in range(9):
        tokens = minidl.cat([tokens, model(tokens[:, -8:])[:, -1:].argmax(-1)], 1)
    assert minidl.equal(model.generate(minidl.tensor([[3, 1]]), 9, do_sample=False), tokens) and model.training


def test_generate_ends_with_a_token():
    class Counts(text.LanguageModel):
        def read(self, tokens, state=None):
            return F.one_hot((tokens + 1) % 6, 6).float(), tokens
    out = Counts().generate(minidl.tensor([[1], [3]]), 20, do_sample=False, eos_token_id=4)
    assert out.tolist() == [[1, 2, 3, 4], [3, 4, 4, 4]]
    with pytest.raises(ValueError, match="at least one to begin with"):
        Counts().generate(minidl.zeros(1, 0).long(), 3)


@pytest.mark.parametrize("name", MODELS)
def test_on_arrays_that_refuse_what_a_gpu_refuses(name):
    model = MODELS[name]().to("strict")
    begun = minidl.ones(2, 3).long().to("strict")
    assert isinstance(model.generate(begun, 9, top_k=3, top_p=0.8).array, strict_array.StrictArray)


# ---------------------------------------------------------------------- choosing

def test_temperature_sharpens():
    logits = minidl.tensor([1.0, 2.0, 4.0])
    np.testing.assert_allclose(text.filter_logits(logits, 0.5).numpy(), [2, 4, 8])
    assert text.filter_logits(logits, 1e-3).softmax(-1).tolist() == [0, 0, 1]


def test_top_k_keeps_the_largest_and_their_equals():
    logits = minidl.tensor([[3.0, 1.0, 2.0, 2.0], [0.0, 9.0, 1.0, 2.0]])
    kept = text.filter_logits(logits, top_k=2).isfinite()
    assert kept.tolist() == [[True, False, True, True], [False, True, False, True]]
    assert minidl.equal(text.filter_logits(logits, top_k=99), logits)


@pytest.mark.parametrize("p, left", [(0.1, [0.5]), (0.49, [0.5]), (0.51, [0.5, 0.3]), (0.79, [0.5, 0.3]),
                                     (0.9, [0.5, 0.3, 0.15]), (1.0, [0.5, 0.3, 0.15, 0.05])])
def test_top_p_keeps_the_fewest(p, left):
    logits = minidl.tensor([0.15, 0.05, 0.5, 0.3]).log()[None]
    kept = text.filter_logits(logits, top_p=p).softmax(-1)[0, [2, 3, 0, 1]]
    expected = [share / sum(left) for share in left] + [0.0] * (4 - len(left))
    np.testing.assert_allclose(kept.numpy(), expected, rtol=1e-6)


def test_sampling_follows_the_probabilities():
    class Fixed(text.LanguageModel):
        def read(self, tokens, state=None):
            return minidl.tensor([0.5, 0.3, 0.2]).log().expand(*tokens.shape, 3), tokens
    minidl.manual_seed(0)
    drawn = Fixed().generate(minidl.zeros(4000, 1).long(), 1)[:, 1]
    shares = minidl.bincount(drawn, minlength=3).double() / 4000
    assert (shares - minidl.tensor([0.5, 0.3, 0.2])).abs().max().item() < 4 * math.sqrt(0.25 / 4000)


@pytest.mark.parametrize("settings, words", [({"temperature": 0}, "do_sample=False"), ({"top_k": 0}, "top_k of 1"),
                                             ({"top_p": 0.0}, "top_p above 0"), ({"top_p": 1.5}, "at most 1")])
def test_settings_that_choose_nothing_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        text.filter_logits(minidl.zeros(3), **settings)


# ---------------------------------------------------------------------- GPT

def test_gpt_is_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    minidl.manual_seed(0)
    model = text.GPT(11, 8, n_layer=2, n_head=2, n_embd=8)
    state = {name: torch.tensor(value.numpy()) for name, value in model.state_dict().items()}
    layer = torch.nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True)
    tokens = minidl.randint(11, (3, 7))
    x = state["transformer.wte.weight"][torch.tensor(tokens.numpy())] + state["transformer.wpe.weight"][:7]
    for i in range(2):
        h = f"transformer.h.{i}."
        renamed = {"self_attn.in_proj_": "attn.c_attn.", "self_attn.out_proj.": "attn.c_proj.",
                   "linear1.": "mlp.c_fc.", "linear2.": "mlp.c_proj.", "norm1.": "ln_1.", "norm2.": "ln_2."}
        layer.load_state_dict({ours + part: state[h + theirs + part] for ours, theirs in renamed.items()
                               for part in ("weight", "bias")})
        x = layer(x, torch.nn.Transformer.generate_square_subsequent_mask(7), is_causal=True)
    x = torch.nn.functional.layer_norm(x, (8,), state["transformer.ln_f.weight"], state["transformer.ln_f.bias"])
    expected = (x @ state["lm_head.weight"].T).detach().numpy()
    np.testing.assert_allclose(model(tokens).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_gpt_has_the_sizes_of_gpt_2():
    """124 million parameters, those of the embedding counted once: it is the last layer's as well."""
    E, L, V, T = 768, 12, 50257, 1024
    by_hand = V * E + T * E + L * (12 * E * E + 13 * E) + 2 * E
    assert by_hand == 124_439_808
    small = text.GPT(50, 10, n_layer=3, n_head=2, n_embd=8)
    assert sum(p.numel() for p in small.parameters()) == 50 * 8 + 10 * 8 + 3 * (12 * 64 + 13 * 8) + 2 * 8
    assert small.transformer["wte"].weight is small.lm_head.weight


def test_gpt_starts_with_no_opinion():
    """Deviations by name, and a loss near log V."""
    minidl.manual_seed(0)
    model = text.GPT(200, 32, n_layer=8, n_head=4, n_embd=64)
    assert model.transformer["h"][0].attn.c_attn.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.transformer["h"][0].mlp.c_proj.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    tokens = minidl.randint(200, (4, 32))
    loss = F.cross_entropy(model(tokens).flatten(0, 1), tokens.roll(-1, 1).flatten()).item()
    assert loss == pytest.approx(math.log(200), abs=0.1)


def test_gpt_learns_a_text_by_heart_and_is_kept(tmp_path):
    minidl.manual_seed(0)
    tokenizer = text.CharTokenizer.build("to be, or not to be: ")
    tokens = minidl.tensor(tokenizer.encode("to be, or not to be: " * 10))
    model = text.GPT(len(tokenizer), 16, n_layer=1, n_head=2, n_embd=16, dropout=0.0)
    optimizer = minidl.optim.AdamW(model.parameters(), lr=1e-2)
    for x, y in text.RandomWindows(tokens, 16, 8, 150):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
    minidl.save(model.state_dict(), tmp_path / "gpt")
    again = text.GPT(len(tokenizer), 16, n_layer=1, n_head=2, n_embd=16)
    again.load_state_dict(minidl.load(tmp_path / "gpt"))
    assert again.transformer["wte"].weight is again.lm_head.weight
    begun = minidl.tensor([tokenizer.encode("to be, or n")])
    assert tokenizer.decode(again.generate(begun, 8, do_sample=False)[0]) == "to be, or not to be"


def test_attention_maps_are_causal_and_explain_the_output():
    model = sharp("gpt")
    tokens = minidl.randint(11, (2, 6))
    maps = model.attention_maps(tokens)
    assert maps.shape == (2, 2, 2, 6, 6)
    np.testing.assert_allclose(maps.sum(-1).detach().numpy(), np.ones((2, 2, 2, 6)), rtol=1e-5)
    assert (maps.detach().numpy()[..., ~np.tri(6, dtype=bool)] == 0).all()
    block = model.transformer["h"][0]
    x = block.ln_1(model.transformer["wte"](tokens) + model.transformer["wpe"](minidl.arange(6)))
    values = block.attn.c_attn(x)[..., 16:].unflatten(2, (2, 4)).transpose(1, 2)
    by_maps = block.attn.c_proj((maps[:, 0] @ values).transpose(1, 2).flatten(2))
    np.testing.assert_allclose(block.attn(x)[0].detach().numpy(), by_maps.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at most block_size=8 tokens, but got 9"):
        MODELS["gpt"]()(minidl.zeros(1, 9).long())
    with pytest.raises(ValueError, match="n_embd=10 and n_head=3"):
        text.GPT(5, 5, 1, 3, 10)
    with pytest.raises(ValueError, match="'RNN', 'LSTM' or 'GRU', but got 'CNN'"):
        text.RNNModel("CNN", 5, 5, 5)
    with pytest.raises(ValueError, match="nhid must be equal"):
        text.RNNModel("GRU", 5, 4, 8, tie_weights=True)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_models_are_what_pytorch_computes(kind):
    torch = pytest.importorskip("torch")
    model = text.RNNModel(kind, 9, 4, 4, nlayers=2, tie_weights=True)
    assert model.decoder.weight is model.encoder.weight
    layers = getattr(torch.nn, kind)(4, 4, 2, batch_first=True)
    layers.load_state_dict({name: torch.tensor(value.numpy()) for name, value in model.rnn.state_dict().items()})
    weight, bias = (torch.tensor(p.detach().numpy()) for p in (model.encoder.weight, model.decoder.bias))
    tokens = minidl.randint(9, (2, 5))
    expected = layers(weight[torch.tensor(tokens.numpy())])[0] @ weight.T + bias
    np.testing.assert_allclose(model(tokens).detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_dropout_rests_while_text_is_made():
    model = text.RNNModel("GRU", 9, 8, 8, nlayers=2, dropout=0.5).train()
    begun = minidl.ones(1, 3).long()
    assert minidl.equal(model.generate(begun, 6, do_sample=False), model.generate(begun, 6, do_sample=False))
    assert model.training and isinstance(model.drop, nn.Dropout)
