"""Questions about an image, by adding: what the image says for an answer, and what the words of the question say.

Zhou et al., "Simple baseline for visual question answering", 2015: the score of an answer is linear in the features of
the image and linear in the bag of words of the question. Neither knows of the other: words know which answers such
questions have, the image knows what there is. So the lecture's "what sport is this?" is baseball by 13.13 = 4.82 of the
image + 8.32 of the words, and tennis has no more than 8.66. A sum cannot ask what color *the star* is where there are a
red star and a blue ring: all that it can do is guess.

    python examples/sequences/vqa.py --epochs 1
    python examples/sequences/vqa.py --compiled --plot plots
"""
import numpy as np
from described import described
from learning import Batches, learn

import minidl
from minidl import nn
from minidl.cli import arguments
from minidl.cli.classification import in_batches
from minidl.nn import functional as F
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.vision.datasets.beyond_torchvision.shapes import COLORS, KINDS

DEFAULTS = {"shapes": {"epochs": 9, "batch_size": 32, "lr": 4e-3}}
ANSWERS = ["yes", "no", "one", "two", *COLORS, *KINDS]
WORDS = [*"what color is the shape one how many shapes are there a".split(), *COLORS, *KINDS]
LECTURE = """what sport is this? baseball 13.13 = 4.82 + 8.32, soccer 9.08 = 0.13 + 8.95, tennis 8.66 = 0.44 + 8.22
the lecture: what color are the pants? white 14.06 = 2.77 + 11.28, black 13.05 = 2.23 + 10.82"""


def add_options(parser):
    parser.add_argument("--images", type=arguments.whole_number(10), default=3000, metavar="N",
                        help="scenes to ask four questions about (default: %(default)s)")


class Asked:
    """Four questions about each scene: words as a bag (N, 4, words), and the numbers of their answers (N, 4).

    No two shapes of a scene have the same color or are of the same kind, so that each question has one answer.
    """

    kinds = ("color", "shape", "how many", "is there")

    def __init__(self, count, seed):
        drawn = described(count, seed)
        rng = np.random.default_rng(seed)
        clear = [i for i, (_, _, _, shapes) in enumerate(drawn.scenes)
                 if len({shape.color for shape in shapes}) == len({shape.kind for shape in shapes}) == len(shapes)]
        pairs = [self.about(drawn.scenes[i].shapes, rng) for i in clear]
        self.x = drawn.x[clear]
        self.questions = [[question for question, _ in asked] for asked in pairs]
        bags = [[[question.split().count(word) for word in WORDS] for question in asked] for asked in self.questions]
        self.bags = minidl.tensor(np.array(bags, np.float32))
        self.answers = minidl.tensor([[ANSWERS.index(answer) for _, answer in asked] for asked in pairs])

    @staticmethod
    def about(shapes, rng):
        shape = shapes[rng.integers(len(shapes))]
        there = {(each.color, each.kind) for each in shapes}
        wanted = (shape.color, shape.kind) if rng.random() < 0.5 else (rng.choice(list(COLORS)), rng.choice(KINDS))
        return [(f"what color is the {shape.kind}", shape.color), (f"what shape is the {shape.color} one", shape.kind),
                ("how many shapes are there", ("one", "two")[len(shapes) - 1]),
                ("is there a {} {}".format(*wanted), "yes" if wanted in there else "no")]


class Sum(nn.Module):
    """Scores (N, Q, answers) of images (N, 3, 32, 32) and bags of words (N, Q, words)."""

    def __init__(self, width=64):
        super().__init__()
        layers = []
        for inputs, outputs in ((3, 32), (32, width), (width, width)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                       nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.image, self.words = nn.Linear(width, len(ANSWERS)), nn.Linear(len(WORDS), len(ANSWERS), bias=False)

    def parts(self, x, bags):
        """What the image says (N, 1, answers), and what the words say (N, Q, answers)."""
        return self.image(self.features(x))[:, None], self.words(bags)

    def forward(self, x, bags):
        return sum(self.parts(x, bags))


def parts():
    """Of all test questions: what the image says, and what the words say, (N, 4, answers) each."""
    numbers = minidl.arange(len(test.x))

    def both(part):
        image, words = model.parts(test.x[part].to(args.device), test.bags[part].to(args.device))
        return minidl.stack([image.expand_as(words), words], 1)
    return evaluated(model, lambda: in_batches(both, numbers)).cpu().unbind(1)


def report():
    image, words = parts()
    print(f"{'right, of each kind of question':32}" + "".join(f"{kind:>10}" for kind in test.kinds) + "       all")
    for what, scores in (("image + words", image + words), ("words only", words), ("image only", image)):
        found = (scores.argmax(2) == test.answers).float()
        print(f"{what:32}" + "".join(f"{each:10.1%}" for each in [*found.mean(0).tolist(), found.mean().item()]))
    print("the lecture:", LECTURE)
    for n, q in ((0, 0), (1, 1), (2, 2)):
        best = (image + words)[n, q].topk(3)[1].tolist()
        print(f"here: {test.questions[n][q]}? " + ", ".join(
            f"{ANSWERS[i]} {image[n, q, i] + words[n, q, i]:.2f} = {image[n, q, i]:.2f} + {words[n, q, i]:.2f}"
            for i in best) + f"; it is {ANSWERS[test.answers[n, q]]}")
        for what, scores in (("image", image), ("words", words)):
            print(f"  by the {what} only: " + ", ".join(ANSWERS[i] for i in scores[n, q].topk(5)[1].tolist()))


def bars(path):
    """Images with a question: what image and words say for the best answers, and the sum of both."""
    image, words = parts()
    picture = plots.figure(10, 6)
    grid = picture.subplots(3, 4, width_ratios=[1, 1.6] * 2)
    for n, (left, right_) in enumerate(grid.reshape(6, 2)):
        q = n % 4
        best = (image + words)[n, q].topk(4)[1].tolist()[::-1]
        left.imshow((test.x[n].movedim(0, -1).numpy() + 1) / 2)
        left.set_axis_off()
        left.set_title(test.questions[n][q] + "?", fontsize=7)
        for shift, what, part in ((0.25, "image", image), (0, "words", words), (-0.25, "sum", image + words)):
            right_.barh([i + shift for i in range(4)], part[n, q][best].tolist(), 0.24, label=what)
        right_.set_yticks(range(4), [ANSWERS[i] for i in best])
        right_.axvline(0, color="0.5", linewidth=0.6)
    picture.legend(*right_.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    picture.supxlabel("score of the answer")
    plots.save(picture, path)


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
train, test = Asked(args.images, 0), Asked(min(1000, args.images), 1)
model = Sum().to(args.device)
print(f"{4 * len(train.x):,} questions to learn from")
learn(args, model, Batches(*(each.to(args.device) for each in (train.x, train.bags, train.answers)),
                           size=args.batch_size),
      lambda model, x, bags, answers: F.cross_entropy(model(x, bags).flatten(0, 1), answers.flatten()),
      lambda: {"test accuracy": (sum(parts()).argmax(2) == test.answers).float().mean().item()}, report, {"sums": bars})
