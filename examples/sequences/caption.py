"""An image is told in words: a CNN sees it, an LSTM says word after word, each a choice among all words.

`--model tell` gives the LSTM the whole image as one vector before the first word (Vinyals et al., "Show and Tell",
2015), `--model lrcn` with every word (Donahue et al., "Long-term recurrent convolutional networks", 2015). `attend`
looks anew before each word, and nobody tells it where: the place that a word is about gets a large weight since that
helps to say the word (Xu et al., "Show, attend and tell", 2015).

    python examples/sequences/caption.py --epochs 1
    python examples/sequences/caption.py --compiled --plot plots
    python examples/sequences/caption.py --compiled --model tell
"""
import told
from described import END, WORDS, described
from learning import Batches, learn

import minidl
from minidl import nn
from minidl.cli import arguments
from minidl.cli.classification import in_batches
from minidl.nn import functional as F
from minidl.text import AdditiveAttention
from minidl.train.objective import evaluated

DEFAULTS = {"shapes": {"epochs": 10, "batch_size": 64, "lr": 4e-3}}


def add_options(parser):
    parser.add_argument("--model", choices=["attend", "tell", "lrcn"], default="attend", help="how the LSTM sees")
    parser.add_argument("--images", type=arguments.whole_number(10), default=8000, metavar="N",
                        help="scenes to learn from (default: %(default)s)")


def eyes(width):
    """A CNN: images (N, 3, 32, 32) to what is at 8x8 places, (N, width, 8, 8)."""
    def layer(inputs, outputs):
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layer(3, 32), nn.MaxPool2d(2), *layer(32, width), nn.MaxPool2d(2), *layer(width, width))


class Captioner(nn.Module):
    """Scores (N, L, words) of the next word, and where it looked for each, (N, L, 64)."""

    def __init__(self, way, width=64, hidden=128):
        super().__init__()
        self.way = way
        self.eyes = eyes(width)
        self.place = nn.Parameter(minidl.randn(64, width) * 0.1)        # so that a feature says where it is
        self.whole = nn.Linear(64 * width, width)
        self.embedding = nn.Embedding(len(WORDS), width)
        self.cell = nn.LSTMCell(2 * width, hidden)
        self.attention = AdditiveAttention(hidden, width, width)
        self.head = nn.Linear(hidden + width, len(WORDS))

    def look(self, x):
        return self.eyes(x).flatten(2).transpose(1, 2) + self.place     # (N, 64, width)

    def forward(self, x, words=None, length=0):
        """words (N, L): those that a caption has. Without, its own likeliest word is the next input, `length` times."""
        features = self.look(x)
        image = self.whole(features.flatten(1))
        h = c = image.new_zeros(len(x), self.cell.hidden_size)
        word = minidl.full((len(x),), END, device=x.device)
        scores, looks = [], []
        for t in range(length if words is None else words.shape[1]):
            seen, weights = self.attention(h, features)
            if self.way != "attend":
                seen = image if self.way == "lrcn" or t == 0 else minidl.zeros_like(image)
            h, c = self.cell(minidl.cat([self.embedding(word), seen], 1), (h, c))
            scores.append(self.head(minidl.cat([h, seen], 1)))
            looks.append(weights)
            word = scores[-1].argmax(1) if words is None else words[:, t]
        return minidl.stack(scores, 1), minidl.stack(looks, 1)


def loss(model, x, words):
    """Cross-entropy of each word up to the end."""
    scores, _ = model(x, words)
    first_end = (words == END).long().argmax(1)
    counts = minidl.arange(words.shape[1], device=x.device) <= first_end[:, None]
    return F.cross_entropy(scores[counts], words[counts])


def tell(x):
    """The words that the net says about images, and where it looked."""
    def both(part):
        scores, looks = model(part, length=test.words.shape[1])
        return minidl.cat([scores.argmax(2)[:, :, None].float(), looks], 2)
    found = evaluated(model, lambda: in_batches(both, x.to(args.device))).cpu()
    return found[:, :, 0].long(), found[:, :, 1:]


def figures():
    return {"exact": told.exact(tell(test.x)[0], test.words)}


def report():
    words, looks = tell(test.x)
    print(f"{told.exact(words, test.words):.1%} of {len(test.x)} captions are exact, word by word; BLEU-4 "
          f"{told.bleu(words, test.words):.3f}")
    if args.model == "attend":
        for what, share, peak in told.attention_shares(test, words, looks):
            print(f"{what}: {share:.0%} of the weight and {peak:.0%} of the largest weights are on the shape it names")
    seen = [evaluated(model, lambda part=part: in_batches(lambda x: model.eyes(x).flatten(1), part.x.to(args.device)))
            for part in (train, test)]
    for k in (1, 5):
        print(f"{told.exact(told.neighbours(*seen, train.words, k), test.words):.1%} by copying the caption of "
              + ("the nearest image to learn from" if k == 1 else f"the {k} nearest that agrees most with the others"))


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
train, test = described(args.images, 0), described(min(500, args.images), 1)
model = Captioner(args.model).to(args.device)
print(f"{len(train.x):,} scenes to learn from")
learn(args, model, Batches(train.x.to(args.device), train.words.to(args.device), size=args.batch_size), loss, figures,
      report, {"words": lambda path: told.draw(test, *tell(test.x[:5]), path)})
