"""Captions of images by an RNN and an LSTM, cells written by hand, packed batches of words, greedy sampling."""
import minidl as torch
import minidl.nn as nn
import minidl.nn.functional as F
from minidl.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

WORDS = ["<pad>", "<start>", "<end>", "a", "bright", "dark", "tall", "wide", "box", "above", "below"]
INDEX = {word: number for number, word in enumerate(WORDS)}
torch.manual_seed(0)


def example():
    """An image with one box, and what is said of it."""
    bright, tall, above = (bool(n) for n in torch.randint(2, (3,)))
    image = torch.rand(1, 16, 16) * 0.1 - 0.5
    h, w = (7, 3) if tall else (3, 7)
    top = (0 if above else 9) + torch.randint(0, 1, ()).item()
    left = torch.randint(0, 9, ()).item()
    image[:, top:top + h, left:left + w] = 2.0 if bright else 0.5
    words = ["a", "bright" if bright else "dark", "tall" if tall else "wide", "box"] + (["above"] if above else [])
    return image, torch.tensor([INDEX[word] for word in ["<start>", *words, "<end>"]])


def rnn_step(x, prev_h, Wx, Wh, b):
    return torch.tanh(x.mm(Wx) + prev_h.mm(Wh) + b)


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    a = x.mm(Wx) + prev_h.mm(Wh) + b
    i, f, o, g = torch.split(a, prev_h.shape[1], dim=1)
    next_c = torch.sigmoid(f) * prev_c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(next_c), next_c


class Recurrent(nn.Module):
    def __init__(self, kind, inputs, hidden):
        super().__init__()
        times = {"rnn": 1, "lstm": 4}[kind]
        self.kind = kind
        self.Wx = nn.Parameter(torch.randn(inputs, times * hidden).div(inputs ** 0.5))
        self.Wh = nn.Parameter(torch.randn(hidden, times * hidden).div(hidden ** 0.5))
        self.b = nn.Parameter(torch.zeros(times * hidden))
        if kind == "lstm":
            self.b.data[hidden:2 * hidden] = 1

    def step(self, x, state):
        if self.kind == "rnn":
            h = rnn_step(x, state[0], self.Wx, self.Wh, self.b)
            return h, (h,)
        h, c = lstm_step(x, *state, self.Wx, self.Wh, self.b)
        return h, (h, c)

    def start(self, h0):
        return (h0,) if self.kind == "rnn" else (h0, h0)

    def forward(self, x, h0):
        state, hs = self.start(h0), []
        for t in range(x.shape[1]):
            h, state = self.step(x[:, t], state)
            hs.append(h)
        return torch.stack(hs, dim=1)


class Captioner(nn.Module):
    def __init__(self, kind, word_size=16, hidden=48):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
                                     nn.Flatten(), nn.Linear(256, hidden), nn.Tanh())
        self.words = nn.Embedding(len(WORDS), word_size, padding_idx=0)
        self.rnn = Recurrent(kind, word_size, hidden)
        self.score = nn.Linear(hidden, len(WORDS))

    def forward(self, images, captions):
        given, wanted = captions[:, :-1], captions[:, 1:]
        h = self.rnn(self.words(given), self.encoder(images))
        scores = self.score(h)
        return F.cross_entropy(scores.transpose(1, 2), wanted, ignore_index=0, reduction="sum") / len(images)

    @torch.no_grad()
    def sample(self, images, max_length=8):
        state = self.rnn.start(self.encoder(images))
        word = torch.full((len(images),), INDEX["<start>"])
        said = []
        for _ in range(max_length):
            h, state = self.rnn.step(self.words(word), state)
            word = self.score(h).argmax(dim=-1)
            said.append(word)
        return torch.stack(said, dim=1)


def decode(row):
    words = [WORDS[number] for number in row.tolist()]
    return " ".join(words[:words.index("<end>")] if "<end>" in words else words)


found = []
images, captions = zip(*(example() for _ in range(256)))
images, captions = torch.stack(images), pad_sequence(captions, batch_first=True)
test_images, test_captions = zip(*(example() for _ in range(64)))
for kind in ("rnn", "lstm"):
    model = Captioner(kind)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.97 ** epoch)
    for epoch in range(20):
        for idx in torch.randperm(len(images)).split(16):
            loss = model(images[idx], captions[idx])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_value_(model.parameters(), 5.0)
            optimizer.step()
        scheduler.step()
    said = model.sample(torch.stack(test_images))
    right = sum(decode(row) == decode(caption[1:]) for row, caption in zip(said, test_captions)) / len(said)
    found.append(right)
    print(f"{kind}: loss {loss.item():.3f}, captions said rightly {right:.2f}; {decode(said[0])!r}")

lengths = torch.tensor([len(caption) for caption in test_captions])
packed = pack_padded_sequence(model.words(pad_sequence(test_captions, batch_first=True)), lengths,
                              batch_first=True, enforce_sorted=False)
outputs, _ = nn.LSTM(16, 32, batch_first=True)(packed)
padded, again = pad_packed_sequence(outputs, batch_first=True)
assert (again == lengths).all() and padded.shape == (64, int(lengths.max()), 32)
print(f"least {min(found):.2f}")
