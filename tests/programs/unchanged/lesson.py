"""A lesson of a book: classes that keep their arguments, a trainer, models from scratch, an RNN, lazy layers."""
import collections
import inspect
import math
import random
import re

import numpy as np
import torch
from start import start
from torch import nn
from torch.nn import functional as F


def add_to_class(Class):
    """Register functions as methods of a class that exists."""
    def wrapper(obj):
        setattr(Class, obj.__name__, obj)
    return wrapper


class HyperParameters:
    def save_hyperparameters(self, ignore=()):
        frame = inspect.currentframe().f_back
        _, _, _, local_vars = inspect.getargvalues(frame)
        self.hparams = {k: v for k, v in local_vars.items()
                        if k not in {*ignore, "self"} and not k.startswith("_")}
        for k, v in self.hparams.items():
            setattr(self, k, v)


class Module(nn.Module, HyperParameters):
    def __init__(self):
        super().__init__()
        self.losses = []

    def loss(self, y_hat, y):
        raise NotImplementedError

    def forward(self, X):
        assert hasattr(self, "net"), "Neural network is not defined"
        return self.net(X)

    def training_step(self, batch):
        loss = self.loss(self(*batch[:-1]), batch[-1])
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch):
        return self.loss(self(*batch[:-1]), batch[-1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def apply_init(self, inputs, init=None):
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)


class DataModule(HyperParameters):
    def get_dataloader(self, train):
        raise NotImplementedError

    def get_tensorloader(self, tensors, train, indices=slice(0, None)):
        tensors = tuple(a[indices] for a in tensors)
        dataset = torch.utils.data.TensorDataset(*tensors)
        return torch.utils.data.DataLoader(dataset, self.batch_size, shuffle=False)


class Trainer(HyperParameters):
    def __init__(self, max_epochs, gradient_clip_val=0):
        self.save_hyperparameters()

    def fit(self, model, data):
        self.model, self.optim = model, model.configure_optimizers()
        self.train_batches, self.val_batches = data.get_dataloader(True), data.get_dataloader(False)
        for _ in range(self.max_epochs):
            self.fit_epoch()

    def fit_epoch(self):
        self.model.train()
        for batch in self.train_batches:
            loss = self.model.training_step(batch)
            self.optim.zero_grad()
            with torch.no_grad():
                loss.backward()
                if self.gradient_clip_val > 0:
                    self.clip_gradients(self.gradient_clip_val, self.model)
                self.optim.step()
        self.model.eval()
        with torch.no_grad():
            losses = [self.model.validation_step(batch).item() for batch in self.val_batches]
        self.val_loss = sum(losses) / len(losses)


@add_to_class(Trainer)
def clip_gradients(self, grad_clip_val, model):
    params = [p for p in model.parameters() if p.requires_grad]
    norm = torch.sqrt(sum(torch.sum((p.grad ** 2)) for p in params))
    if norm > grad_clip_val:
        for param in params:
            param.grad[:] *= grad_clip_val / norm


class SyntheticRegressionData(DataModule):
    def __init__(self, w, b, noise=0.01, num_train=200, num_val=100, batch_size=20):
        super().__init__()
        self.save_hyperparameters()
        stream = np.random.RandomState(0)
        self.X = torch.from_numpy(stream.randn(num_train + num_val, len(w))).float()
        noise = torch.from_numpy(stream.randn(num_train + num_val, 1)).float() * noise
        self.y = torch.matmul(self.X, w.reshape((-1, 1))) + b + noise

    def get_dataloader(self, train):
        indices = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader((self.X, self.y), train, indices)


class SGD(HyperParameters):
    def __init__(self, params, lr):
        self.save_hyperparameters()

    def step(self):
        for param in self.params:
            param -= self.lr * param.grad

    def zero_grad(self):
        for param in self.params:
            if param.grad is not None:
                param.grad.zero_()


class LinearRegressionScratch(Module):
    def __init__(self, num_inputs, lr):
        super().__init__()
        self.save_hyperparameters()
        self.w = torch.zeros((num_inputs, 1), requires_grad=True)
        self.b = torch.zeros(1, requires_grad=True)

    def forward(self, X):
        return torch.matmul(X, self.w) + self.b

    def loss(self, y_hat, y):
        return ((y_hat - y) ** 2 / 2).mean()

    def configure_optimizers(self):
        return SGD([self.w, self.b], self.lr)


class MLP(Module):
    """Lazy layers, which learn their sizes from the first batch."""

    def __init__(self, num_hiddens, lr):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_hiddens), nn.ReLU(), nn.LazyLinear(1))

    def loss(self, y_hat, y):
        return nn.HuberLoss()(y_hat, y)


