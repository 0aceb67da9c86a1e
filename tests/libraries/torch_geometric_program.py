"""A program for PyTorch: PyG's graph convolutions against their formulas, gradients, and a graph that is learned."""
import numpy as np
import torch
import torch.nn.functional as F
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GAT, GATConv, GCNConv, GINConv, SAGEConv, global_mean_pool
from torch_geometric.utils import softmax, to_torch_csr_tensor, to_undirected

stream = np.random.RandomState(0)
groups = np.repeat([0, 1], 20)
near = np.triu(stream.rand(40, 40) < np.where(groups[:, None] == groups, 0.3, 0.02), 1)
near[np.arange(39), np.arange(1, 40)] = True            # nobody is alone
edges = to_undirected(torch.from_numpy(np.argwhere(near).T.copy()))
A = (near | near.T).astype(float)
x = torch.from_numpy(stream.randn(40, 6) + groups[:, None])
X = x.numpy()
assert to_torch_csr_tensor(edges).crow_indices().tolist() == [0, *np.cumsum(A.sum(1)).astype(int)]

torch.set_default_dtype(torch.float64)
gcn = GCNConv(6, 3)
loops = A + np.eye(40)
scale = 1 / np.sqrt(loops.sum(0))
np.testing.assert_allclose(gcn(x, edges).detach().numpy(),
                           scale[:, None] * loops * scale @ X @ gcn.lin.weight.detach().numpy().T, rtol=1e-9)
sage = SAGEConv(6, 3)
expected = A @ X / A.sum(1, keepdims=True) @ sage.lin_l.weight.detach().numpy().T + sage.lin_l.bias.detach().numpy()
expected += X @ sage.lin_r.weight.detach().numpy().T
np.testing.assert_allclose(sage(x, edges).detach().numpy(), expected, rtol=1e-9)
gat = GATConv(6, 3)
H = X @ gat.lin.weight.detach().numpy().T
scores = H @ gat.att_dst.detach().numpy()[0, 0][:, None] + (H @ gat.att_src.detach().numpy()[0, 0])[None]
weights = np.where(loops > 0, np.exp(np.where(scores > 0, scores, 0.2 * scores)), 0)
np.testing.assert_allclose(gat(x, edges).detach().numpy(), weights / weights.sum(1, keepdims=True) @ H, rtol=1e-9)
gin = GINConv(torch.nn.Linear(6, 3), eps=0.5)
np.testing.assert_allclose(gin(x, edges).detach().numpy(), gin.nn(x * 1.5 + torch.from_numpy(A @ X)).detach().numpy())
assert torch.allclose(softmax(torch.ones(4), torch.tensor([0, 0, 0, 1])), torch.tensor([1 / 3, 1 / 3, 1 / 3, 1]))
for layer in (gcn, sage, gat, gin):
    assert torch.autograd.gradcheck(lambda x, layer=layer: layer(x, edges), x.clone().requires_grad_())

batch = next(iter(DataLoader([Data(x=x, edge_index=edges), Data(x=x + 1, edge_index=edges)], batch_size=2)))
assert torch.allclose(global_mean_pool(batch.x, batch.batch), torch.stack([x.mean(0), x.mean(0) + 1]))

torch.manual_seed(0)
y, known = torch.from_numpy(groups), torch.tensor([0, 5, 30, 35])
for layers in ([GCNConv(6, 8), GCNConv(8, 2)], [SAGEConv(6, 8), SAGEConv(8, 2)], [GAT(6, 8, 2, 2, heads=2)]):
    model = torch.nn.ModuleList(layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(60):
        h = x
        for layer in model:
            h = layer(h, edges) if layer is model[-1] else F.elu(layer(h, edges))
        optimizer.zero_grad()
        F.cross_entropy(h[known], y[known]).backward()
        optimizer.step()
    assert (h.argmax(1) == y).double().mean() > 0.75, type(model[0]).__name__
print("PyG's convolutions agree")
