"""A model of characters: it reads a text and says which character comes next, and so it writes.

A recurrent network (Elman, 1990) carries one state from character to character: h_t = f(x_t, h_(t-1)). An LSTM
(Hochreiter and Schmidhuber, 1997) and a GRU (Cho et al., 2014) have gates that keep it. GPT (Radford et al., 2019)
has no state: each character looks at all before it. The figure is the mean of -log p on text that was not learned from.

    python examples/sequences/char.py
    python examples/sequences/char.py --model lstm
    python examples/sequences/char.py --dataset shakespeare --data DIR --compiled --plot plots
"""
import argparse
import math
import sys
import time
from pathlib import Path

import maps
import texts

from minidl import optim, text
from minidl.cli import arguments, ending, training
from minidl.cli.classification import curves, draw, load_weights, save
from minidl.nn import functional as F
from minidl.train import Averages, weight_decay_groups
from minidl.train.objective import evaluated

DEFAULTS = {"topics": {"steps": 300, "width": 64, "layers": 2},
            "shakespeare": {"steps": 2000, "width": 128, "layers": 4}}
STEPS = 100     # between two tests
HEADS, BLOCK = 4, 64

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--dataset", choices=DEFAULTS, default="topics", help="topics: the pages of Python's help")
parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="where tiny Shakespeare lies")
parser.add_argument("--download", action="store_true", help="download it into DIR if it is not there")
parser.add_argument("--model", choices=["gpt", "rnn", "lstm", "gru"], default="gpt")
for name, told in (("steps", "to learn in, a multiple of 100"), ("layers", "of a gpt; a recurrent model has one"),
                   ("width", "of a layer; a recurrent one has twice as many")):
    values = ", ".join(f"{each[name]} ({dataset})" for dataset, each in DEFAULTS.items())
    parser.add_argument(f"--{name}", type=arguments.whole_number(1), metavar="N", help=f"{told}; default: {values}")
parser.add_argument("--batch-size", type=arguments.whole_number(1), default=12, metavar="N")
parser.add_argument("--lr", type=arguments.positive_number, default=3e-3, metavar="RATE")
arguments.add_run_options(parser)
parser.add_argument("--save", type=Path, metavar="FILE", help="write the trained weights to FILE")
parser.add_argument("--weights", type=Path, metavar="FILE", help="begin with these weights")
parser.add_argument("--characters", type=arguments.whole_number(1), default=300, metavar="N", help="to write")
parser.add_argument("--temperature", type=arguments.positive_number, default=0.8, metavar="T")
args = parser.parse_args()
for name, value in DEFAULTS[args.dataset].items():
    setattr(args, name, getattr(args, name) or value)
arguments.prepared(args)

data = texts.load(args.dataset, args.data, args.download)
train, val, tokenizer = data.train.to(args.device), data.val.to(args.device), data.tokenizer
model = text.GPT(len(tokenizer), BLOCK, args.layers, HEADS, args.width) if args.model == "gpt" else \
    text.RNNModel(args.model.upper(), len(tokenizer), args.width, 2 * args.width)
model = model.to(args.device)
if args.weights:
    load_weights(model, args.weights, args.device)
print(f"{args.dataset}: {len(train):,} characters of {len(tokenizer)} kinds; {args.model}: "
      f"{sum(p.numel() for p in model.parameters()):,} parameters")


def objective(model, x, y):
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    return loss, {}


def nats(most=None):
    """The mean of -log p of each character in windows of the text to test with, at most so many."""
    means = Averages()
    for x, y in zip(*(part[:most].split(128) for part in text.consecutive_windows(val, BLOCK))):
        means.add(len(x), nats=objective(model, x, y)[0].item())
    return means.means()["nats"]


def rate(use_cache):
    """Characters a second, for one text that grows up to the model's window; the best of five."""
    def once():
        start = time.perf_counter()
        model.generate(val[None, :1], BLOCK, use_cache=use_cache)
        return BLOCK / (time.perf_counter() - start)
    return max(once() for _ in range(5))


epochs = -(-args.steps // STEPS)
optimizer = optim.AdamW(weight_decay_groups(model, 0.1), lr=args.lr, betas=(0.9, 0.99))
schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=epochs * STEPS, pct_start=0.05)
start = time.perf_counter()
history, interrupted = training.fit(
    args, model, text.RandomWindows(train, BLOCK, args.batch_size, STEPS), objective, optimizer, epochs,
    schedule=schedule, clip_norm=1.0, evaluate=lambda: {"test loss": nats(64)})
seconds = sum(row["seconds"] for row in history) or time.perf_counter() - start
found = evaluated(model, nats)
learned = len(history) * STEPS * args.batch_size * BLOCK
speed = f"; {seconds:.0f} s, {learned / seconds:,.0f} characters a second" if learned else ""
print(f"{found:.3f} nats a character, {found / math.log(2):.3f} bits, perplexity {math.exp(found):.2f}, on "
      f"{len(val):,} characters{speed}")
print(f"writes {rate(True):.0f} characters a second from its state, {rate(False):.0f} if it reads all again for each")
written = model.generate(val[None, :1], args.characters, args.temperature)
print(tokenizer.decode(written[0]))
if args.save:
    save(model, args.save)


def looks(path):
    """The heads of the first and the last layer, on some characters of the test."""
    shown = val[None, 200:200 + 24]
    weights = model.attention_maps(shown)[0, [0, -1]].flatten(0, 1).cpu()
    letters = [list(tokenizer.decode(shown[0]))] * len(weights)
    titles = [f"layer {layer}, head {head + 1}" for layer in (1, args.layers) for head in range(HEADS)]
    maps.heat_maps(weights, letters, letters, titles, path, HEADS, "each character (row) looks at those before it")


def remembers(path):
    """Units of the state while a text is read."""
    shown = val[None, 200:200 + 64]
    states = model.rnn(model.encoder(shown))[0][0, :, :40].cpu()
    maps.units(states, tokenizer.decode(shown[0]), path, "what 40 units remember, from character to character")


if args.plot:
    draw(args.plot, {**curves(history), **({"looks": looks} if args.model == "gpt" else {"remembers": remembers})},
         f"char_{args.model}")
sys.exit(ending.CTRL_C if interrupted else 0)
