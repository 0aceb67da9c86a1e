"""Nearest neighbours of texts: with a distance for them, neighbours classify anything.

A text becomes a vector: how often each word occurs in it, weighted by how few texts have that word at all (tf-idf,
Spärck Jones 1972). The angle between two vectors is the distance. The texts are the descriptions of minidl's own
functions; each asks for those most like it. A function is also told by its neighbours which family it belongs to.

    python examples/course/learning/text_neighbours.py
    python examples/course/learning/text_neighbours.py --asked conv2d softmax --neighbours 8
"""
import inspect
import math
import re
from collections import Counter

import minidl
from minidl.cli import ending, lesson
from minidl.cli.classification import draw
from minidl.neighbors import KNeighborsClassifier, cross_validate_k
from minidl.nn import functional as F
from minidl.train import plots

FAMILIES = {"loss": "loss", "conv": "convolution", "pool": "pooling", "norm": "norm", "pad": "padding",
            "dropout": "dropout"}


def texts():
    """The description of each function of minidl and minidl.nn.functional."""
    found = {}
    for space in (minidl, F):
        for name, function in vars(space).items():
            if inspect.isfunction(function) and not name.startswith("_") and not name.endswith("_"):
                found[name] = inspect.getdoc(function) or ""
    return {name: text for name, text in found.items() if len(text) > 80}


def words(text):
    return re.findall(r"[a-z]{3,}", text.lower())


def tf_idf(texts):
    """Vectors of length 1 (N, words), of words that at least two texts have."""
    counts = [Counter(words(text)) for text in texts]
    texts_with = Counter(word for count in counts for word in count)
    known = {word: number for number, word in enumerate(sorted(word for word, n in texts_with.items() if n > 1))}
    table = minidl.zeros(len(counts), len(known))
    for row, count in zip(table, counts):
        for word, times in count.items():
            if word in known:
                row[known[word]] = times * math.log(len(counts) / texts_with[word])
    return F.normalize(table), list(known)


def family(name):
    return next((number for number, part in enumerate(FAMILIES) if part in name), None)


def main():
    args = lesson.parse(__doc__, lambda parser: (
        parser.add_argument("--asked", nargs="+", metavar="NAME", help="functions whose neighbours are wanted",
                            default=["conv2d", "cross_entropy", "max_pool2d", "sin"]),
        lesson.whole(parser, "neighbours", 5, "for each")))
    found = texts()
    names = list(found)
    if missing := [name for name in args.asked if name not in found]:
        ending.stop(f"--asked {missing[0]}: there is no function of that name with a description of some length")
    vectors, known = tf_idf(found.values())
    print(f"{len(names):,} texts of {len(known):,} different words")
    model = KNeighborsClassifier(n_neighbors=1, metric="cosine").fit(vectors, minidl.arange(len(names)))
    asked = minidl.tensor([names.index(name) for name in args.asked])
    distances, nearest = map(minidl.as_tensor, model.kneighbors(vectors[asked], args.neighbours + 1))
    for row, name in enumerate(args.asked):
        shown = [(names[number], distance) for number, distance in zip(nearest[row].tolist(), distances[row].tolist())
                 if names[number] != name][:args.neighbours]
        print(f"{name:14}", ", ".join(f"{other} {1 - distance:.2f}" for other, distance in shown))
    labelled = [(number, family(name)) for number, name in enumerate(names) if family(name) is not None]
    rows, labels = (minidl.tensor(values) for values in zip(*labelled))
    result = cross_validate_k(vectors[rows], labels, [1, 3, 5], metric="cosine", seed=args.seed)
    commonest = labels.bincount().max().item() / len(labels)
    print(f"\nfamilies of {len(labels)} functions by the words of their descriptions: {', '.join(FAMILIES.values())}")
    for k, right in zip(result.ks, result.mean):
        print(f"k = {k}: {right:.1%} right in five folds; the commonest family is {commonest:.1%}")

    def picture(path):
        figure, ((axes,),) = lesson.grid(1, 1, 7, 4.2)
        _, _, directions = minidl.pca_lowrank(vectors[rows], 2)
        flat = vectors[rows] @ directions
        for number, name in enumerate(FAMILIES.values()):
            axes.plot(*flat[labels == number].T.numpy(), "o", markersize=4, label=name)
        axes.set(title="descriptions of functions in the plane of two principal directions")
        axes.legend(fontsize=8)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"families": picture})


if __name__ == "__main__":
    main()
