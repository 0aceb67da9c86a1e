"""CLIP: pictures and sentences in one space, learned from pairs of them; then any sentence finds its picture.

One network reads captions, one looks at images, and both end in vectors. Of a batch of pairs each image shall find its
caption among all, and each caption its image (Radford et al., "Learning Transferable Visual Models From Natural
Language Supervision", 2021). Nobody has named classes: but "a red circle" and "a blue star" are sentences, and the
nearest sentence to an image is its class, without one label. The scenes of shapes and their captions are generated.

    python examples/free_labels/clip.py
    python examples/free_labels/clip.py --scenes 6000 --epochs 20 --compiled --run runs/clip --plot plots
"""
import captions
import numpy as np
from encoder import Encoder

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, training
from minidl.cli.classification import in_batches
from minidl.nn import functional as F
from minidl.self_supervised import clip_loss
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.vision.datasets.beyond_torchvision.shapes import COLORS, KINDS

DEFAULTS = {"shapes": {"epochs": 12, "batch_size": 64, "lr": 3e-3}}
QUERIES = ["a red star", "a blue ring"]      # and two that name the place


def add_options(parser):
    parser.add_argument("--scenes", type=arguments.whole_number(50), default=2000, metavar="N",
                        help="to learn from (default: 2000); a quarter as many serve as a test")
    parser.add_argument("--width", type=arguments.whole_number(4), default=16, metavar="N",
                        help="channels of the first layer of the network that looks (default: 16)")


class CLIP(nn.Module):
    """Two encoders, and the logarithm of 1 / temperature."""

    def __init__(self, width, size=64):
        super().__init__()
        *layers, _, flatten = Encoder(3, 32, width)
        self.look = nn.Sequential(*layers, flatten, nn.Linear(width * 8 * 16, size))    # where things are counts
        self.read = captions.Reader(size)
        self.log_scale = nn.Parameter(minidl.tensor(np.log(1 / 0.07)).float())


class Pairs:
    """Batches of images and the words of their captions."""

    def __len__(self):
        return max(1, len(train_x) // args.batch_size)

    def __iter__(self):
        for numbers in minidl.randperm(len(train_x)).split(args.batch_size)[:len(self)]:
            yield prepared(train_x[numbers]), train_words[numbers].to(args.device)


def prepared(x):
    return x.to(args.device).float() / 127.5 - 1


def objective(model, x, words):
    return clip_loss(model.look(x), model.read(words), model.log_scale.exp()), {}


def directions(part, x):
    """Vectors (N, size) of length 1, of images or of words."""
    return evaluated(model, lambda: in_batches(lambda some: F.normalize(part(some)), x))


def looked(x):
    return directions(lambda some: model.look(prepared(some)), x)


def read(sentences):
    return directions(model.read, captions.encode(sentences).to(args.device))


def recall(scores, asked, found):
    """How often the best of all found has the sentence of the one that asked."""
    best = scores.argmax(1).tolist()
    return np.mean([sentence == found[number] for sentence, number in zip(asked, best)])


def retrieval():
    scores = looked(test_x) @ read(test_captions).T
    return {"image to text": recall(scores, test_captions, test_captions),
            "text to image": recall(scores.T, test_captions, test_captions)}


def zero_shot():
    """Scenes of one shape, each classified by the nearest of the 30 sentences that name a colour and a kind."""
    x, right = captions.scenes(args.scenes // 8, (1, 1), seed=2)
    sentences = [f"a {color} {kind}" for color in COLORS for kind in KINDS]
    said = [sentences[number] for number in (looked(x) @ read(sentences).T).argmax(1).tolist()]
    return {part: np.mean([a.split()[place] == b.split()[place] for a, b in zip(said, right)])
            for part, place in (("colour", 1), ("kind", 2))} | {"both": np.mean([a == b for a, b in zip(said, right)])}


def report():
    chance = np.mean([test_captions.count(caption) for caption in test_captions]) / len(test_x)
    print(f"recall at 1 among {len(test_x)} scenes (chance {chance:.2%}): " +
          ", ".join(f"{way} {share:.1%}" for way, share in retrieval().items()))
    print("zero-shot, 30 classes: " + ", ".join(f"{part} {share:.1%}" for part, share in zero_shot().items()))


def found(path):
    """For each sentence the six images that lie nearest; a frame around those that it describes."""
    queries = QUERIES + [caption for caption in test_captions if len(caption.split()) > 3][:2]
    best = (read(queries) @ looked(test_x).T).topk(6).indices.cpu()
    figure = plots.figure(8, 1.6 * len(queries))
    for part, query, numbers in zip(figure.subfigures(len(queries), 1), queries, best.tolist()):
        part.suptitle(f'"{query}"', fontsize=10)
        for axes, number in zip(part.subplots(1, 6), numbers):
            axes.imshow(test_x[number].movedim(0, -1).numpy())
            axes.set(xticks=[], yticks=[])
            right = test_captions[number] == query
            axes.spines[:].set(color="limegreen" if right else "white", linewidth=4)
    plots.save(figure, path)


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
train_x, train_captions = captions.scenes(args.scenes, (1, 2), seed=0)
train_words = captions.encode(train_captions)
test_x, test_captions = captions.scenes(args.scenes // 4, (1, 2), seed=1)
model = CLIP(args.width).to(args.device)
print(f"{len(train_x):,} scenes with {len(set(train_captions)):,} different captions; "
      f"{sum(p.numel() for p in model.parameters()):,} parameters")
if args.weights:
    classification.load_weights(model, args.weights, args.device)
optimizer, batches = optim.AdamW(model.parameters(), lr=args.lr), Pairs()
schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.epochs * len(batches))
history, interrupted = ([], False) if args.evaluate else training.fit(
    args, model, batches, objective, optimizer, args.epochs, schedule=schedule, evaluate=retrieval)
classification.finish(args, history, interrupted, report, {"found": found})
