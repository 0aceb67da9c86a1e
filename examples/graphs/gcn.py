"""A graph convolutional network: what a paper is about follows from its words and those of its neighbours.

A layer mixes the features of each paper with those of its neighbours, Y = A X W. A is the sparse matrix of the graph,
each edge divided by the square roots of both papers' numbers of neighbours, so that a mean is taken. Only 140 papers
have labels, but the graph is known for all. Kipf and Welling, Semi-Supervised Classification with Graph Convolutional
Networks, 2017.

    python examples/graphs/gcn.py --plot plots
    python examples/graphs/gcn.py --alone
    python examples/graphs/gcn.py --data cora.npz --seed 0 1 2 3 4 --plot plots
"""
import citations
import numpy as np

import minidl
import minidl.nn.functional as F
from minidl import nn
from minidl.sparse import SparseTensor


class GraphConvolution(nn.Module):
    """Y = A X W + b"""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=False)
        self.bias = nn.Parameter(minidl.zeros(out_features))
        nn.init.xavier_uniform_(self.linear.weight)

    def forward(self, adjacency: SparseTensor, x: minidl.Tensor) -> minidl.Tensor:
        return adjacency @ self.linear(x) + self.bias


class GCN(nn.Module):
    """Two layers: a paper hears of those that are two citations away."""

    second_decay = 0.0      # only the first layer's weights are pulled to zero

    def __init__(self, graph: citations.Graph, hidden: int = 16) -> None:
        super().__init__()
        start, end = graph.edges
        degree = np.bincount(end).astype(np.float32)
        self.adjacency = graph.matrix(minidl.tensor((degree[start] * degree[end]) ** -0.5)).coalesce()
        self.first = GraphConvolution(graph.x.shape[1], hidden)
        self.second = GraphConvolution(hidden, int(graph.labels.max()) + 1)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        x = F.dropout(x, 0.5, self.training)
        x = F.relu(self.first(self.adjacency, x))
        x = F.dropout(x, 0.5, self.training)
        return self.second(self.adjacency, x)


if __name__ == "__main__":
    citations.run(citations.arguments(__doc__, epochs=300, lr=0.01), GCN)
