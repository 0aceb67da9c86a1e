"""Scene graphs: what is in a picture, and how the things in it stand to each other, as a graph.

Krishna et al., "Visual Genome", 2017, had people write such graphs for 108,077 pictures. Here the scenes are made, so
their graphs are known: a node for each shape, with its colour; an edge says on which side of another it stands, whether
it is the larger one, and whether both have the same colour. Questions are then answered by the graph, without pixels.

    python examples/graphs/scene_graph.py --plot plots
    python examples/graphs/scene_graph.py --scene 7
"""
import argparse
from pathlib import Path

import numpy as np

from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.vision.datasets import SyntheticShapes


def relations(shapes):
    """Triples (subject, relation, object) of numbers of shapes."""
    found = []
    for i, a in enumerate(shapes):
        for j, b in enumerate(shapes):
            if i != j:
                right, down = a.x - b.x, a.y - b.y
                if abs(right) >= abs(down) and right < 0:
                    found.append((i, "left of", j))
                elif abs(down) > abs(right) and down < 0:
                    found.append((i, "above", j))
                if a.radius > 1.2 * b.radius:
                    found.append((i, "larger than", j))
                if i < j and a.color == b.color:
                    found.append((i, "coloured like", j))
    return found


ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--scene", type=arguments.whole_number(0, 99), default=0, metavar="N", help="which (default: 0)")
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the scene and its graph into DIR")
parser.set_defaults(device="cpu")
args = arguments.prepared(parser.parse_args())
data = SyntheticShapes(100, 96, shapes=(4, 4), radius=(0.1, 0.2), max_overlap=0.0, seed=args.seed)
picture, shapes = data[args.scene][0], data.scene(args.scene).shapes
names = [f"{shape.color} {shape.kind}" for shape in shapes]
triples = relations(shapes)
for subject, relation, object_ in triples:
    print(f"{names[subject]:16} {relation:13} {names[object_]}")
leftmost = [names[i] for i in range(len(shapes)) if not any(r == "left of" and o == i for _, r, o in triples)]
print(f"\nwhat has nothing on its left? {', '.join(leftmost)}")


def scene(path):
    """The scene, and its graph on a circle."""
    figure = plots.figure(11, 5)
    left, right = figure.subplots(1, 2)
    left.imshow(picture)
    for shape, name in zip(shapes, names):
        left.text(shape.x, shape.y, name.replace(" ", "\n"), ha="center", va="center", fontsize=8)
    left.set_axis_off()
    places = np.array([[shape.x, -shape.y] for shape in shapes])
    between = {}
    for subject, relation, object_ in triples:
        between.setdefault((subject, object_), []).append(relation)
    for (subject, object_), words in between.items():
        start, end = places[subject], places[object_]
        bend = 0.15 if (object_, subject) in between else 0.0
        right.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "shrinkA": 22, "shrinkB": 22, "color": "0.5",
                                                   "connectionstyle": f"arc3,rad={bend}"})
        away = np.array([end[1] - start[1], start[0] - end[0]]) * bend / 2
        right.text(*(0.65 * start + 0.35 * end + away), "\n".join(words), fontsize=7, ha="center", va="center",
                   bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    for place, shape in zip(places, shapes):
        right.text(*place, f"{shape.color}\n{shape.kind}", ha="center", va="center", fontsize=9,
                   bbox={"boxstyle": "round", "facecolor": "#fff2cc"})
    right.set(xlim=(0, 96), ylim=(-96, 0))
    right.set_axis_off()
    plots.save(figure, path)


if args.plot:
    draw(args.plot, {"scene": scene})
