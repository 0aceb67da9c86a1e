"""A variational auto-encoder with distributions: `rsample`, `kl_divergence`, `log_prob`."""
import argparse

import numpy as np
import torch
from start import start
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset


def bars(count, seed, size=6):
    """Pictures of one row and one column that are lit."""
    stream = np.random.RandomState(seed)
    images = np.zeros((count, size, size), "float32")
    images[np.arange(count), stream.randint(0, size, count)] = 1
    images[np.arange(count), :, stream.randint(0, size, count)] = 1
    return torch.from_numpy(images).flatten(1)


class VAE(nn.Module):
    def __init__(self, size, latent):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 64), nn.Tanh(), nn.Linear(64, size))
        self.register_buffer("zero", torch.zeros(latent))

    def posterior(self, x):
        mean, log_std = self.encoder(x).chunk(2, dim=-1)
        return Independent(Normal(mean, log_std.exp()), 1)

    @property
    def prior(self):
        return Independent(Normal(self.zero, torch.ones_like(self.zero)), 1)

    def likelihood(self, z):
        return Independent(Bernoulli(logits=self.decoder(z)), 1)

    def elbo(self, x):
        q = self.posterior(x)
        return self.likelihood(q.rsample()).log_prob(x) - kl_divergence(q, self.prior)

    def log_evidence(self, x, samples=32):
        """The bound by importance sampling."""
        q = self.posterior(x)
        z = q.sample((samples,))
        weights = self.likelihood(z).log_prob(x) + self.prior.log_prob(z) - q.log_prob(z)
        return weights.logsumexp(0) - np.log(samples)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    args = parser.parse_args()
    torch.manual_seed(0)
    train, test = bars(512, 0), bars(100, 1)
    vae = start(VAE(train.size(1), 4))
    optimizer = torch.optim.AdamW(vae.parameters(), lr=5e-3)
    loader = DataLoader(TensorDataset(train), batch_size=32, shuffle=True)
    for epoch in range(1, args.epochs + 1):
        for (x,) in loader:
            loss = -vae.elbo(x).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        if epoch % 20 == 0:
            print(f"epoch {epoch} loss {loss.item():.3f}")
    vae.eval()
    with torch.no_grad():
        bound, evidence = vae.elbo(test).mean().item(), vae.log_evidence(test).mean().item()
        pictures = vae.likelihood(vae.prior.sample((200,))).mean.round()
    assert evidence > bound
    known = {tuple(x.tolist()) for x in bars(2000, 2)}
    good = sum(tuple(x.tolist()) in known for x in pictures)
    print(f"bound {-bound:.2f} of 3.58 nats at best, {good / 2:.0f} % of the pictures are bars")
