"""How good captions are, and where the net looked: figures and a picture for caption.py."""
import numpy as np
from described import END, SIZE, WORDS, sentence

import minidl
from minidl.metrics import BLEUScore
from minidl.neighbors.search import NeighbourSearch
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets.beyond_torchvision.shapes import COLORS, KINDS, describe


def exact(words, right):
    """The share of sentences that are right up to the end."""
    return np.mean([sentence(a) == sentence(b) for a, b in zip(words, right)]).item()


def bleu(words, right):
    score = BLEUScore(n_gram=4)
    return score([sentence(a) for a in words], [[sentence(b)] for b in right]).item()


def attention_shares(test, words, looks):
    """For words of colours and of kinds, how much of the weight lies on the shape, and how often the largest does.

    Only of captions that are right. A place is on the shape if a pixel of its mask, or next to it, is in the place.
    """
    counted = {"words for colours": [], "words for shapes": []}
    for scene, said, right, maps in zip(test.scenes, words, test.words, looks):
        if sentence(said) != sentence(right):
            continue
        masks = F.max_pool2d(describe(scene)["masks"].float(), 3, 1, 1)
        masks = F.max_pool2d(masks[:, None], SIZE // 8).flatten(1)      # (shapes, 64)
        for names, found in zip((COLORS, KINDS), counted.values()):
            places = [i for i, word in enumerate(said.tolist()) if WORDS[word] in names]
            found += [((weights * mask).sum().item(), mask[weights.argmax()].item())
                      for weights, mask in zip((maps[i] for i in places), masks)]
    return [(what, *np.mean(found, 0)) for what, found in counted.items() if found]


def neighbours(known, asked, words, k):
    """For each asked image, of the k nearest known ones the caption that shares most words with the others'."""
    search = NeighbourSearch(known.cpu().numpy(), "cosine")
    numbers = minidl.tensor(search.nearest(asked.cpu().numpy(), k)[1])
    captions = words[numbers]                                                       # (N, k, L)
    shared = (captions[:, :, None] == captions[:, None]).sum(-1).sum(-1)            # (N, k)
    return captions[minidl.arange(len(captions)), shared.argmax(1)]


def draw(test, words, looks, path):
    """Images, and the light of the attention word by word."""
    lengths = [row.tolist().index(END) if END in row.tolist() else len(row) for row in words]
    columns = 1 + max(lengths)
    picture = plots.figure(1.15 * columns, 1.35 * len(words) + 0.3)
    grid = picture.subplots(len(words), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, image, said, maps, length in zip(grid, test.x, words, looks, lengths):
        shown = (image.movedim(0, -1).numpy() + 1) / 2
        row[0].imshow(shown)
        for axes, word, weights in zip(row[1:], said[:length].tolist(), maps):
            light = F.interpolate(weights.reshape(1, 1, 8, 8), scale_factor=SIZE // 8, mode="bilinear")[0, 0].numpy()
            axes.imshow(shown * (0.15 + 0.85 * light / light.max())[..., None])
            axes.set_title(WORDS[word], fontsize=9)
    picture.suptitle("light falls where the network looks for each word", fontsize=10)
    plots.save(picture, path)
