"""A graph convolutional network: sparse products carry what a few known nodes say to the others."""
import argparse

import torch
import torch.nn.functional as F
from graph import load_graph, normalised_adjacency
from start import start
from torch import nn
from torch.optim import Adam


class GraphConv(nn.Module):
    def __init__(self, input_dim, output_dim, use_bias=True):
        super().__init__()
        self.kernel = nn.Parameter(torch.Tensor(input_dim, output_dim))
        nn.init.xavier_normal_(self.kernel)
        self.bias = None
        if use_bias:
            self.bias = nn.Parameter(torch.Tensor(output_dim))
            nn.init.zeros_(self.bias)

    def forward(self, input_tensor, adj_mat):
        support = torch.mm(input_tensor, self.kernel)
        output = torch.spmm(adj_mat, support)
        if self.bias is not None:
            output = output + self.bias
        return output


class GCN(nn.Module):
    def __init__(self, input_dim, hidden_dim, output_dim, dropout_p):
        super().__init__()
        self.gc1 = GraphConv(input_dim, hidden_dim)
        self.gc2 = GraphConv(hidden_dim, output_dim)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, input_tensor, adj_mat):
        x = F.relu(self.gc1(input_tensor, adj_mat))
        return F.log_softmax(self.gc2(self.dropout(x), adj_mat), dim=1)


def train_iter(epoch, model, optimizer, criterion, input, target, idx_train):
    model.train()
    optimizer.zero_grad()
    output = model(*input)
    loss = criterion(output[idx_train], target[idx_train])
    loss.backward()
    optimizer.step()
    if epoch % 10 == 0:
        print(f"epoch {epoch} loss {loss.item():.4f}")


def test(model, criterion, input, target, idx_test):
    model.eval()
    with torch.no_grad():
        output = model(*input)[idx_test]
        loss = criterion(output, target[idx_test])
        accuracy = (output.argmax(dim=1) == target[idx_test]).float().mean()
    print(f"test loss {loss.item():.4f} accuracy {accuracy.item():.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--dropout-p", type=float, default=0.0)
    args = parser.parse_args()
    torch.manual_seed(0)
    features, labels, edges, idx_train, idx_test = load_graph()
    adj_mat = normalised_adjacency(edges, len(features))
    gcn = start(GCN(features.shape[1], 16, int(labels.max()) + 1, args.dropout_p))
    optimizer = Adam(gcn.parameters(), lr=1e-2, weight_decay=5e-4)
    criterion = nn.NLLLoss()
    for epoch in range(args.epochs):
        train_iter(epoch + 1, gcn, optimizer, criterion, (features, adj_mat), labels, idx_train)
    test(gcn, criterion, (features, adj_mat), labels, idx_test)