class Letters(DataModule):
    """Numbers of a text's letters, and of those that follow them."""

    def __init__(self, text, batch_size, num_steps, num_train=320, num_val=64):
        super().__init__()
        self.save_hyperparameters(ignore=["text"])
        tokens = list(re.sub("[^a-z]+", " ", text.lower()))
        counter = collections.Counter(tokens)
        self.idx_to_token = sorted(counter)
        self.token_to_idx = {token: idx for idx, token in enumerate(self.idx_to_token)}
        corpus = [self.token_to_idx[token] for token in tokens]
        array = torch.tensor([corpus[i:i + num_steps + 1] for i in range(len(corpus) - num_steps)])
        self.X, self.Y = array[:, :-1], array[:, 1:]

    def get_dataloader(self, train):
        idx = slice(0, self.num_train) if train else slice(self.num_train, self.num_train + self.num_val)
        return self.get_tensorloader([self.X, self.Y], train, idx)


class RNNScratch(Module):
    def __init__(self, num_inputs, num_hiddens):
        super().__init__()
        self.save_hyperparameters()
        self.W_xh = nn.Parameter(torch.randn(num_inputs, num_hiddens))
        self.W_hh = nn.Parameter(torch.randn(num_hiddens, num_hiddens))
        self.b_h = nn.Parameter(torch.zeros(num_hiddens))

    def forward(self, inputs, state=None):
        state = torch.zeros((inputs.shape[1], self.num_hiddens)) if state is None else state[0]
        outputs = []
        for X in inputs:
            state = torch.tanh(torch.matmul(X, self.W_xh) + torch.matmul(state, self.W_hh) + self.b_h)
            outputs.append(state)
        return outputs, state


class RNNLMScratch(Module):
    def __init__(self, rnn, vocab_size, lr):
        super().__init__()
        self.save_hyperparameters()
        self.W_hq = nn.Parameter(torch.randn(self.rnn.num_hiddens, self.vocab_size))
        self.b_q = nn.Parameter(torch.zeros(self.vocab_size))

    def one_hot(self, X):
        return F.one_hot(X.T, self.vocab_size).type(torch.float32)

    def output_layer(self, rnn_outputs):
        return torch.stack([torch.matmul(H, self.W_hq) + self.b_q for H in rnn_outputs], 1)

    def forward(self, X, state=None):
        rnn_outputs, _ = self.rnn(self.one_hot(X), state)
        return self.output_layer(rnn_outputs)

    def loss(self, Y_hat, Y):
        return F.cross_entropy(Y_hat.reshape((-1, Y_hat.shape[-1])), Y.reshape((-1,)))

    def predict(self, prefix, num_preds, vocab):
        state, outputs = None, [vocab[prefix[0]]]
        for i in range(len(prefix) + num_preds - 1):
            X = torch.tensor([[outputs[-1]]])
            rnn_outputs, h = self.rnn(self.one_hot(X), state)
            state = (h,)
            if i < len(prefix) - 1:
                outputs.append(vocab[prefix[i + 1]])
            else:
                Y = self.output_layer(rnn_outputs)
                outputs.append(int(Y.argmax(axis=2).reshape(1)))
        return outputs


true_w, true_b = torch.tensor([2, -3.4]), 4.2
data = SyntheticRegressionData(true_w, true_b)
model, trainer = LinearRegressionScratch(2, lr=0.03), Trainer(max_epochs=20)
trainer.fit(model, data)
error = max((true_w - model.w.reshape(true_w.shape)).abs().max().item(), abs((true_b - model.b).item()))
print(f"error of the linear model {error:.4f}")

model = MLP(16, lr=0.1)
model.apply_init([next(iter(data.get_dataloader(True)))[0]])
start(model.net)
trainer = Trainer(max_epochs=20)
trainer.fit(model, data)
print(f"loss of the perceptron {trainer.val_loss:.4f}")

stream = random.Random(0)
text = " ".join(stream.choice("the cat sat on a mat and the rat ran".split()) for _ in range(130))
letters = Letters(text, batch_size=16, num_steps=12)
rnn = RNNScratch(len(letters.idx_to_token), 32)
model = start(RNNLMScratch(rnn, len(letters.idx_to_token), lr=1), gain=0.6)
trainer = Trainer(max_epochs=12, gradient_clip_val=1)
trainer.fit(model, letters)
print("".join(letters.idx_to_token[i] for i in model.predict("the ca", 12, letters.token_to_idx)))
print(f"perplexity {math.exp(trainer.val_loss):.3f} of {len(letters.idx_to_token)}")
