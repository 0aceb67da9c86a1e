"""How adversarial networks fail: four games on eight clusters of points, where every failure can be seen and counted.

All have the same networks, rates and data, and differ in the loss alone. Minimax is the game as it is defined: while a
discriminator knows made points for sure, its slope is next to nothing, and the generator stands still. The
non-saturating loss has a slope there, but may put all points into few clusters (mode collapse) and hop between them.
Least squares asks for scores, not certainty. A critic whose slope is kept near 1 (WGAN-GP) tells how far away points
are, not only that they are made, so that clusters which are left out keep pulling. Goodfellow et al., 2014; Mao et al.,
2017; Arjovsky et al., 2017; Gulrajani et al., 2017.

    python examples/generate/ring.py
    python examples/generate/ring.py --clusters 25 --steps 5000 --plot plots
"""
import argparse
import math
import sys

import minidl
from minidl import generative, nn, optim
from minidl.cli import arguments, ending, generation, training
from minidl.cli.classification import draw
from minidl.train import plots

STEPS, NOISE, WIDTH = 100, 8, 64    # between two looks; numbers that a point is made of; of the layers
RADIUS, DEVIATION = 2.0, 0.1        # of the ring, and of its clusters
GAMES = {"minimax": generative.minimax, "non-saturating": generative.non_saturating,
         "least squares": generative.least_squares, "wasserstein": generative.wasserstein}

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name, default, told in (("steps", 1500, "of each generator, a multiple of 100"), ("clusters", 8, "on the ring"),
                            ("batch-size", 128, "points in a step"),
                            ("opponent-steps", 3, "of a discriminator, for each of its generator")):
    parser.add_argument(f"--{name}", type=arguments.whole_number(1), default=default, metavar="N",
                        help=f"{told} (default: {default})")
parser.add_argument("--lr", type=arguments.positive_number, default=1e-3, metavar="RATE")
arguments.add_run_options(parser)
args = arguments.prepared(parser.parse_args())
angles = minidl.arange(args.clusters) * (2 * math.pi / args.clusters)
centres = RADIUS * minidl.stack([angles.cos(), angles.sin()], 1)        # (clusters, 2)


class Points:
    """Batches of points of the ring, `STEPS` in an epoch; each batch serves all steps of the discriminators."""

    def __len__(self):
        return STEPS

    def __iter__(self):
        for _ in range(STEPS):
            count = args.batch_size * args.opponent_steps
            chosen = centres[minidl.randint(args.clusters, (count,))]
            yield (chosen + DEVIATION * minidl.randn(count, 2)).to(args.device),


def mlp(inner, outer):
    return nn.Sequential(nn.Linear(inner, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2),
                         nn.Linear(WIDTH, outer))


def noise(count):
    return minidl.randn(count, NOISE).to(args.device)


generators = nn.ModuleList([mlp(NOISE, 2) for _ in GAMES]).to(args.device)
opponents = {}
for name in GAMES:
    net = mlp(2, 1).to(args.device)
    opponents[name] = generation.Opponent(net, optim.Adam(net.parameters(), lr=args.lr, betas=(0.5, 0.9)))
fixed, samples = noise(1000), generation.Samples()


def judgement(game, net, real, made):
    """What a discriminator learns; the slope of Wasserstein's critic is kept near 1."""
    loss = game.discriminator(net(real), net(made))
    return loss + generative.gradient_penalty(net, real, made) if game is generative.wasserstein else loss


def objective(generators, points):
    """The sum of all games' losses for the generators, after the steps of their discriminators."""
    losses, slopes = [], {}
    for generator, (name, game) in zip(generators, GAMES.items()):
        net = opponents[name].net
        for real in points.split(args.batch_size):
            opponents[name].learn(judgement, game, net, real, generator(noise(len(real))).detach())
        made = generator(noise(args.batch_size))
        losses.append(game.generator(net(made)))
        if game in (generative.minimax, generative.non_saturating):     # how strongly a made point is pulled
            slope, = minidl.autograd.grad(losses[-1], made, retain_graph=True)
            slopes[f"pull {name}"] = slope.norm(dim=1).mean().item() * args.batch_size
    return sum(losses), slopes


def covered(points):
    """How many clusters have a fair share of made points (N, 2) within three deviations; the share of such points."""
    distance, nearest = minidl.cdist(points, centres).min(1)
    counts = minidl.bincount(nearest[distance < 3 * DEVIATION], minlength=args.clusters)
    return int((counts > 0.2 * len(points) / args.clusters).sum()), (distance < 3 * DEVIATION).float().mean().item()


def look():
    samples.made.append(minidl.stack([generator(fixed) for generator in generators]).cpu())
    return {name: covered(points)[0] for name, points in zip(GAMES, samples.made[-1])}


def over_time(path):
    """A row for each game: what its generator makes of the same noise after more and more steps."""
    chosen = minidl.linspace(0, len(samples.made) - 1, min(6, len(samples.made))).long().tolist()
    figure = plots.figure(1.7 * max(len(chosen), 2), 1.8 * len(GAMES))
    for row, (line, name) in enumerate(zip(figure.subplots(len(GAMES), len(chosen), squeeze=False), GAMES)):
        for axes, at in zip(line, chosen):
            axes.scatter(*centres.T.numpy(), s=60, facecolors="none", edgecolors="C1")
            axes.scatter(*samples.made[at][row].T.numpy(), s=1)
            axes.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
            axes.set_title(f"{name}: {(at + 1) * STEPS}", fontsize=8)
    plots.save(figure, path)


print(f"{args.clusters} clusters on a ring; the columns say how many of them each game's points cover")
optimizer = optim.Adam(generators.parameters(), lr=args.lr, betas=(0.5, 0.9))
history, interrupted = training.fit(args, generators, Points(), objective, optimizer, -(-args.steps // STEPS),
                                    evaluate=look, parts={**opponents, "samples": samples})
with minidl.no_grad():
    made = [generator(fixed).cpu() for generator in generators]
for name, points in zip(GAMES, made):
    count, near = covered(points)
    word = "" if count > 0.75 * args.clusters else ", mode collapse" if near > 0.5 else ", lost between the clusters"
    print(f"{name:14}  {count} of {args.clusters} clusters, {near:.0%} of the points near one{word}")
if args.plot:
    samples.made = samples.made or [minidl.stack(made)]
    draw(args.plot, {"over_time": over_time})
sys.exit(ending.CTRL_C if interrupted else 0)
