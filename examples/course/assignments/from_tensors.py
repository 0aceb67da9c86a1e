"""What is learned with, out of tensors alone: losses, optimizers, and an MLP without modules."""
import minidl


def one_hot(y, scores):
    return (y[:, None] == minidl.arange(scores.shape[1])).float()


def cross_entropy(scores, y):
    shifted = scores - scores.amax(1, keepdim=True)         # so that exp does not overflow
    return -(one_hot(y, scores) * (shifted - shifted.exp().sum(1, keepdim=True).log())).sum(1).mean()


def binary_cross_entropies(scores, y):
    """-t log p - (1 - t) log(1 - p) of p = sigmoid(score), over all classes, without the logarithm of a zero."""
    return (scores.clamp(min=0) - scores * one_hot(y, scores) + (1 + (-scores.abs()).exp()).log()).sum(1).mean()


class SGD:
    """v = momentum v + g; p = p - lr v."""

    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.v = [minidl.zeros_like(p) for p in self.params]

    @minidl.no_grad()
    def step(self):
        for p, v in zip(self.params, self.v):
            v.mul_(self.momentum).add_(p.grad)
            p -= self.lr * v
            p.grad = None


class Adam:
    """p = p - lr m / (sqrt(v) + eps), with the means m of g and v of g^2, corrected for their start at zero."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        self.params, self.lr, self.betas, self.eps, self.t = list(params), lr, betas, eps, 0
        self.m, self.v = ([minidl.zeros_like(p) for p in self.params] for _ in range(2))

    @minidl.no_grad()
    def step(self):
        self.t += 1
        (a, b), t = self.betas, self.t
        for p, m, v in zip(self.params, self.m, self.v):
            m.mul_(a).add_((1 - a) * p.grad)
            v.mul_(b).add_((1 - b) * p.grad.square())
            p -= self.lr * (m / (1 - a ** t)) / ((v / (1 - b ** t)).sqrt() + self.eps)
            p.grad = None


def start(inputs, hidden, classes, deviation):
    """Weights and biases of three layers."""
    widths = [inputs, hidden, hidden, classes]
    return [part.requires_grad_() for a, b in zip(widths, widths[1:])
            for part in (deviation * minidl.randn(a, b), minidl.zeros(b))]


def mlp(x, parts):
    for W, b in zip(parts[:-2:2], parts[1:-2:2]):
        x = (x @ W + b).clamp(min=0)
    return x @ parts[-2] + parts[-1]
