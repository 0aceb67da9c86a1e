"""How computer vision came to deep learning, on one line; and how a conference grew with it.

From two cats' neurons to a network that wins a challenge: what was found when, and the winter in between, when networks
were out of fashion. Below, the papers submitted to CVPR, as a lecture gives them.

    python examples/course/history.py --plot plots
"""
import argparse
from pathlib import Path

from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.train import plots

EVENTS = [      # year, what, who; those of networks are above the line
    (1959, "simple and complex cells", "Hubel, Wiesel", True),
    (1963, "machine perception of solids", "Roberts", False),
    (1975, "stages of vision", "Marr", False),
    (1979, "generalized cylinders", "Brooks, Binford", False),
    (1980, "Neocognitron", "Fukushima", True),
    (1986, "edge detection", "Canny", False),
    (1986, "backpropagation", "Rumelhart, Hinton, Williams", True),
    (1997, "normalized cuts", "Shi, Malik", False),
    (1998, "LeNet reads cheques", "LeCun et al.", True),
    (1999, "SIFT", "Lowe", False),
    (2001, "faces in real time", "Viola, Jones", False),
    (2005, "PASCAL's challenges", "Everingham et al.", False),
    (2006, "deep belief nets", "Hinton, Osindero, Teh", True),
    (2009, "ImageNet", "Deng et al.", False),
    (2012, "AlexNet", "Krizhevsky, Sutskever, Hinton", True),
]
WINTER = (1988, 2005)       # roughly: kernels and hand-made features won
SUBMITTED = {2011: 1600, 2020: 7500, 2021: 8161}


def timeline(path):
    """Networks above the line, everything else below."""
    picture = plots.figure(13, 5)
    axes = picture.subplots()
    axes.axhline(0, color="black", linewidth=1.5, zorder=1)
    axes.fill_between(WINTER, -0.45, 0.45, color="#cfe2f3", zorder=0)
    axes.text(WINTER[0] + 0.3, 0.1, "a winter for networks", va="bottom", fontsize=8, color="C0")
    heights = {True: [1.5, 2.8, 4.1, 2.2], False: [1.3, 2.5, 3.7, 4.9]}
    count = {True: 0, False: 0}
    for year, what, who, network in EVENTS:
        levels = heights[network]
        height = levels[count[network] % len(levels)] * (1 if network else -1)
        count[network] += 1
        axes.plot([year, year], [0, height], color="0.7", linewidth=1, zorder=1)
        axes.scatter([year], [0], color="C3" if network else "C0", zorder=2)
        axes.text(year, height, f"{year} {what}\n{who}", ha="center", va="bottom" if network else "top", fontsize=8,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    axes.set(xlim=(1953, 2018), ylim=(-6.2, 5.4), title="networks (red, above) and the rest of computer vision (blue)")
    axes.set_axis_off()
    plots.save(picture, path)


def growth(path):
    """The papers of a year, as bars."""
    picture = plots.figure(5, 3.6)
    axes = picture.subplots()
    bars = axes.bar([str(year) for year in SUBMITTED], list(SUBMITTED.values()), color="C0")
    axes.bar_label(bars, [f"{count:,}" for count in SUBMITTED.values()])
    axes.set(ylabel="papers submitted to CVPR", ylim=(0, 9500))
    plots.save(picture, path)


ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the line and the bars into DIR")
parser.set_defaults(device="cpu", seed=0)
args = arguments.prepared(parser.parse_args())
for year, what, who, _ in EVENTS:
    print(f"{year}  {what:30}  {who}")
years = list(SUBMITTED)
print("\npapers submitted to CVPR")
for before, year in zip([None, *years], years):
    more = "" if before is None else f", {SUBMITTED[year] / SUBMITTED[before]:.2f} times those of {before}"
    print(f"{year}  {SUBMITTED[year]:,}{more}")
if args.plot:
    draw(args.plot, {"timeline": timeline, "growth": growth})
