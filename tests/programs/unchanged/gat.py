"""A graph attention network: heads weigh the neighbours, once over a dense mask, once over the list of edges."""
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from graph import load_graph, normalised_adjacency
from start import start
from torch.optim import Adam


class GraphAttentionLayer(nn.Module):
    """Scores of every pair, of which the mask leaves the neighbours."""

    def __init__(self, in_features, out_features, n_heads, concat=False, dropout=0.0, leaky_relu_slope=0.2):
        super().__init__()
        self.n_heads, self.concat, self.dropout = n_heads, concat, dropout
        self.n_hidden = out_features // n_heads if concat else out_features
        self.W = nn.Parameter(torch.empty(size=(in_features, self.n_hidden * n_heads)))
        self.a = nn.Parameter(torch.empty(size=(n_heads, 2 * self.n_hidden, 1)))
        self.leakyrelu = nn.LeakyReLU(leaky_relu_slope)
        nn.init.xavier_normal_(self.W)
        nn.init.xavier_normal_(self.a)

    def scores(self, h):
        source = torch.matmul(h, self.a[:, :self.n_hidden, :])
        target = torch.matmul(h, self.a[:, self.n_hidden:, :])
        return self.leakyrelu(source + target.mT)

    def forward(self, h, adj_mat):
        n_nodes = h.shape[0]
        h = torch.mm(h, self.W)
        h = F.dropout(h, self.dropout, training=self.training)
        h = h.view(n_nodes, self.n_heads, self.n_hidden).permute(1, 0, 2)
        e = self.scores(h)
        attention = torch.where(adj_mat > 0, e, -9e16 * torch.ones_like(e))
        attention = F.softmax(attention, dim=-1)
        attention = F.dropout(attention, self.dropout, training=self.training)
        h_prime = torch.matmul(attention, h)
        if self.concat:
            return h_prime.permute(1, 0, 2).contiguous().view(n_nodes, -1)
        return h_prime.mean(dim=0)


class SparseAttentionLayer(GraphAttentionLayer):
    """The same numbers, and only at the edges: a sum by row in place of the softmax, for each head a sparse product."""

    def forward(self, h, adj_mat):
        n_nodes = h.shape[0]
        row, column = adj_mat.nonzero(as_tuple=True)
        h = torch.mm(h, self.W).view(n_nodes, self.n_heads, self.n_hidden).permute(1, 0, 2)
        heads = []
        for head, a in zip(h, self.a):
            pairs = torch.cat((head[row], head[column]), dim=1)
            weights = self.leakyrelu(pairs.mm(a).squeeze(1)).exp()
            total = torch.zeros(n_nodes).index_add(0, row, weights)
            attention = torch.sparse_coo_tensor(torch.stack((row, column)), weights, (n_nodes, n_nodes))
            heads.append(torch.sparse.mm(attention, head) / total.unsqueeze(1))
        return torch.cat(heads, dim=1) if self.concat else torch.stack(heads).mean(dim=0)


class GAT(nn.Module):
    def __init__(self, layer, in_features, n_hidden, n_heads, num_classes, dropout):
        super().__init__()
        self.gat1 = layer(in_features, n_hidden, n_heads, concat=True, dropout=dropout)
        self.gat2 = layer(n_hidden, num_classes, 1, dropout=dropout)

    def forward(self, input_tensor, adj_mat):
        x = F.elu(self.gat1(input_tensor, adj_mat))
        return F.log_softmax(self.gat2(x, adj_mat), dim=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--dropout-p", type=float, default=0.0)
    args = parser.parse_args()
    torch.manual_seed(0)
    features, labels, edges, idx_train, idx_test = load_graph()
    adj_mat = normalised_adjacency(edges, len(features)).to_dense()
    outputs = []
    for layer in (GraphAttentionLayer, SparseAttentionLayer):
        gat = start(GAT(layer, features.shape[1], 16, 4, int(labels.max()) + 1, args.dropout_p))
        optimizer = Adam(gat.parameters(), lr=5e-3, weight_decay=5e-4)
        for epoch in range(1, args.epochs + 1):
            gat.train()
            optimizer.zero_grad()
            loss = F.nll_loss(gat(features, adj_mat)[idx_train], labels[idx_train])
            loss.backward()
            optimizer.step()
            if epoch % 10 == 0:
                print(f"epoch {epoch} loss {loss.item():.4f}")
        gat.eval()
        with torch.no_grad():
            output = gat(features, adj_mat)
        outputs.append(output)
        accuracy = (output.argmax(dim=1) == labels)[idx_test].float().mean().item()
        print(f"{layer.__name__} accuracy {accuracy:.3f}")
    assert torch.allclose(*outputs, atol=1e-3)
