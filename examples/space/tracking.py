"""Tracking: who is who from frame to frame, by boxes alone.

Digits move about and cross each other, and a detector, which now and then misses one, says where each is. A track
predicts where it will be by its last steps, and the boxes that overlap predictions most are taken first (Bewley et al.,
"Simple Online and Realtime Tracking", 2016, with the best assignment of all in place of the greedy one here). A track
that is not seen goes on blindly for a while. Without prediction, digits that meet swap their names.

    python examples/space/tracking.py --plot plots
    python examples/space/tracking.py --films 40 --missed 0.3
"""
import argparse
from pathlib import Path

import numpy as np

from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.tensors.creation import as_tensor
from minidl.train import plots
from minidl.vision.datasets import Digits
from minidl.vision.ops import box_iou

SIDE, FRAMES, DIGITS, BLIND = 64, 40, 4, 5      # pixels, frames, digits, frames that a track lives without a box
WAYS = {"without prediction": 0, "with prediction": 1}


def film(rng):
    """Corners (FRAMES, DIGITS, 2) of digits that bounce off the walls."""
    place, step = rng.uniform(4, SIDE - 12, (DIGITS, 2)), rng.normal(size=(DIGITS, 2))
    step *= rng.uniform(1.5, 3, (DIGITS, 1)) / np.linalg.norm(step, axis=1, keepdims=True)
    places = []
    for _ in range(FRAMES):
        out = (place + step < 0) | (place + step > SIDE - 8)
        step = np.where(out, -step, step)
        place = place + step
        places.append(place)
    return np.array(places)


def boxes(corners):
    """(n, 4) of x1, y1, x2, y2."""
    corners = np.asarray(corners, np.float32).reshape(-1, 2)
    return as_tensor(np.concatenate([corners, corners + 8], 1))


class Track:
    """One digit through the film: where it is, its step from frame to frame, and for how many frames it was unseen."""

    def __init__(self, number, corner):
        self.number, self.corner, self.step, self.seen, self.unseen = number, corner, np.zeros(2), corner, 0

    def see(self, corner):
        step = (corner - self.seen) / (self.unseen + 1)
        self.step = step if not self.step.any() else 0.5 * (self.step + step)
        self.corner = self.seen = corner
        self.unseen = 0


def track(detected, predict):
    """The number of the track that each box belongs to, for each frame."""
    tracks, numbers, new = [], [], 0
    for corners in detected:
        for each in tracks:
            each.corner = each.corner + predict * each.step
        own = np.full(len(corners), -1)
        overlaps = box_iou(boxes([each.corner for each in tracks]), boxes(corners)).numpy()
        for i, j in zip(*np.unravel_index(np.argsort(-overlaps, axis=None), overlaps.shape)):
            if overlaps[i, j] > 0 and own[j] < 0 and tracks[i].number not in own:
                tracks[i].see(corners[j])
                own[j] = tracks[i].number
        for each in tracks:
            each.unseen += each.number not in own
        for j in np.flatnonzero(own < 0):
            tracks.append(Track(new, corners[j]))
            own[j], new = new, new + 1
        tracks = [each for each in tracks if each.unseen <= BLIND]
        numbers.append(own)
    return numbers


def switches(numbers, seen):
    """How often a digit's number changes, over the film; seen: which digits have a box, for each frame."""
    last, changed = {}, 0
    for own, there in zip(numbers, seen):
        for digit, number in zip(np.flatnonzero(there), own):
            changed += last.get(digit, number) != number
            last[digit] = number
    return changed


def paths(path):
    """The film in which prediction helps most: where digits are, by their numbers."""
    def gain(film):
        _, seen, detected = film
        return switches(track(detected, 0), seen) - switches(track(detected, 1), seen)
    figure = plots.figure(11, 4.6)
    places, seen, detected = max(films, key=gain)
    digits = Digits().data[[20 + 40 * i for i in range(DIGITS)]].numpy()
    axes = figure.subplots(1, 3)
    frame = np.zeros((SIDE, SIDE))
    for digit, (y, x) in zip(digits, places[FRAMES // 2].round().astype(int)):
        frame[y:y + 8, x:x + 8] = np.maximum(frame[y:y + 8, x:x + 8], digit)
    axes[0].imshow(frame, cmap="gray")
    axes[0].set_title("a frame")
    axes[0].set_axis_off()
    for place, (name, predict) in zip(axes[1:], WAYS.items()):
        numbers = track(detected, predict)
        for corners, own in zip(detected, numbers):
            place.scatter(corners[:, 1] + 4, corners[:, 0] + 4, c=[f"C{number % 10}" for number in own], s=14)
        place.set(title=f"{name}; changes: {switches(numbers, seen)}", xlabel="pixels", xlim=(0, SIDE), ylim=(SIDE, 0),
                  aspect="equal")
    figure.suptitle("where digits were detected, coloured by the track that they were given to")
    plots.save(figure, path)


ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--films", type=arguments.whole_number(1), default=20, metavar="N", help="(default: 20)")
parser.add_argument("--missed", type=arguments.number_between(0, 0.9), default=0.1, metavar="X",
                    help="the share of digits that the detector misses (default: 0.1)")
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the tracks of a film into DIR")
parser.set_defaults(device="cpu")
args = arguments.prepared(parser.parse_args())
rng, films = np.random.default_rng(args.seed), []
for _ in range(args.films):
    places = film(rng)
    seen = rng.random((FRAMES, DIGITS)) >= args.missed
    detected = [corners[there] + rng.normal(0, 0.5, (there.sum(), 2)) for corners, there in zip(places, seen)]
    films.append((places, seen, detected))
print(f"{args.films} films of {DIGITS} digits and {FRAMES} frames; {args.missed:.0%} are missed")
print("tracks              changes of number a film")
for name, predict in WAYS.items():
    count = sum(switches(track(detected, predict), seen) for _, seen, detected in films)
    print(f"{name:18}  {count / args.films:24.2f}")
if args.plot:
    draw(args.plot, {"paths": paths})
