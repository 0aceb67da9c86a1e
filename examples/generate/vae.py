"""A variational autoencoder: an image becomes a region of codes, and any code near the origin becomes an image.

Kingma and Welling, 2014. The encoder says where the code of an image may lie, the decoder what a code looks like, and
the loss has one term for each: how well the image comes back, and how far the region is from the normal distribution.
The usual lesson takes grey values for probabilities, and its loss is no likelihood. With --binary each image is drawn
anew in black and white, and the loss is a bound of -log p(x).

    python examples/generate/vae.py
    python examples/generate/vae.py --dataset mnist --data DIR --binary --epochs 50 --plot plots
"""
import math

from judge import add_judge, report
from pixels import add_half, load

import minidl
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.train import plots

DEFAULTS = {
    "digits": {"epochs": 200, "batch_size": 64, "lr": 1e-3},
    "mnist": {"epochs": 10, "batch_size": 128, "lr": 1e-3},
    "fashion": {"epochs": 10, "batch_size": 128, "lr": 1e-3},
}


def add_options(parser):
    add_judge(parser)
    add_half(parser)
    parser.add_argument("--codes", type=arguments.whole_number(1), default=20, metavar="N", help="numbers in a code")
    parser.add_argument("--binary", action="store_true", help="two hidden layers, and images drawn in black and white")
    parser.add_argument("--anneal", type=arguments.number_between(0), default=0.0, metavar="EPOCHS",
                        help="in which the weight of the second term rises to 1")


class VAE(nn.Module):
    def __init__(self, shape, codes, hidden):
        super().__init__()
        self.shape, size = shape, math.prod(shape)
        self.encoder = mlp([size, *hidden, 2 * codes])
        self.decoder = mlp([codes, *reversed(hidden), size])
        self.register_buffer("step", minidl.zeros((), dtype=minidl.int64))      # for the weight of the second term

    def encode(self, x):
        """Mean and logarithm of the variance of the code, (N, codes) each."""
        return self.encoder(x.flatten(1)).chunk(2, 1)

    def decode(self, z):
        """Logits of the pixels, (N, C, H, W)."""
        return self.decoder(z).unflatten(1, self.shape)


def mlp(sizes):
    layers = [part for inner, outer in zip(sizes, sizes[1:]) for part in (nn.Linear(inner, outer), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = load(args)
model = VAE(data.train.x.shape[1:], args.codes, [500, 500] if args.binary else [400]).to(args.device)
fixed = minidl.randn(64, args.codes).to(args.device)
tested = (data.test.x.float() / 255).to(args.device)
tested = tested.bernoulli() if args.binary else tested


def terms(x):
    """log p(x | z) of one code for each image, and the KL term, (N,) each."""
    mean, log_variance = model.encode(x)
    logits = model.decode(generative.reparameterize(mean, log_variance))
    return generative.bernoulli_log_likelihood(logits, x), generative.kl_to_standard_normal(mean, log_variance)


def objective(model, x, labels):
    beta = generative.kl_weight(model.step.item(), int(args.anneal * len(batches)))
    model.step += 1
    log_likelihood, kl = terms(x)
    loss = generative.negative_elbo(log_likelihood, kl, beta)
    return loss, {"error": -log_likelihood.mean().item(), "KL": kl.mean().item()}


def test():
    """The bound on the test images, in nats."""
    means = classification.in_batches(lambda x: minidl.stack(terms(x), 1), tested).mean(0)
    return {"test error": -means[0].item(), "test KL": means[1].item(), "test loss": (means[1] - means[0]).item()}


def make(z=fixed):
    """Images from 0 to 1: the probability of white, for each pixel."""
    return classification.in_batches(lambda part: model.decode(part).sigmoid(), z).cpu()


def log_weights(x, samples=200):
    """log p(x, z) - log q(z | x) of samples of the code of each image: (samples, N)."""
    mean, log_variance = model.encode(x)
    posterior = minidl.distributions.Normal(mean, (log_variance / 2).exp())
    prior = minidl.distributions.Normal(minidl.zeros_like(mean), minidl.ones_like(mean))

    def weights():
        z = posterior.sample()
        return (generative.bernoulli_log_likelihood(model.decode(z), x) + prior.log_prob(z).sum(1)
                - posterior.log_prob(z).sum(1))
    return minidl.stack([weights() for _ in range(samples)])


def say():
    figures = test()
    print(f"test loss {figures['test loss']:.2f} nats: {figures['test error']:.2f} of the image and "
          f"{figures['test KL']:.2f} of the code, which uses {generative.active_units(means)} of {args.codes} numbers")
    if args.binary:
        some = tested[:1000]
        found = classification.in_batches(lambda x: generative.importance_weighted(log_weights(x)), some)
        print(f"-log p(x) of {len(some):,} test images by 200 samples of each code: {-found.mean().item():.2f} nats")
    report(args, data, lambda count: make(minidl.randn(count, args.codes).to(args.device)) * 2 - 1)


def back(path):
    """Ten images, what comes back, and the way from one code to the next."""
    rows = minidl.cat([tested[:10].cpu(), make(means[:10])])
    plots.images(rows, path, caption="test images, and what comes back", columns=10)


def walk(path):
    """From one test image to another in ten steps of the code, six times."""
    share = minidl.linspace(0, 1, 10).to(args.device)[:, None]
    codes = minidl.cat([first + share * (second - first) for first, second in zip(means[:6], means[6:12])])
    plots.images(make(codes), path, caption="each row goes from one test image to another", columns=10)


run = generation.Run(args, data, model, make)
batches = images.Batches(data, args.batch_size, prepare=lambda x: (
    (x.float() / 255).bernoulli() if args.binary else x.float() / 255).to(args.device))
run.train(batches, objective, optim.Adam(model.parameters(), lr=args.lr), evaluate=test)
means = classification.in_batches(lambda x: model.encode(x)[0], tested)
run.end(say, {"back": back, "walk": walk})
