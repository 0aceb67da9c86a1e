"""The karate club: 34 members, 78 friendships, and a graph network that knows on which side two of them stood.

The club split into that of the teacher and that of the officer, and Zachary (1977) had written down who met whom
outside of it. A graph convolutional network (Kipf and Welling, 2017) is told the sides of these two alone, and nothing
of the others but their friends; the last layer but one has two numbers a member, so that their places can be watched.

    python examples/graphs/karate.py --plot plots
    python examples/graphs/karate.py --seed 0 1 2 3 4
"""
import argparse
from pathlib import Path

import citations
import gcn
import numpy as np

import minidl
import minidl.nn.functional as F
from minidl import nn, optim
from minidl.cli import arguments
from minidl.cli.classification import draw
from minidl.train import plots

FRIENDS = {     # with larger numbers; the teacher is 0, the officer 33
    0: [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31], 1: [2, 3, 7, 13, 17, 19, 21, 30],
    2: [3, 7, 8, 9, 13, 27, 28, 32], 3: [7, 12, 13], 4: [6, 10], 5: [6, 10, 16], 6: [16], 8: [30, 32, 33], 9: [33],
    13: [33], 14: [32, 33], 15: [32, 33], 18: [32, 33], 19: [33], 20: [32, 33], 22: [32, 33], 23: [25, 27, 29, 32, 33],
    24: [25, 27, 31], 25: [31], 26: [29, 33], 27: [33], 28: [31, 33], 29: [32, 33], 30: [32, 33], 31: [32, 33],
    32: [33]}
OFFICERS = [9, 14, 15, 18, 20, *range(22, 34)]
KNOWN = [0, 33]
SHOWN = (0, 5, 10, 20, 40, 200)       # epochs


def club():
    """The members as a graph whose features say only who is who."""
    once = np.array([(a, b) for a, others in FRIENDS.items() for b in others]).T
    edges = np.concatenate([once, once[::-1], np.tile(np.arange(34), (2, 1))], 1)
    labels = minidl.tensor([int(member in OFFICERS) for member in range(34)])
    members = minidl.arange(34)
    return citations.Graph(minidl.eye(34), labels, edges, minidl.tensor(KNOWN), members, members)


class Watched(nn.Module):
    """Three layers of graph convolutions; after the second, two numbers a member."""

    def __init__(self, graph):
        super().__init__()
        start, end = graph.edges
        degree = np.bincount(end).astype(np.float32)
        self.adjacency = graph.matrix(minidl.tensor((degree[start] * degree[end]) ** -0.5)).coalesce()
        self.layers = nn.ModuleList([gcn.GraphConvolution(*sizes) for sizes in ((34, 4), (4, 4), (4, 2))])
        self.decide = nn.Linear(2, 2)

    def places(self, x):
        for layer in self.layers:
            x = layer(self.adjacency, x).tanh()
        return x

    def forward(self, x):
        return self.decide(self.places(x))


def learn(graph, seed):
    """The network, and the members' places at the epochs that are shown."""
    minidl.manual_seed(seed)
    model, places = Watched(graph), {}
    optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    for epoch in range(SHOWN[-1] + 1):
        if epoch in SHOWN:
            places[epoch] = model.places(graph.x).detach()
        loss = F.cross_entropy(model(graph.x)[graph.train], graph.labels[graph.train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, places


def moving(path):
    """Where the members are over time, with their friendships."""
    picture = plots.figure(11, 7)
    for axes, (epoch, now) in zip(picture.subplots(2, 3).flat, places.items()):
        now = now.numpy()
        for a, others in FRIENDS.items():
            for b in others:
                axes.plot(*now[[a, b]].T, color="0.85", linewidth=0.5, zorder=0)
        axes.scatter(*now.T, c=[f"C{label}" for label in graph.labels.tolist()], s=60)
        axes.scatter(*now[KNOWN].T, s=160, facecolors="none", edgecolors="black")
        for member, place in enumerate(now):
            axes.annotate(member, place, fontsize=6, ha="center", va="center", color="white")
        axes.set_title(f"epoch {epoch}")
    picture.suptitle("members of the club, coloured by the side that they took; the two rings were told")
    plots.save(picture, path)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=arguments.whole_number(0), nargs="+", default=[0], help="one run for each")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the members' places over time into DIR")
args = parser.parse_args()
arguments.check_plot(args.plot)
graph = club()
print(f"{len(graph.x)} members, {sum(map(len, FRIENDS.values()))} friendships, {len(KNOWN)} known sides")
for seed in args.seed:
    model, places = learn(graph, seed)
    wrong = (model(graph.x).argmax(1) != graph.labels).nonzero().flatten().tolist()
    print(f"seed {seed}: {34 - len(wrong)} of 34 on the right side"
          + (f"; not {', '.join(map(str, wrong))}" if wrong else ""))
if args.plot:
    draw(args.plot, {"moving": moving})
