"""Sequence to sequence with attention: dates in words become dates in digits, with teacher forcing by chance."""
import argparse
import random

import numpy as np
import torch
import torch.nn.functional as F
from start import start
from torch import nn, optim
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
PAD, SOS, EOS = 0, 1, 2


class Language:
    def __init__(self, texts):
        self.letters = sorted(set("".join(texts)))
        self.index = {letter: n + 3 for n, letter in enumerate(self.letters)}
        self.size = len(self.letters) + 3

    def encode(self, text):
        return torch.tensor([self.index[letter] for letter in text] + [EOS])

    def decode(self, numbers):
        letters = []
        for number in numbers:
            if number == EOS:
                break
            letters.append(self.letters[number - 3] if number > 2 else "?")
        return "".join(letters)


class Dates(Dataset):
    def __init__(self, count, seed):
        stream = random.Random(seed)
        self.pairs = []
        for _ in range(count):
            day, month = stream.randint(1, 28), stream.randint(1, 12)
            self.pairs.append((f"{day} {MONTHS[month - 1]}", f"{month:02}-{day:02}"))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        source, target = self.pairs[index]
        return words.encode(source), digits.encode(target)


def collate(batch):
    """Longest first, padded."""
    batch = sorted(batch, key=lambda pair: len(pair[0]), reverse=True)
    sources, targets = zip(*batch)
    return (pad_sequence(sources, padding_value=PAD), torch.tensor([len(source) for source in sources]),
            pad_sequence(targets, padding_value=PAD))


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = nn.Embedding(input_size, hidden_size, padding_idx=PAD)
        self.gru = nn.GRU(hidden_size, hidden_size, bidirectional=True)

    def forward(self, input_seq, lengths):
        packed = pack_padded_sequence(self.embedding(input_seq), lengths)
        outputs, hidden = self.gru(packed)
        outputs, _ = pad_packed_sequence(outputs)
        outputs = outputs[:, :, :self.hidden_size] + outputs[:, :, self.hidden_size:]
        return outputs, hidden[:1] + hidden[1:]


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.Ua = nn.Linear(hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1)

    def forward(self, query, keys, mask):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys))).squeeze(2)
        scores = scores.masked_fill(mask, float("-inf"))
        return F.softmax(scores, dim=0)


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden_size, output_size):
        super().__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.attention = BahdanauAttention(hidden_size)
        self.gru = nn.GRUCell(2 * hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, token, hidden, encoder_outputs, mask):
        weights = self.attention(hidden.unsqueeze(0), encoder_outputs, mask)
        context = torch.einsum("tb,tbh->bh", weights, encoder_outputs)
        hidden = self.gru(torch.cat((self.embedding(token), context), dim=1), hidden)
        return self.out(hidden), hidden, weights


def run(sources, lengths, length, targets=None, forced=True):
    """The decoder's scores, and its weights of attention; forced: it is told the right letters."""
    encoder_outputs, hidden = encoder(sources, lengths)
    mask = sources == PAD
    token, hidden = torch.full((sources.size(1),), SOS), hidden.squeeze(0)
    scores, attention = [], []
    for step in range(length):
        output, hidden, weights = decoder(token, hidden, encoder_outputs, mask)
        scores.append(output)
        attention.append(weights)
        token = targets[step] if targets is not None and forced else output.topk(1)[1].squeeze(1).detach()
    return torch.stack(scores), torch.stack(attention)


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--hidden", type=int, default=32)
args = parser.parse_args()
torch.manual_seed(0)
random.seed(0)
words, digits = Language([*MONTHS, " 0123456789"]), Language(["-0123456789"])
loader = DataLoader(Dates(480, seed=1), batch_size=24, collate_fn=collate)
encoder = start(EncoderRNN(words.size, args.hidden), 1)
decoder = start(AttnDecoderRNN(args.hidden, digits.size), 2)
optimizers = [optim.Adam(model.parameters(), lr=1e-2) for model in (encoder, decoder)]
criterion = nn.CrossEntropyLoss(ignore_index=PAD)
for epoch in range(args.epochs):
    total = 0.0
    for sources, lengths, targets in loader:
        for optimizer in optimizers:
            optimizer.zero_grad()
        scores, _ = run(sources, lengths, len(targets), targets, forced=random.random() < 0.7)
        loss = criterion(scores.flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_([*encoder.parameters(), *decoder.parameters()], 1.0)
        for optimizer in optimizers:
            optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} loss {total / len(loader):.3f}")

test = Dates(100, seed=2)
with torch.no_grad():
    right = 0
    for (source, _), (text, expected) in zip(test, test.pairs):
        scores, attention = run(source.unsqueeze(1), torch.tensor([len(source)]), 6)
        right += digits.decode(scores.argmax(-1).squeeze(1).tolist()) == expected
assert np.allclose(attention.sum(1).numpy(), 1, atol=1e-5)
print(f"{right} % right, such as {text} = {expected}")
