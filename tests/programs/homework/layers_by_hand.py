"""Convolution, pooling, batch norm and dropout written by hand, forward and backward, held against the library's."""
import minidl as torch
import minidl.nn.functional as F


class Conv(object):
    @staticmethod
    def forward(x, w, b, settings):
        pad, stride = settings["pad"], settings["stride"]
        N, C, H, W = x.shape
        K, _, HH, WW = w.shape
        padded = F.pad(x, (pad, pad, pad, pad))
        Ho, Wo = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
        out = torch.zeros((N, K, Ho, Wo), dtype=x.dtype, device=x.device)
        for n in range(N):
            for k in range(K):
                for i in range(Ho):
                    for j in range(Wo):
                        patch = padded[n, :, i * stride:i * stride + HH, j * stride:j * stride + WW]
                        out[n, k, i, j] = (patch * w[k]).sum() + b[k]
        return out, (x, w, b, settings)

    @staticmethod
    def backward(dout, cache):
        x, w, b, settings = cache
        pad, stride = settings["pad"], settings["stride"]
        padded = F.pad(x, (pad,) * 4)
        to_padded, dw, db = torch.zeros_like(padded), torch.zeros_like(w), dout.sum(dim=(0, 2, 3))
        for n in range(dout.shape[0]):
            for k in range(dout.shape[1]):
                for i in range(dout.shape[2]):
                    for j in range(dout.shape[3]):
                        rows = slice(i * stride, i * stride + w.shape[2])
                        columns = slice(j * stride, j * stride + w.shape[3])
                        dw[k] += padded[n, :, rows, columns] * dout[n, k, i, j]
                        to_padded[n, :, rows, columns] += w[k] * dout[n, k, i, j]
        return to_padded[:, :, pad:-pad, pad:-pad], dw, db


class MaxPool(object):
    @staticmethod
    def forward(x, size, stride):
        windows = x.unfold(2, size, stride).unfold(3, size, stride)
        return windows.flatten(-2).max(dim=-1)[0], (x, size, stride)

    @staticmethod
    def backward(dout, cache):
        x, size, stride = cache
        dx = torch.zeros_like(x)
        N, C, Ho, Wo = dout.shape
        for n in range(N):
            for c in range(C):
                for i in range(Ho):
                    for j in range(Wo):
                        patch = x[n, c, i * stride:i * stride + size, j * stride:j * stride + size]
                        at = torch.argmax(patch)
                        row, column = divmod(at.item(), size)
                        dx[n, c, i * stride + row, j * stride + column] += dout[n, c, i, j]
        return dx


class BatchNorm(object):
    @staticmethod
    def forward(x, gamma, beta, state):
        mode, eps, momentum = state["mode"], state.get("eps", 1e-5), state.get("momentum", 0.9)
        running_mean = state.setdefault("running_mean", torch.zeros(x.shape[1], dtype=x.dtype))
        running_var = state.setdefault("running_var", torch.ones(x.shape[1], dtype=x.dtype))
        if mode == "test":
            return gamma * (x - running_mean) / torch.sqrt(running_var + eps) + beta, None
        mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
        std = torch.sqrt(var + eps)
        x_hat = (x - mean) / std
        state["running_mean"] = (momentum * running_mean + (1 - momentum) * mean).detach()
        state["running_var"] = (momentum * running_var + (1 - momentum) * x.var(dim=0)).detach()
        return gamma * x_hat + beta, (x_hat, gamma, std)

    @staticmethod
    def backward(dout, cache):
        x_hat, gamma, std = cache
        N = dout.shape[0]
        dx = gamma / (N * std) * (N * dout - dout.sum(0) - x_hat * (dout * x_hat).sum(0))
        return dx, (dout * x_hat).sum(dim=0), dout.sum(dim=0)


class Dropout(torch.autograd.Function):
    """As a function of the tape's own: a mask that is kept for backward."""
    @staticmethod
    def forward(ctx, x, p):
        mask = (torch.rand(x.shape) >= p).to(x.dtype) / (1 - p)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, dout):
        mask, = ctx.saved_tensors
        return dout * mask, None


def error(a, b):
    return (a - b).abs().max().item()


torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
worst = []
x, w, b = torch.randn(2, 3, 5, 6), torch.randn(4, 3, 3, 3), torch.randn(4)
for stride in (1, 2):
    out, cache = Conv.forward(x, w, b, {"pad": 1, "stride": stride})
    leaves = [t.clone().requires_grad_(True) for t in (x, w, b)]
    theirs = F.conv2d(*leaves, stride=stride, padding=1)
    dout = torch.randn_like(out)
    theirs.backward(dout)
    worst.append(error(out, theirs))
    worst += [error(ours, leaf.grad) for ours, leaf in zip(Conv.backward(dout, cache), leaves)]

x = torch.randn(2, 3, 6, 7, requires_grad=True)
out, cache = MaxPool.forward(x.detach(), 2, 2)
theirs = F.max_pool2d(x, 2)
dout = torch.randn(*out.shape)
theirs.backward(gradient=dout)
worst += [error(out, theirs), error(MaxPool.backward(dout, cache), x.grad)]

layer, param = torch.nn.BatchNorm1d(5), {"mode": "train"}
for _ in range(4):
    x = (3 * torch.randn(16, 5) + 2).requires_grad_()
    layer.zero_grad()
    theirs = layer(x)
    out, cache = BatchNorm.forward(x.detach(), layer.weight.detach(), layer.bias.detach(), param)
    dout = torch.randn_like(out)
    theirs.backward(dout)
    dx, dgamma, dbeta = BatchNorm.backward(dout, cache)
    worst += [error(out, theirs), error(dx, x.grad), error(dgamma, layer.weight.grad), error(dbeta, layer.bias.grad)]
layer.eval()
param["mode"] = "test"
worst.append(error(layer(x), BatchNorm.forward(x, layer.weight, layer.bias, param)[0]))

x = torch.ones(100, 100, requires_grad=True)
out = Dropout.apply(x, 0.3)
out.sum().backward()
assert abs((out == 0).double().mean().item() - 0.3) < 0.02 and torch.equal(out.detach(), x.grad)
print(f"{len(worst)} comparisons, the largest error {max(worst):.2e}")
