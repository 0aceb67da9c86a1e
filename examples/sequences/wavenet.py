"""WaveNet: sound is made sample after sample, each told from the thousand before it.

Van den Oord et al., 2016. A causal convolution sees this sample and an earlier one. From layer to layer the two stand
twice as far apart, so that ten layers hear 1,024 samples, where undilated ones would hear 11. All samples of a known
sound are told at once; those of a new one only one after the other, since each is the input of the next: that is the
price of chaining. With the memory of each layer (Le Paine et al., 2016) a sample costs as much as there are layers, and
not as much as the sound is long.

    python examples/sequences/wavenet.py --epochs 1
    python examples/sequences/wavenet.py --compiled --plot plots
"""
import math
import time
from collections import Counter

import heard
from learning import learn
from sound import RATE, speech, write

import minidl
from minidl import generative
from minidl.cli import arguments
from minidl.cli.classification import in_batches
from minidl.train.objective import evaluated

DEFAULTS = {"sound": {"epochs": 5, "batch_size": 2, "lr": 1e-2}}
LEVELS, CROP = 256, 2048


def add_options(parser):
    for name, default, told in (("layers", 10, "layers; each hears twice as far as the one before"),
                                ("width", 32, "channels"), ("seconds", 40, "of sound to learn from"),
                                ("made", 4000, "samples to make for the pictures")):
        parser.add_argument(f"--{name}", type=arguments.whole_number(1), default=default, metavar="N",
                            help=f"{told} (default: {default})")


class Crops:
    """Batches of pieces of sounds (N, T), each from a random sample on."""

    def __init__(self, sounds, size):
        self.sounds, self.size, self.length = sounds, size, min(CROP, sounds.shape[1])

    def __len__(self):
        return max(1, self.sounds.numel() // (self.size * self.length))

    def __iter__(self):
        for _ in range(len(self)):
            which = minidl.randint(len(self.sounds), (self.size, 1))
            start = minidl.randint(self.sounds.shape[1] - self.length + 1, (self.size, 1))
            yield (self.sounds[which, start + minidl.arange(self.length)].to(args.device),)


def loss(model, x):
    """Nats a sample."""
    return -model.log_likelihood(x).mean() / x.shape[1]


def nats(x):
    """The mean of a sample of sounds, none of which was learned from."""
    found = evaluated(model, lambda: in_batches(model.log_likelihood, x.to(args.device), 1))
    return -found.mean().item() / x.shape[1]


def counted(known, asked, weight=8):
    """Nats a sample if it is told by counting: how often it comes, after the last sample, and after the last two."""
    def pairs(x, order):
        context = sum(x[:, 2 - i:x.shape[1] - i] * LEVELS ** i for i in range(1, order + 1)) + 0 * x[:, 2:]
        return list(zip(context.flatten().tolist(), x[:, 2:].flatten().tolist()))
    p = [1 / LEVELS] * len(pairs(asked, 0))
    for order in range(3):
        seen = pairs(known, order)
        both, alone = Counter(seen), Counter(context for context, _ in seen)
        p = [(both[pair] + weight * less) / (alone[pair[0]] + weight) for pair, less in zip(pairs(asked, order), p)]
    return -sum(map(math.log, p)) / len(p)


def rates():
    """Samples a second: told all at once, made with memory, made anew each time."""
    def rate(samples, function):
        start = time.perf_counter()
        function()
        return samples / (time.perf_counter() - start)
    model.eval()
    reach = model.receptive_field
    piece = test[:1, :min(2 * reach, test.shape[1])].to(args.device)
    start = minidl.zeros(1, reach + 10, device=args.device).long()
    with minidl.no_grad():
        return {"told, all at once": rate(piece.shape[1], lambda: model(piece)),
                "made, with memory": rate(200, lambda: model.sample(1, 200)),
                "made, all computed anew": rate(10, lambda: [model._anew(start, reach + t) for t in range(10)])}


def report():
    found, baseline = nats(test), counted(train, test)
    print(f"{found:.3f} nats a sample ({found / math.log(2):.2f} bits), with {model.receptive_field:,} samples in "
          f"hearing, {1000 * model.receptive_field / RATE:.0f} ms")
    print(f"{baseline:.3f} by counting what follows two samples; {math.log(LEVELS):.3f} without knowing anything")
    for way, rate in rates().items():
        print(f"{way}: {rate:,.0f} samples a second; the 16,000 of a second of sound take {16000 / rate:,.2f} s")


def made(path):
    """A real sound and a made one, also as WAV files."""
    real = generative.mu_law_decoding(test[0]).numpy()
    model.eval()
    sound = generative.mu_law_decoding(model.sample(1, args.made)[0].cpu()).numpy()
    for name, each in (("real", real), ("made", sound)):
        write(each, path.with_name(f"{path.stem}_{name}.wav"))
    heard.waves({"real": real, "made": sound}, path)


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
train, test = (generative.mu_law_encoding(minidl.tensor(speech(count, 1.0, seed)), LEVELS)
               for count, seed in ((args.seconds, 0), (4, 1)))
model = generative.WaveNet(LEVELS, args.width, 2 * args.width, [2 ** i for i in range(args.layers)]).to(args.device)
print(f"{len(train)} seconds of {RATE:,} samples to learn from")
learn(args, model, Crops(train, args.batch_size), loss, lambda: {"test loss": nats(test)}, report, {
    "made": made, "tree": lambda path: heard.tree([2 ** i for i in range(min(args.layers, 5))], path)})
