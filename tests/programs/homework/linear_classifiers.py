"""SVM and softmax losses with gradients written by hand, in loops and without; a two-layer net; all checked."""
import sys

import minidl as torch
from minidl.vision.datasets import MNIST


def hinge_in_loops(W, X, y, reg):
    dW = torch.zeros_like(W)
    classes, n = W.shape[1], X.shape[0]
    loss = 0.0
    for i in range(n):
        scores = W.t().mv(X[i])
        own = scores[y[i]]
        for j in range(classes):
            if j == y[i]:
                continue
            margin = scores[j] - own + 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    return loss / n + reg * torch.sum(W * W), dW / n + 2 * reg * W


def hinge_at_once(W, X, y, reg):
    n = X.shape[0]
    rows = torch.arange(n)
    scores = X.mm(W)
    margins = (scores - scores[rows, y].view(-1, 1) + 1).clamp(min=0)
    margins[rows, y] = 0
    mask = (margins > 0).to(X.dtype)
    mask[rows, y] = -mask.sum(dim=1)
    return margins.sum() / n + reg * torch.sum(W * W), X.t().mm(mask) / n + 2 * reg * W


def softmax_in_loops(W, X, y, reg):
    loss, dW = 0.0, torch.zeros_like(W)
    for i in range(X.shape[0]):
        scores = X[i].matmul(W)
        scores -= scores.max()
        p = scores.exp() / scores.exp().sum()
        loss -= p[y[i]].log()
        for j in range(W.shape[1]):
            dW[:, j] += (p[j] - (1 if j == y[i] else 0)) * X[i]
    return loss / X.shape[0] + reg * torch.sum(W * W), dW / X.shape[0] + 2 * reg * W


def softmax_at_once(W, X, y, reg):
    n = X.shape[0]
    scores = X.mm(W)
    scores = scores - scores.max(dim=1, keepdim=True).values
    p = torch.exp(scores)
    p = p / p.sum(dim=1, keepdim=True)
    loss = -torch.log(p[torch.arange(n), y]).sum() / n + reg * torch.sum(W * W)
    p = p.clone()
    p[torch.arange(n), y] -= 1
    return loss, X.t().mm(p) / n + 2 * reg * W


def two_layers(params, X, y=None, reg=0.0):
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    N, D = X.shape
    hidden = X.mm(W1).add(b1).clamp(min=0)
    scores = hidden.mm(W2) + b2
    if y is None:
        return scores
    shifted = scores - scores.max(dim=1, keepdim=True)[0]
    logp = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    loss = -logp[range(N), y].mean() + reg * (torch.sum(W1 * W1) + torch.sum(W2 * W2))
    to_scores = logp.exp()
    to_scores[range(N), y] -= 1
    to_scores /= N
    grads = {"W2": hidden.t().mm(to_scores) + 2 * reg * W2, "b2": to_scores.sum(dim=0)}
    to_hidden = to_scores.mm(W2.t())
    to_hidden[hidden == 0] = 0
    grads["W1"], grads["b1"] = X.t().mm(to_hidden) + 2 * reg * W1, to_hidden.sum(dim=0)
    return loss, grads


def numeric_gradient(f, x, h=1e-7):
    grad = torch.zeros_like(x)
    before, flat_x, flat_grad = 0.0, x.contiguous().flatten(), grad.flatten()
    for i in range(flat_x.shape[0]):
        before = flat_x[i].item()
        flat_x[i] = before + h
        above = f(x).item()
        flat_x[i] = before - h
        below = f(x).item()
        flat_x[i] = before
        flat_grad[i] = (above - below) / (2 * h)
    return grad.view_as(x)


def relative_error(x, y, eps=1e-10):
    top = (x - y).abs().max().item()
    bot = (x.abs() + y.abs()).clamp(min=eps).max().item()
    return top / bot


torch.manual_seed(0)
worst = 0.0
X, y = torch.randn(12, 6, dtype=torch.float64), torch.randint(4, (12,))
W = 0.3 * torch.randn(6, 4, dtype=torch.float64)
for naive, fast in ((hinge_in_loops, hinge_at_once), (softmax_in_loops, softmax_at_once)):
    (loss, grad), (loss_fast, grad_fast) = naive(W, X, y, 0.05), fast(W, X, y, 0.05)
    weight = W.clone().requires_grad_()
    fast(weight, X, y, 0.05)[0].backward()
    worst = max(worst, abs(loss - loss_fast).item(), relative_error(grad, grad_fast), relative_error(grad, weight.grad),
                relative_error(numeric_gradient(lambda w: fast(w, X, y, 0.05)[0], W), grad))
params = {"W1": torch.randn(6, 5, dtype=torch.float64), "b1": torch.zeros(5, dtype=torch.float64),
          "W2": torch.randn(5, 4, dtype=torch.float64), "b2": torch.zeros(4, dtype=torch.float64)}
_, grads = two_layers(params, X, y, 0.05)
for name in params:
    numeric = numeric_gradient(lambda w: two_layers(params, X, y, 0.05)[0], params[name])
    worst = max(worst, relative_error(numeric, grads[name]))
print(f"largest error of a gradient: {worst:.2e}")
assert worst < 1e-5

train, test = MNIST(sys.argv[1], train=True), MNIST(sys.argv[1], train=False)
x, y = train.data.flatten(1).float() / 255, train.targets
x_test, y_test = test.data.flatten(1).float() / 255, test.targets
found = []
for rule in (hinge_at_once, softmax_at_once):
    W = 1e-4 * torch.randn(784, 10)
    for _ in range(150):
        idx = torch.randint(len(x), (64,))
        W -= 0.1 * rule(W, x[idx], y[idx], 1e-4)[1]
    found.append((x_test.mm(W).argmax(dim=1) == y_test).double().mean().item())
params = {"W1": 0.05 * torch.randn(784, 48), "b1": torch.zeros(48), "W2": 0.05 * torch.randn(48, 10),
          "b2": torch.zeros(10)}
for _ in range(300):
    idx = torch.multinomial(torch.ones(len(x)), 64)
    _, grads = two_layers(params, x[idx], y[idx], 1e-4)
    for name in params:
        params[name] -= 0.2 * grads[name]
found.append((two_layers(params, x_test).max(1)[1] == y_test).double().mean().item())
print("svm {:.3f}, softmax {:.3f}, two layers {:.3f}".format(*found))
print(f"least accuracy {min(found):.3f}")
