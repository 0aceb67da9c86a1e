"""Assignment 3: a vision transformer from its parts, for classes of images and for a class of each pixel.

What is asked: cut an image into tokens, write attention, the two layers after it, a block and the network
(transformer.py); train it with a class token and with the mean of all tokens, and compare with a residual network after
as short a training; then take the trained transformer as the encoder of a segmenter. A short training favours what
knows from the start that neighbouring pixels belong together. The segmenter finds shapes here; its encoder has learned
which kinds of shapes a scene has.

    python examples/course/assignments/assignment_3.py
    python examples/course/assignments/assignment_3.py --dataset cifar10 --data DIR --compiled --plot plots
"""
import time

import numpy as np
from transformer import Attention, ViT, tokens

import minidl
from minidl import optim
from minidl.cli import images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.nn import functional as F
from minidl.train import Classification, fit, plots
from minidl.vision import models
from minidl.vision.datasets import SyntheticShapes

DEFAULTS = {"digits": {"epochs": 6, "batch_size": 32}, "cifar10": {"epochs": 3, "batch_size": 64}}
SIDE, PATCH = 32, 4             # of the scenes


def add_options(parser):
    lesson.whole(parser, "scenes", 200, "of shapes to learn from")
    lesson.whole(parser, "rounds", 20, "through the scenes")


def check():
    x = minidl.rand(2, 3, 8, 8)
    unfolded = F.unfold(x, 4, stride=4).view(2, 3, 16, 4).permute(0, 3, 2, 1).reshape(2, 4, 48)
    own, z = Attention(32, 4), minidl.randn(2, 5, 32)
    q, k, v = own.qkv(z).unflatten(2, (3, 4, -1)).permute(2, 0, 3, 1, 4)
    there = own.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
    print(f"tokens and unfold are {(tokens(x, 4) - unfolded).abs().max().item():.0e} apart, attention and the op "
          f"{(own(z) - there).abs().max().item():.0e}")


def scenes(count, seed):
    """Images (N, 3, side, side) around 0, the class of each pixel, and which kinds there are."""
    pairs = list(SyntheticShapes(count, SIDE, seed=seed))
    x = minidl.tensor(np.stack([np.asarray(image) for image, _ in pairs])).permute(0, 3, 1, 2).float() / 127.5 - 1
    pixels = minidl.stack([(found["masks"].long() * found["labels"][:, None, None]).amax(0) for _, found in pairs])
    return x, pixels, minidl.stack([(pixels == kind).flatten(1).any(1) for kind in range(1, 6)], 1).float()


def learned(model, x, y, loss_of, args, params=None):
    """The model after some rounds, of which params learn."""
    optimizer = optim.AdamW(params or model.parameters(), lr=2e-3)
    for _ in range(args.rounds):
        for numbers in minidl.randperm(len(x)).split(args.batch_size):
            optimizer.zero_grad()
            loss_of(model(x[numbers]), y[numbers]).backward()
            optimizer.step()
    return model.eval()


def overlap(found, truth):
    """The mean over the classes of the pixels that both say, as a share of those that either says."""
    both = [((found == kind) & (truth == kind)).sum().item() for kind in range(6)]
    either = [((found == kind) | (truth == kind)).sum().item() for kind in range(6)]
    return sum(a / max(b, 1) for a, b in zip(both, either)) / 6


def classify(args):
    data = images.load(args)
    patch, classes = data.size // 4 if data.size < 16 else 4, len(data.classes)
    for name, build in (("ViT, class token", lambda: ViT(data.size, patch, data.channels, classes, "cls")),
                        ("ViT, mean of tokens", lambda: ViT(data.size, patch, data.channels, classes, "mean")),
                        ("ResNet-20", lambda: models.resnet20(classes, data.channels))):
        minidl.manual_seed(args.seed)
        model, start = build(), time.perf_counter()
        optimizer = optim.AdamW(model.parameters(), lr=1e-3)
        fit(model, images.Batches(data, args.batch_size), Classification(), optimizer, args.epochs, show=False)
        seconds = time.perf_counter() - start
        scores = in_batches(lambda x, model=model: model.eval()(data.normalise(x)), data.test.x)
        count = sum(p.numel() for p in model.parameters())
        print(f"{accuracy(scores, data.test.y):7.2%}  {name}, {count:,} parameters, {seconds:.0f} s")


def segment(args):
    """Scenes, true classes of pixels, and what the last of three segmenters finds."""
    (x, pixels, kinds), (test_x, truth, _) = scenes(args.scenes, 0), scenes(100, 1)

    def spread(out):
        """(N, T, patch * patch * 6) -> scores (N, 6, H, W)."""
        return F.pixel_shuffle(out.transpose(1, 2).unflatten(2, (SIDE // PATCH, -1)), PATCH)

    def loss_of(out, y):
        return F.cross_entropy(spread(out), y)
    encoder = learned(ViT(SIDE, PATCH, 3, 5, "mean"), x, kinds, F.binary_cross_entropy_with_logits, args)
    for name in ("trained encoder, frozen", "from scratch", "trained encoder, tuned"):
        minidl.manual_seed(args.seed)
        model = ViT(SIDE, PATCH, 3, PATCH ** 2 * 6, "none")
        if name != "from scratch":
            model.load_state_dict({key: value for key, value in encoder.state_dict().items() if "head" not in key},
                                  strict=False)
        learned(model, x, pixels, loss_of, args, list(model.head.parameters()) if "frozen" in name else None)
        found = in_batches(lambda part, model=model: spread(model(part)).argmax(1), test_x)
        right = (found == truth).float().mean().item()
        print(f"mean overlap {overlap(found, truth):.3f}, {right:.1%} of the pixels right: {name}")
    return test_x, truth, found


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    check()
    classify(args)
    x, truth, found = segment(args)

    def picture(path):
        ink = minidl.tensor([[0, 0, 0], [9, 3, 2], [2, 6, 4], [3, 4, 9], [9, 8, 2], [7, 4, 8]]) / 10
        rows = [x[:8] / 2 + 0.5, *(ink[classes[:8]].permute(0, 3, 1, 2) for classes in (truth, found))]
        plots.images(minidl.cat(rows), path, caption="scenes, the kinds of shapes in them, and what is found")
    if args.plot:
        draw(args.plot, {"shapes": picture})


if __name__ == "__main__":
    main()
