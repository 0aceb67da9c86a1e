"""Attention, product by product: what is asked, what is compared, what comes back, and who sees whom.

    K = X W_K    V = X W_V    E = Q K^T / sqrt(D)    A = softmax(E)    Y = A V          (Vaswani et al., 2017)

layer: queries of their own look something up. self: Q = X W_Q, made of the same vectors; to permute them permutes what
comes out. heads: several attentions side by side. cross: the decoder asks, the encoder is looked up. block: attention,
norms and a small network for each vector; only attention mixes vectors. positions: what is added so that order counts.

    python examples/sequences/attention.py
    python examples/sequences/attention.py --kind block --plot plots
"""
import argparse
import math
from pathlib import Path

import maps

import minidl
from minidl import nn, text
from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.nn import functional as F

D, HEADS = 8, 2
READ, ASKED = "we are eating bread".split(), "estamos comiendo pan".split()
KINDS = {"layer": "those who ask (rows) look words up", "self": "each word (row) looks at all",
         "heads": "each head looks in its own way", "cross": "the decoder (rows) looks at what was read",
         "block": "what each vector (row) depends on", "positions": "how alike the vectors of two places are"}

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--kind", choices=KINDS, nargs="+", default=list(KINDS))
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--device", default="cpu")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")
args = arguments.prepared(parser.parse_args())
x = minidl.randn(len(READ), D).to(args.device)              # N_X vectors, one for each word that is read
asking = minidl.randn(len(ASKED), D).to(args.device)        # N_Q vectors of those who ask
pictures = {}


def say(title, **shapes):
    print(f"\n{title}")
    for name, found in shapes.items():
        print(f"  {name:38}{' x '.join(map(str, found.shape)) if isinstance(found, minidl.Tensor) else found}")


def look(q, k, v):
    """E, A and Y of queries (N_Q, D), keys (N_X, D) and values (N_X, D_V)."""
    scores = q @ k.T / math.sqrt(k.shape[1])
    weights = scores.softmax(1)
    return scores, weights, weights @ v


def error(a, b):
    return f"{(a - b).abs().max().item():.0e}"


def layer():
    keys, values = nn.Linear(D, D, bias=False).to(args.device), nn.Linear(D, 5, bias=False).to(args.device)
    k, v = keys(x), values(x)
    scores, weights, y = look(asking, k, v)
    say("attention layer", X=x, Q=asking, K=k, V=v, E=scores, A=weights, Y=y, **{
        "rows of A add up to": f"{weights.sum(1).min().item():.4f} to {weights.sum(1).max().item():.4f}",
        "difference to minidl's attention": error(F.scaled_dot_product_attention(asking, k, v), y)})
    pictures["layer"] = weights[None], [ASKED], [READ]


def self_attention():
    q, k, v = nn.Linear(D, 3 * D, bias=False).to(args.device)(x).chunk(3, 1)
    _, weights, y = look(q, k, v)
    order = minidl.tensor([2, 0, 3, 1], device=args.device)
    _, _, mixed = look(q[order], k[order], v[order])
    say("self-attention", X=x, Q=q, A=weights, Y=y, **{
        "X permuted, Y permuted alike: error": error(mixed, y[order])})
    pictures["self"] = weights[None], [READ], [READ]


def heads():
    attention = nn.MultiheadAttention(D, HEADS, batch_first=True).to(args.device)
    projected = F.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, 1)
    each = [look(*parts) for parts in zip(*(part.chunk(HEADS, 1) for part in projected))]
    joined = minidl.cat([y for _, _, y in each], 1)
    y, _ = attention(x[None], x[None], x[None])
    say(f"multi-head attention, {HEADS} heads of {D // HEADS}", X=x, **{
        "A of a head": each[0][1], "Y of a head": each[0][2], "the heads' Y, concatenated": joined,
        "mixed by a linear layer": attention.out_proj(joined),
        "difference to nn.MultiheadAttention": error(attention.out_proj(joined), y[0])})
    pictures["heads"] = minidl.stack([weights for _, weights, _ in each]), [READ] * HEADS, [READ] * HEADS


def cross():
    layer = nn.TransformerDecoderLayer(D, HEADS, 4 * D, 0.0, batch_first=True).to(args.device)
    with text.attention_weights(layer) as weights:
        layer(asking[None], x[None])
    say("cross-attention in a decoder layer", **{
        "asks (Q): the decoder": asking, "is looked up (K, V): the encoder": x,
        **{f"A of {name}": found[0] for name, found in weights.items()}})
    pictures["cross"] = weights["multihead_attn"][0], [ASKED] * HEADS, [READ] * HEADS


def sees(function):
    """How much each output vector (row) depends on each input vector: the length of the derivative, at most 1."""
    seen = minidl.autograd.functional.jacobian(function, x).square().sum((1, 3)).sqrt()     # of (N, D, N, D)
    return seen / seen.max()


def block():
    layer = nn.TransformerEncoderLayer(D, HEADS, 4 * D, 0.0, batch_first=True).to(args.device)
    parts = {"attention": lambda x: layer.self_attn(x, x, x)[0], "layer norm": layer.norm1,
             "MLP per vector": lambda x: layer.linear2(layer.linear1(x).relu()), "the block": layer}
    seen = {name: sees(lambda x, part=part: part(x[None])[0]) for name, part in parts.items()}
    say("Transformer block", X=x, Y=layer(x[None])[0], **{
        f"{name}: vectors seen by each": (found > 1e-6).sum(1).tolist() for name, found in seen.items()})
    pictures["block"] = minidl.stack(list(seen.values())), [READ] * 4, [READ] * 4, list(seen)


def positions():
    waves, learned = text.sinusoidal_positions(16, 64), nn.Embedding(16, 64).weight
    alike = [F.cosine_similarity(p[:, None], p, -1).clamp(min=0) for p in (waves, learned.detach())]
    say("positions", waves=waves, learned=learned, **{
        "likeness of neighbours, waves": f"{alike[0].diagonal(1).mean().item():.3f}, wherever they are",
        "learned, before learning": f"{alike[1].diagonal(1).mean().item():.3f}"})
    places = [list(map(str, range(16)))] * 2
    pictures["positions"] = minidl.stack(alike), places, places, ["waves: likeness of places", "learned, at the start"]


for kind, show in zip(KINDS, (layer, self_attention, heads, cross, block, positions)):
    if kind in args.kind:
        show()


def drawing(kind, weights, rows, columns, titles=None):
    titles = titles or ([f"head {i + 1}" for i in range(len(weights))] if len(weights) > 1 else [""])
    label = {"block": "slope", "positions": "likeness"}.get(kind, "weight")
    return lambda path: maps.heat_maps(weights.cpu(), rows, columns, titles, path, 2, KINDS[kind], label)


if args.plot:
    draw(args.plot, {kind: drawing(kind, *picture) for kind, picture in pictures.items()})
