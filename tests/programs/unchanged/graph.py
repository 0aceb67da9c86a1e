"""A graph of communities, as the tables that programs read from files: features, classes, edges, and who is known."""
import numpy as np
import torch


def load_graph(nodes=120, classes=4, features=16, seed=0):
    """Nodes know each other more often within a class; a node's features hint at its class."""
    stream = np.random.RandomState(seed)
    labels = np.arange(nodes) % classes
    same = labels[:, None] == labels[None, :]
    edges = np.argwhere(np.triu(stream.rand(nodes, nodes) < np.where(same, 0.2, 0.01), 1))
    centres = stream.randn(classes, features)
    x = centres[labels] * 0.4 + stream.randn(nodes, features)
    order = stream.permutation(nodes)
    train, test = order[:24], order[24:]
    return (torch.from_numpy(x).float(), torch.LongTensor(labels), torch.LongTensor(edges),
            torch.LongTensor(train), torch.LongTensor(test))


def normalised_adjacency(edges, nodes):
    """Edges both ways and loops, each row and column scaled by its degree: a sparse matrix."""
    edges = torch.cat((edges, edges.flip(1), torch.arange(nodes).repeat(2, 1).t()))
    adjacency = torch.sparse_coo_tensor(edges.t(), torch.ones(edges.size(0)), (nodes, nodes)).coalesce()
    degree = torch.sparse.sum(adjacency, dim=1).to_dense().pow(-0.5)
    row, column = adjacency.indices()
    return torch.sparse_coo_tensor(adjacency.indices(), adjacency.values() * degree[row] * degree[column],
                                   adjacency.shape)
