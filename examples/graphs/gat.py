"""A graph attention network: a paper chooses which of its neighbours to listen to.

The weight of the edge from j to i is softmax over j of LeakyReLU(a . W x_i + b . W x_j): a sparse matrix, one for each
head, whose rows add up to 1. Velickovic et al., Graph Attention Networks, 2018.

    python examples/graphs/gat.py --plot plots
    python examples/graphs/gat.py --alone
    python examples/graphs/gat.py --data cora.npz --seed 0 1 2 3 4 --plot plots
"""
import citations

import minidl
import minidl.nn.functional as F
from minidl import nn

DROPOUT = 0.6


class GraphAttention(nn.Module):
    """`heads` sets of weights, each of which gives `out_features`: (n, in_features) -> (n, heads, out_features)."""

    def __init__(self, graph: citations.Graph, in_features: int, out_features: int, heads: int) -> None:
        super().__init__()
        self.graph = graph
        self.start, self.end = map(minidl.tensor, graph.edges)
        self.heads = heads
        self.linear = nn.Linear(in_features, heads * out_features, bias=False)
        self.listen = nn.Parameter(minidl.empty(heads, out_features))       # a
        self.speak = nn.Parameter(minidl.empty(heads, out_features))        # b
        self.bias = nn.Parameter(minidl.zeros(heads, out_features))
        for weight in (self.linear.weight, self.listen, self.speak):
            nn.init.xavier_uniform_(weight)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        x = F.dropout(x, DROPOUT, self.training)
        h = self.linear(x).unflatten(-1, (self.heads, -1))                  # (n, heads, out)
        scores = F.leaky_relu((h * self.listen).sum(-1)[self.end] + (h * self.speak).sum(-1)[self.start], 0.2)
        heard = []
        for head in range(self.heads):
            attention = minidl.sparse.softmax(self.graph.matrix(scores[:, head]), dim=1)
            dropped = F.dropout(attention.values(), DROPOUT, self.training)
            heard.append(attention.with_values(dropped) @ F.dropout(h[:, head], DROPOUT, self.training))
        return minidl.stack(heard, 1) + self.bias


class GAT(nn.Module):
    """Eight heads of eight numbers, side by side; then one head of a score for each subject."""

    second_decay = 5e-4

    def __init__(self, graph: citations.Graph, hidden: int = 8, heads: int = 8) -> None:
        super().__init__()
        self.first = GraphAttention(graph, graph.x.shape[1], hidden, heads)
        self.second = GraphAttention(graph, heads * hidden, int(graph.labels.max()) + 1, heads=1)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        return self.second(F.elu(self.first(x).flatten(1))).squeeze(1)


if __name__ == "__main__":
    citations.run(citations.arguments(__doc__, epochs=1000, lr=0.005), GAT)
