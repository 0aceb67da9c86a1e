"""A transformer by hand that sorts numbers: attention in heads, masks, layer norm, positions, encoder and decoder."""
import math

import minidl as torch
import minidl.nn.functional as F
from minidl import Tensor, nn, optim


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor = None) -> Tensor:
    scores = query.bmm(key.transpose(1, 2)) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask, -1e9)
    weights = F.softmax(scores, dim=-1)
    return weights.bmm(value), weights


class Head(nn.Module):
    def __init__(self, dim_in: int, dim_q: int, dim_v: int):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(dim_in, dim_q), nn.Linear(dim_in, dim_q), nn.Linear(dim_in, dim_v)
        for layer in (self.q, self.k, self.v):
            bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
            nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, query, key, value, mask=None):
        y, self.weights = attend(self.q(query), self.k(key), self.v(value), mask)
        return y


class Heads(nn.Module):
    def __init__(self, num_heads, dim_in, dim_out):
        super().__init__()
        self.heads = nn.ModuleList([Head(dim_in, dim_out, dim_out) for _ in range(num_heads)])
        self.out = nn.Linear(num_heads * dim_out, dim_in)

    def forward(self, query, key, value, mask=None):
        return self.out(torch.cat([head(query, key, value, mask) for head in self.heads], dim=-1))


class Normalise(nn.Module):
    def __init__(self, size, eps=1e-10):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        std = (x - mean).pow(2).mean(-1, keepdim=True).sqrt()
        return self.gamma * (x - mean) / (std + self.eps) + self.beta


def waves(K: int, M: int) -> Tensor:
    p, i = torch.arange(K).unsqueeze(1), torch.arange(M // 2)
    angles = p / torch.pow(10000, 2 * i / M)
    y = torch.zeros(1, K, M)
    y[0, :, 0::2] = torch.sin(angles)
    y[0, :, 1::2] = torch.cos(angles)
    return y


def later(seq):
    return torch.triu(torch.ones(seq.shape[1], seq.shape[1]), diagonal=1).bool().expand(len(seq), -1, -1)


class Block(nn.Module):
    """Attention to itself, to what was read if that is given, and a feed-forward part."""
    def __init__(self, heads, dim, reads=False):
        super().__init__()
        self.attention = Heads(heads, dim, dim // heads)
        self.cross = Heads(heads, dim, dim // heads) if reads else None
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim))
        self.norms = nn.ModuleList(Normalise(dim) for _ in range(3))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x, read=None, mask=None):
        x = self.norms[0](x + self.dropout(self.attention(x, x, x, mask)))
        if self.cross is not None:
            x = self.norms[1](x + self.dropout(self.cross(x, read, read)))
        return self.norms[2](x + self.dropout(self.feed(x)))


class Transformer(nn.Module):
    def __init__(self, vocab, dim=32, heads=2):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.register_buffer("positions", waves(16, dim), persistent=False)
        self.encoder, self.decoder = Block(heads, dim), Block(heads, dim, reads=True)
        self.last = nn.Linear(dim, vocab)

    def forward(self, question, answer):
        embed = lambda ids: self.emb(ids) + self.positions[:, :ids.shape[1]]
        read = self.encoder(embed(question))
        return self.last(self.decoder(embed(answer), read, later(answer)))


torch.manual_seed(0)
x = torch.randn(2, 5, 8)
mask = later(x)
ours, _ = attend(x, x, x, mask)
assert torch.allclose(ours, F.scaled_dot_product_attention(x, x, x, is_causal=True), atol=1e-6)
assert torch.allclose(Normalise(8)(x), F.layer_norm(x, (8,)), atol=1e-4)

START, LENGTH = 10, 5
model = Transformer(vocab=11)
optimizer = optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.98), eps=1e-9)
for step in range(250):
    question = torch.randint(10, (64, LENGTH))
    target = question.sort(dim=1).values
    answer = torch.cat([torch.full((64, 1), START), target[:, :-1]], dim=1)
    scores = model(question, answer)
    loss = F.cross_entropy(scores.view(-1, 11), target.reshape(-1), label_smoothing=0.01)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
model.eval()
with torch.no_grad():
    question = torch.randint(10, (100, LENGTH))
    answer = torch.full((100, 1), START)
    for _ in range(LENGTH):
        answer = torch.cat([answer, model(question, answer)[:, -1:].argmax(-1)], dim=1)
right = (answer[:, 1:] == question.sort(dim=1)[0]).float().mean().item()
print(f"sorted {100 * right:.0f} %")
