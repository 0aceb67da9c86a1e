"""Viola and Jones: a cascade of boosted box features, which found faces in real time long before deep learning.

A feature is a difference of sums over boxes, and costs a few look-ups in an image of sums. AdaBoost picks one after the
other, each for the examples that those before it got wrong. The cascade is what makes it fast: a first stage of few
features throws away most windows, and only what passes is looked at by the next. Viola and Jones, "Rapid Object
Detection using a Boosted Cascade of Simple Features", 2001. Here it finds one digit; their faces took 6,061 features in
38 stages, of which a window of the background cost 10 on average.

    python examples/detect/viola_jones.py --plot plots
    python examples/detect/viola_jones.py --digit 3 --stages 2 5 10 20 40
"""
import argparse
from pathlib import Path

import numpy as np
from boosting import SIDE, boost, box_features, cascade, values

from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.vision.datasets import Digits


def scene(digits):
    """A picture of digits, one in each of 4 x 4 cells, and the corners (n, 2) of those that are looked for."""
    picture, corners = rng.integers(0, 3, (48, 48)).astype(np.float32), []
    for cell in range(16):
        number = int(rng.integers(len(digits)))
        y, x = 12 * np.array(divmod(cell, 4)) + rng.integers(0, 5, 2)
        picture[y:y + SIDE, x:x + SIDE] += digits.data[number].numpy()
        if digits.targets[number] == args.digit:
            corners.append((y, x))
    return picture, np.array(corners).reshape(-1, 2)


def windows(picture, corners):
    """All windows (N, SIDE, SIDE), their corners (N, 2), and how far each is from the nearest digit looked for."""
    view = np.lib.stride_tricks.sliding_window_view(picture, (SIDE, SIDE))
    places = np.argwhere(np.ones(view.shape[:2]))
    away = np.abs(places[:, None] - corners).max(2).min(1, initial=99)
    return view.reshape(-1, SIDE, SIDE), places, away


def learn():
    """The features, and stages that each learn from what the earlier ones let through."""
    features, stages = box_features(), []
    print(f"{len(features):,} features; stages of {', '.join(map(str, args.stages))} of them")
    seen, _, away = (np.concatenate(part) for part in zip(*(windows(*scene(train)) for _ in range(args.scenes))))
    wanted, others = seen[away == 0], seen[away > 1]
    for rounds in args.stages:
        used = sorted({stump[0] for stumps, _ in stages for stump in stumps})
        few = [([(used.index(f), *rest) for f, *rest in stumps], least) for stumps, least in stages]
        others = others[cascade(values(others, [features[f] for f in used]), few)[0]] if stages else others
        print(f"stage {len(stages) + 1}: {len(others):7,} windows without a {args.digit} get here")
        if len(others) < 20:
            break
        part = others[rng.permutation(len(others))[:2000]]
        stages.append(boost(values(np.concatenate([wanted, part]), features), np.arange(len(wanted) + len(part))
                            < len(wanted), rounds))
    used = sorted({stump[0] for stumps, _ in stages for stump in stumps})
    return [features[f] for f in used], [([(used.index(f), *rest) for f, *rest in stumps], least)
                                         for stumps, least in stages]


def look(picture):
    """The corners of what is found, best first, and how many features each window was asked."""
    seen, places, _ = windows(picture, np.zeros((0, 2)))
    alive, score, asked = cascade(values(seen, features), stages)
    kept = []
    for i in np.argsort(-score):
        if alive[i] and all(np.abs(places[i] - place).max() > 4 for place in kept):
            kept.append(places[i])
    return np.array(kept).reshape(-1, 2), asked


def found(path):
    """Four pictures with what is found, and the first features."""
    figure = plots.figure(13, 2.5)
    axes = figure.subplots(1, 6)
    for place in axes[:4]:
        picture, corners = scene(test)
        place.imshow(picture, cmap="gray")
        for y, x in look(picture)[0]:
            place.plot(x + np.array([0, 8, 8, 0, 0]) - 0.5, y + np.array([0, 0, 8, 8, 0]) - 0.5, "C1")
        place.set_title(f"looking for {args.digit}: {len(corners)} there", fontsize=9)
    mean = train.data[train.targets == args.digit].float().mean(0).numpy()
    for place, (feature, *_), name in zip(axes[4:], stages[0][0], ("first feature", "second feature")):
        place.imshow(mean, cmap="gray")
        for sign, top, left, bottom, right in features[feature]:
            place.fill_between([left - 0.5, right - 0.5], top - 0.5, bottom - 0.5, color="C0" if sign > 0 else "C1",
                               alpha=0.5)
        place.set_title(name, fontsize=9)
    for place in axes:
        place.set_axis_off()
    plots.save(figure, path)


ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--digit", type=arguments.whole_number(0, 9), default=0, metavar="N", help="to look for")
parser.add_argument("--scenes", type=arguments.whole_number(2), default=100, metavar="N", help="to learn from (100)")
parser.add_argument("--stages", type=arguments.whole_number(1), nargs="+", default=[2, 5, 10, 20], metavar="N",
                    help="features of each stage (default: 2 5 10 20)")
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the features and what is found into DIR")
parser.set_defaults(device="cpu")
args = arguments.prepared(parser.parse_args())
rng = np.random.default_rng(args.seed)
train, test = (Digits(train=part) for part in (True, False))
features, stages = learn()
hits = wrong = there = cost = 0
for picture, corners in (scene(test) for _ in range(40)):
    places, asked = look(picture)
    right = sum(bool(len(corners)) and np.abs(corners - place).max(1).min() <= 1 for place in places)
    hits, wrong, there, cost = hits + right, wrong + len(places) - right, there + len(corners), cost + asked.mean() / 40
print(f"in 40 test pictures: {hits} of {there} found, {wrong} wrong; {cost:.1f} features a window, of "
      f"{sum(len(stumps) for stumps, _ in stages)}")
if args.plot:
    draw(args.plot, {"found": found})
