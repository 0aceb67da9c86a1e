"""From one sequence to another: a network reads a sentence, and writes it in another language.

Without attention all that is said must pass through one vector (Sutskever, Vinyals and Le, 2014): long sentences do
not fit. With attention (Bahdanau, Cho and Bengio, 2015) the writer looks back at all words at each step, and where it
looks is a picture. A Transformer (Vaswani et al., 2017) does without recurrence. The language is made by rules: "we are
eating the red apple" is "estamos comiendo la manzana roja".

    python examples/sequences/seq2seq.py --models none
    python examples/sequences/seq2seq.py --models none additive dot --plot plots
    python examples/sequences/seq2seq.py --task dates --models additive
    python examples/sequences/seq2seq.py --task reverse --models transformer --steps 1000
"""
import argparse
import sys
import time

import maps
import texts

import minidl
from minidl import nn, optim, text
from minidl.cli import arguments, ending, training
from minidl.cli.classification import draw
from minidl.metrics.functional import bleu_score

STEPS = 100     # between two tests
PARTS = 4       # groups of sentences by length
SHOWN = {"spanish": ["we are eating bread", "she is washing the small red car and they are painting a new door"],
         "dates": ["3 march 1998", "tuesday, november 21, 1905"], "reverse": ["314159", "2718281828459045"]}

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--task", choices=texts.TASKS, default="spanish")
parser.add_argument("--models", nargs="+", choices=["none", "additive", "dot", "transformer"],
                    default=["none", "additive"], help="attention of a recurrent network, or transformer")
for name, default, told in (("pairs", 20_000, "to learn from"), ("tests", 500, "pairs to test with"),
                            ("steps", 400, "to learn in, a multiple of 100"), ("batch-size", 64, "pairs in a step"),
                            ("width", 128, "of a state"), ("layers", 1, "of a transformer's encoder, and its decoder"),
                            ("beams", 4, "of the search")):
    parser.add_argument(f"--{name}", type=arguments.whole_number(PARTS if name == "tests" else 1), default=default,
                        metavar="N", help=f"{told} (default: {default})")
parser.add_argument("--lr", type=arguments.positive_number, metavar="RATE", help="default: 0.004; transformer 0.002")
arguments.add_run_options(parser)
args = arguments.prepared(parser.parse_args())
for name in args.models if args.run else ():
    arguments.check_run(args.run / name, args.resume)
corpus = texts.corpus(args.task, args.pairs, args.tests, args.seed)
train, test, reader, writer = corpus
longest = max(map(len, map(writer.encode, train.targets))) + 2
sources = reader.encode_batch(test.sources).to(args.device)
print(f"{args.task}: {len(train.sources):,} pairs, such as {train.sources[0]!r}: {train.targets[0]!r}; "
      f"{len(reader)} and {len(writer)} tokens")


class Batches:
    """Random pairs; `STEPS` batches in an epoch."""

    def __len__(self):
        return STEPS

    def __iter__(self):
        for _ in range(STEPS):
            chosen = minidl.randint(len(train.sources), (args.batch_size,)).tolist()
            yield [part.to(args.device) for part in corpus.batch(train, chosen)]


def made(name):
    sizes, attention = (len(reader), len(writer)), None if name == "none" else name
    if name == "transformer":
        layers = args.layers, args.layers
        return text.Seq2SeqTransformer(*sizes, args.width // 2, 4, *layers, args.width, norm_first=True)
    return text.Seq2SeqRNN(*sizes, args.width // 2, args.width, attention)


def objective(model, source, target, following):
    return nn.functional.cross_entropy(model(source, target).flatten(0, 1), following.flatten(), ignore_index=0), {}


def exact(found):
    """Which sentences are right to the last token."""
    return [writer.decode(one) == right for one, right in zip(found, test.targets)]


def learn(name):
    """Train a model; returns it, and whether each test sentence is right."""
    minidl.manual_seed(args.seed)
    model, start = made(name).to(args.device), time.process_time()
    epochs, lr = -(-args.steps // STEPS), args.lr or (2e-3 if name == "transformer" else 4e-3)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * STEPS, pct_start=0.1)
    kept = argparse.Namespace(run=args.run and args.run / name, max_steps=args.max_steps)
    _, interrupted = training.fit(
        kept, model, Batches(), objective, optimizer, epochs, schedule=schedule, clip_norm=1.0,
        evaluate=lambda: {"exact": sum(exact(model.generate(sources[:100], writer.bos, writer.eos, longest))) / 100})
    seconds = time.process_time() - start
    greedy = model.generate(sources, writer.bos, writer.eos, longest)
    right, found = exact(greedy), model.search(sources[:100], writer.bos, writer.eos, args.beams, longest)
    beams = exact([hypotheses[0].tokens for hypotheses in found])
    bleu = bleu_score([" ".join(map(str, one)) for one in greedy],
                      [[" ".join(map(str, writer.encode(one)))] for one in test.targets]).item()
    print(f"{name}: {sum(p.numel() for p in model.parameters()):,} parameters, {seconds:.0f} s of the processor; exact "
          f"{sum(right) / len(right):.1%} of {len(right)}, with {args.beams} beams {sum(beams) / len(beams):.1%} of "
          f"{len(beams)}; BLEU {bleu:.3f}\n")
    if interrupted:
        sys.exit(ending.CTRL_C)
    return model, right


def alignments(model, path):
    """Where the model looks in two sentences while it writes their translations."""
    read = SHOWN[args.task]
    written = model.generate(reader.encode_batch(read).to(args.device), writer.bos, writer.eos, longest)
    source, target, _ = corpus.batch(texts.Pairs(read, [writer.decode(one) for one in written]), [0, 1])
    said = [[*(writer.vocabulary.tokens[i] for i in one), "<eos>"] for one in written]
    looks = model.alignment(source.to(args.device), target.to(args.device))
    maps.heat_maps(looks.cpu(), said, [reader.split(one) for one in read], ["", ""], path, 2,
                   "what is written (rows), and where the model looks in what it has read")


lengths = [len(reader.split(source)) for source in test.sources]
order = sorted(range(len(lengths)), key=lengths.__getitem__)
groups = [order[i * len(order) // PARTS:(i + 1) * len(order) // PARTS] for i in range(PARTS)]
spans = [f"{lengths[group[0]]} to {lengths[group[-1]]}" for group in groups]
models, shares = {}, {}
for name in args.models:
    models[name], right = learn(name)
    shares[name] = [sum(right[i] for i in group) / len(group) for group in groups]
print(f"{'exact, by tokens read':24}" + "".join(f"{span:>12}" for span in spans))
for name, row in shares.items():
    print(f"{name:24}" + "".join(f"{share:>12.1%}" for share in row))

if args.plot:
    looks = {f"alignment_{name}": lambda path, model=model: alignments(model, path)
             for name, model in models.items() if name != "none"}
    draw(args.plot, {"by_length": lambda path: maps.by_length(spans, shares, path), **looks}, f"seq2seq_{args.task}")
