"""Regression: a linear layer finds the coefficients of a polynomial of degree four, on batches made as it goes."""
from itertools import count

import numpy as np
import torch
import torch.nn.functional as F
from start import start

DEGREE = 4
stream = np.random.RandomState(1)
W_TARGET = torch.from_numpy(stream.randn(DEGREE, 1) * 5).float()
b_target = torch.from_numpy(stream.randn(1) * 5).float()


def make_features(x):
    """The powers 1 to 4 of each number."""
    x = x.unsqueeze(1)
    return torch.cat([x ** i for i in range(1, DEGREE + 1)], 1)


def f(x):
    return x.mm(W_TARGET) + b_target.item()


def poly_desc(W, b):
    result = "y = "
    for i, w in enumerate(W):
        result += f"{w:+.2f} x^{i + 1} "
    return result + f"{b[0]:+.2f}"


def get_batch(batch_size=32):
    x = make_features(torch.from_numpy(stream.uniform(-1.5, 1.5, batch_size)).float())
    return x, f(x)


fc = start(torch.nn.Linear(W_TARGET.size(0), 1))
for batch_idx in count(1):
    batch_x, batch_y = get_batch()
    fc.zero_grad()
    output = F.smooth_l1_loss(fc(batch_x), batch_y)
    loss = output.item()
    output.backward()
    for param in fc.parameters():
        param.data.add_(-0.05 * param.grad)
    if batch_idx % 500 == 0:
        print(f"{batch_idx} loss {loss:.6f}")
    if loss < 1e-3 or batch_idx == 5000:
        break

print("learned", poly_desc(fc.weight.view(-1), fc.bias))
print("actual ", poly_desc(W_TARGET.view(-1), b_target))
print(f"loss {loss:.6f} after {batch_idx} batches")
