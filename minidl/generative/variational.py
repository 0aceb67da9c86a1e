"""Parts of variational autoencoders: the evidence lower bound, its terms, and what they say of a trained model.

    log p(x) >= E log p(x | z) - KL(q(z | x) || p(z))

All terms are in nats and summed over an example, one number for each; losses are their mean over the batch.

Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2014.
"""
from __future__ import annotations

import math

from minidl.nn import functional as F
from minidl.random import Generator
from minidl.tensors.creation import randn
from minidl.tensors.tensor import Tensor


def reparameterize(mean: Tensor, log_variance: Tensor, generator: Generator | None = None) -> Tensor:
    """A sample mean + exp(log_variance / 2) * noise, through which gradients flow to both.

        >>> import minidl
        >>> from minidl.generative import reparameterize
        >>> reparameterize(minidl.tensor([3.0]), minidl.tensor([-200.0]))
        tensor([3.])
    """
    noise = randn(*mean.shape, dtype=mean.dtype, device=mean.device, generator=generator)
    return mean + (log_variance / 2).exp() * noise


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each example, in nats: (N,) for (N, ...).

        >>> import minidl
        >>> from minidl.generative import kl_to_standard_normal
        >>> kl_to_standard_normal(minidl.tensor([[1.0, 0.0]]), minidl.zeros(1, 2))
        tensor([0.5000])
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1) / 2


def bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x) of each example, where p is the chance of every element to be 1: (N,) for (N, ...).

    It is a likelihood for x of 0 and 1. For grey values it is the loss of the classic example, and no likelihood.

        >>> import minidl
        >>> from minidl.generative import bernoulli_log_likelihood
        >>> bernoulli_log_likelihood(minidl.zeros(1, 2), minidl.tensor([[0.0, 1.0]]))      # 2 log(1/2)
        tensor([-1.3863])
    """
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def normal_log_likelihood(mean: Tensor, x: Tensor, std: float = 1.0) -> Tensor:
    """log p(x) of each example under N(mean, std^2) for every element: (N,) for (N, ...).

        >>> import minidl
        >>> from minidl.generative import normal_log_likelihood
        >>> normal_log_likelihood(minidl.zeros(1, 2), minidl.zeros(1, 2))       # -log(2 pi)
        tensor([-1.8379])
    """
    constant = math.log(std * math.sqrt(2 * math.pi))
    return (-((x - mean) / std).square() / 2 - constant).flatten(1).sum(1)


def negative_elbo(log_likelihood: Tensor, kl: Tensor, beta: float = 1.0) -> Tensor:
    """The loss of a variational autoencoder: the mean over the batch of beta * kl - log_likelihood, both (N,).

    beta: the weight of the KL term. With 1 the result is a bound of -log p(x); see also `kl_weight`.

        >>> import minidl
        >>> from minidl.generative import negative_elbo
        >>> negative_elbo(minidl.tensor([-100.0, -80.0]), minidl.tensor([20.0, 10.0]))
        tensor(105.)
    """
    return (beta * kl - log_likelihood).mean()


def kl_weight(step: int, steps: int) -> float:
    """The weight of the KL term, raised evenly from 0 to 1 in the first `steps`.

    Without it, the decoder may learn to do without the code before the code says anything.

    Source: Bowman et al., "Generating Sentences from a Continuous Space", 2016.

        >>> from minidl.generative import kl_weight
        >>> [kl_weight(step, 4) for step in range(6)]
        [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return min(1.0, step / steps) if steps > 0 else 1.0


def importance_weighted(log_weights: Tensor) -> Tensor:
    """log of the mean of K weights p(x, z) / q(z | x) for each example: (N,) for (K, N).

    It is a tighter bound of log p(x) than the ELBO, which is the case K = 1, and approaches it with K.

    Source: Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016.

        >>> import minidl
        >>> from minidl.generative import importance_weighted
        >>> importance_weighted(minidl.tensor([[0.0], [float("-inf")]]))        # log(1/2)
        tensor([-0.6931])
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def active_units(means: Tensor, threshold: float = 0.01) -> int:
    """How many elements of the code say something of the image: their mean varies over images (N, D).

    Source: Burda, Grosse and Salakhutdinov, 2016, section 5.2.

        >>> import minidl
        >>> from minidl.generative import active_units
        >>> active_units(minidl.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        1
    """
    return int((means.var(0) > threshold).sum().item())
