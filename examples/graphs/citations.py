"""Cora: 2,708 papers, the words that each holds, who cites whom, and seven subjects.

The file holds arrays (`numpy.savez`):

    feature_indptr (2709,), feature_indices   the words of paper i are feature_indices[indptr[i]:indptr[i + 1]]
    feature_shape (2,)                        papers and words: 2708, 1433
    labels (2708,)                            the subject of each paper, 0 to 6
    edges (m, 2)                              pairs of papers of which one cites the other, once each
    train, val, test                          numbers of papers: 20 of each subject, 500 and 1,000 (Planetoid)

Sen et al., Collective Classification in Network Data, 2008; the split is that of Yang, Cohen and Salakhutdinov,
Revisiting Semi-Supervised Learning with Graph Embeddings, 2016.
"""
from __future__ import annotations

import argparse
import copy
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import digits
import numpy as np
from drawing import plot

import minidl
import minidl.nn.functional as F
from minidl import nn, optim
from minidl.cli import arguments as options
from minidl.cli import ending
from minidl.sparse import SparseTensor


@dataclass
class Graph:
    """Papers (n), with what is known of them."""

    x: minidl.Tensor            # (n, words): a paper's words, each counted so that they add up to 1
    labels: minidl.Tensor       # (n,)
    edges: np.ndarray           # (2, m): from and to; both directions, and one from each paper to itself
    train: minidl.Tensor        # numbers of papers
    val: minidl.Tensor
    test: minidl.Tensor

    def matrix(self, values: minidl.Tensor) -> SparseTensor:
        """(n, n) with a value for each edge, in the row of the paper that it leads to."""
        return minidl.sparse_coo_tensor(self.edges[::-1].copy(), values, (len(self.labels), len(self.labels)))


def load(path: Path) -> Graph:
    """Read a file of the layout above."""
    file = np.load(path)
    n, words = file["feature_shape"]
    lengths = np.diff(file["feature_indptr"])
    x = np.zeros((n, words), np.float32)
    x[np.repeat(np.arange(n), lengths), file["feature_indices"]] = 1
    x /= np.maximum(x.sum(1, keepdims=True), 1)
    once = file["edges"].T.astype(np.int64)
    itself = np.tile(np.arange(n), (2, 1))
    edges = np.unique(np.concatenate([once, once[::-1], itself], 1), axis=1)
    parts = [minidl.tensor(file[part].astype(np.int64)) for part in ("train", "val", "test")]
    return Graph(minidl.tensor(x), minidl.tensor(file["labels"].astype(np.int64)), edges, *parts)


def arguments(description: str | None, epochs: int, lr: float) -> argparse.Namespace:
    """The options of the programs in this folder."""
    ending.without_traceback()
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FILE", help="cora.npz, see citations.py (default: the digits)")
    parser.add_argument("--alone", action="store_true", help="cut all ties: the same network, which sees no neighbour")
    whole = options.whole_number
    parser.add_argument("--epochs", type=whole(1), default=epochs, metavar="N", help="at most (default: %(default)s)")
    parser.add_argument("--patience", type=whole(0), default=100, metavar="N", help="epochs with no better validation")
    parser.add_argument("--lr", type=options.positive_number, default=lr, metavar="RATE", help="default: %(default)s")
    parser.add_argument("--seed", type=whole(0), nargs="+", default=[0], metavar="N", help="one run for each")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw the curves, and the papers by their outputs")
    args = parser.parse_args()
    if args.data and not args.data.is_file():
        parser.error(f"--data: there is no file {args.data}")
    options.check_plot(args.plot)
    return args


def train(model: nn.Module, graph: Graph, args: argparse.Namespace) -> tuple[float, list[tuple[float, float, float]]]:
    """Train on all papers at once, and keep the weights that read the validation papers best.

    Returns the test accuracy, and for each epoch the training loss, the validation loss and accuracy.
    """
    optimizer = optim.Adam([{"params": model.first.parameters(), "weight_decay": 5e-4},
                            {"params": model.second.parameters(), "weight_decay": model.second_decay}], lr=args.lr)
    best, best_state, waited, curves = (0.0, -float("inf")), copy.deepcopy(model.state_dict()), 0, []
    for _ in range(args.epochs):
        model.train()
        loss = F.cross_entropy(model(graph.x)[graph.train], graph.labels[graph.train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        with minidl.no_grad():
            scores = model(graph.x)
            val_loss = F.cross_entropy(scores[graph.val], graph.labels[graph.val]).item()
        val_accuracy = accuracy(scores, graph.labels, graph.val)
        curves.append((loss.item(), val_loss, val_accuracy))
        waited += 1
        if (val_accuracy, -val_loss) > best:
            best, best_state, waited = (val_accuracy, -val_loss), copy.deepcopy(model.state_dict()), 0
        if waited > args.patience:
            break
    model.load_state_dict(best_state)
    model.eval()
    with minidl.no_grad():
        return accuracy(model(graph.x), graph.labels, graph.test), curves


def accuracy(scores: minidl.Tensor, labels: minidl.Tensor, papers: minidl.Tensor) -> float:
    """The share of these papers whose subject has the largest score."""
    return (scores[papers].argmax(-1) == labels[papers]).float().mean().item()


def run(args: argparse.Namespace, make: type[nn.Module]) -> None:
    """Train a network for each seed, and print what it reaches."""
    try:
        graph = load(args.data) if args.data else Graph(*digits.parts())
    except (OSError, ValueError, LookupError, zipfile.BadZipFile) as error:
        ending.stop(f"--data: {args.data} is no file of the layout in citations.py: {error}")
    if args.alone:
        graph.edges = np.tile(np.arange(len(graph.labels)), (2, 1))
    found = []
    for seed in args.seed:
        minidl.manual_seed(seed)
        model, start = make(graph), time.perf_counter()
        reached, curves = train(model, graph, args)
        found.append(reached)
        print(f"seed {seed}: {len(curves)} epochs, {time.perf_counter() - start:.1f} s, validation accuracy "
              f"{100 * max(c[2] for c in curves):.1f} %, test accuracy {100 * reached:.1f} %")
    if len(found) > 1:
        print(f"mean test accuracy {100 * np.mean(found):.2f} %, deviation {100 * np.std(found, ddof=1):.2f} %")
    if args.plot:
        plot(args.plot, model, graph.x, graph.labels, curves)
