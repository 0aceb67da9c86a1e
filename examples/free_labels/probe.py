"""What the programs of this folder share: images, the training of an encoder, and how good its features are.

Labels serve only to judge: by a vote of neighbours among the features, and by a linear layer on them.
"""
from __future__ import annotations

import numpy as np

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, images, training
from minidl.cli.classification import in_batches
from minidl.nn import functional as F
from minidl.train.objective import evaluated
from minidl.vision.datasets import SyntheticShapes

BANK = 5000             # images that vote after each epoch; all do in the end


def add_images(parser):
    parser.add_argument("--images", type=arguments.whole_number(20), default=2000, metavar="N",
                        help="of shapes, to learn from (default: 2000); a quarter as many serve as a test")


def load(args):
    """The data set that the options name; of `shapes`, `--images` scenes of one shape, whose class is its kind."""
    if args.dataset != "shapes":
        return images.load(args)
    parts = []
    for seed, count in enumerate((args.images, args.images // 4)):
        scenes = SyntheticShapes(count, 32, (1, 1), (0.25, 0.4), seed=seed, target_type="class")
        pixels, labels = zip(*((np.asarray(image), label) for image, label in scenes))
        parts.append(images.Images(minidl.tensor(np.stack(pixels)).movedim(-1, 1), minidl.tensor(labels),
                                   list(SyntheticShapes.classes[1:])))
    x = parts[0].x.float() / 255
    mean, std = (statistic(x, (0, 2, 3)).reshape(-1, 1, 1).to(args.device)
                 for statistic in (minidl.Tensor.mean, minidl.Tensor.std))
    return images.ImageData(*parts, mean, std, mirrored=True)


def features(encoder, data, x):
    """Features (N, D) of images (N, C, H, W) of bytes, of length 1."""
    return evaluated(encoder, lambda: in_batches(lambda part: F.normalize(encoder(data.normalise(part))), x))


def neighbours(bank, labels, queries, classes, k=200, temperature=0.07):
    """The scores (N, classes) of the k nearest features, each of weight exp(cosine / temperature).

    Of a small bank fewer vote: one more than a fiftieth.

    Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", 2018.
    """
    votes, k = F.one_hot(labels, classes).float(), min(k, 1 + len(bank) // 50)

    def scores(part):
        near = (part @ bank.T).topk(k)
        return ((near.values / temperature).exp()[..., None] * votes[near.indices]).sum(1)
    return in_batches(scores, queries)


def linear(x, labels, queries, classes, steps=100):
    """The scores of softmax regression on features, by L-BFGS."""
    mean, std = x.mean(0), x.std(0) + 1e-6
    layer = nn.Linear(x.shape[1], classes).to(x.device)
    optimizer = optim.LBFGS(layer.parameters(), max_iter=steps, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        weights = sum(p.square().sum() for p in layer.parameters())
        loss = F.cross_entropy(layer((x - mean) / std), labels) + 1e-4 * weights
        loss.backward()
        return loss
    with minidl.enable_grad():
        optimizer.step(closure)
    return layer((queries - mean) / std).detach()


def judge(encoder, data, most=None):
    """The test accuracies of both probes; with `most`, that of neighbours alone, on so many images."""
    train, test = data.train, data.test
    some = slice(most)
    bank, queries = features(encoder, data, train.x[some]), features(encoder, data, test.x[some][:most and most // 5])
    labels, right = train.y[some].to(bank.device), test.y[:len(queries)].to(bank.device)
    ways = {"neighbours": neighbours} if most else {"neighbours": neighbours, "linear": linear}
    return {name: classification.accuracy(scores(bank, labels, queries, len(data.classes)), right)
            for name, scores in ways.items()}


def say(when, figures):
    print(f"{when:>8}: " + ", ".join(f"{name} {figure:.2%}" for name, figure in figures.items()))


def learn(args, data, model, batches, objective, pictures, encoder=None, weight_decay=1e-4):
    """Train by AdamW with one cycle, and end the program: both probes of the encoder before and after.

    encoder: what makes features of images; `model.encoder` by default.
    """
    encoder = encoder or model.encoder
    print(f"{args.dataset}: {len(data.train.x):,} images of {data.size}x{data.size}, whose labels serve only to judge; "
          f"{sum(p.numel() for p in model.parameters()):,} parameters")
    if args.weights:
        classification.load_weights(model, args.weights, args.device)
    history, interrupted = [], False
    if not args.evaluate:
        if not args.resume:
            say("before", judge(encoder, data))
        optimizer = optim.AdamW(model.parameters(), lr=args.lr, weight_decay=weight_decay)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.epochs * len(batches), pct_start=0.1)
        history, interrupted = training.fit(args, model, batches, objective, optimizer, args.epochs, schedule=schedule,
                                            evaluate=lambda: judge(encoder, data, BANK))
    if args.save:
        classification.save(model, args.save)
    model.eval()
    classification.finish(args, history, interrupted, lambda: say("after", judge(encoder, data)), pictures)
