"""Policy gradient: no label says what to do; what turned out well is made more likely.

A network says how likely each action shall be, and draws one. After an episode every action's probability is raised by
how much better things went from there than was expected of that state (Williams, "Simple Statistical Gradient-Following
Algorithms for Connectionist Reinforcement Learning", 1992). A second network, the baseline, expects; without it
(`--no-baseline`) the mean return takes its place, and the steps are noisier. The task is a pole on a cart; it counts as
solved at a mean return of 475 of 500 over 100 episodes.

    python examples/free_labels/policy_gradient.py
    python examples/free_labels/policy_gradient.py --no-baseline --plot plots
"""
import argparse
import sys
import time
from pathlib import Path

import cartpole
import numpy as np

import minidl
from minidl import nn, optim
from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.train import plots

SOLVED = 475

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name, default, told in (("iterations", 100, "of the training, at most"), ("episodes", 16, "in an iteration"),
                            ("width", 64, "of the hidden layers")):
    parser.add_argument(f"--{name}", type=arguments.whole_number(1), default=default, metavar="N",
                        help=f"{told} (default: {default})")
parser.add_argument("--discount", type=arguments.number_between(0, 1), default=0.99, help="default: 0.99")
parser.add_argument("--lr", type=arguments.positive_number, default=1e-2, metavar="RATE")
parser.add_argument("--no-baseline", action="store_true", help="compare with the mean return only")
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--device", default="cpu")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")
args = arguments.prepared(parser.parse_args())
stream = np.random.default_rng(args.seed)


def mlp(outputs):
    return nn.Sequential(nn.Linear(4, args.width), nn.Tanh(), nn.Linear(args.width, outputs)).to(args.device)


def scores(network, states):
    """Outputs for states (..., 4), whose numbers are brought to about 1."""
    return network(minidl.tensor(states / np.array([1, 1, 0.1, 1]), dtype=minidl.float32, device=args.device))


@minidl.no_grad()
def play(count):
    """Episodes: states (T, count, 4), actions and whether the pole still stood (T, count); how long each one stood."""
    carts, found = cartpole.CartPoles(count, stream), []
    while carts.standing.any():
        states, standing = carts.states, carts.standing.copy()
        right = scores(policy, states).softmax(-1)[:, 1].cpu().numpy()
        actions = (stream.random(count) < right).astype(np.int64)
        carts.step(actions)
        found.append((states, actions, standing))
    return (*(np.stack(part) for part in zip(*found)), carts.returns)


def to_come(standing):
    """The discounted return from each step on, (T, count): r_t + discount * r_(t + 1) + ..."""
    found, later = np.zeros(standing.shape), np.zeros(standing.shape[1])
    for t in reversed(range(len(standing))):
        found[t] = later = (1 + args.discount * later) * standing[t]
    return found


policy, baseline = mlp(2), mlp(1)
print(f"a pole on a cart: {'the mean return' if args.no_baseline else 'a network'} as baseline; a policy that knows "
      f"nothing keeps the pole up for {play(100)[-1].mean():.1f} steps")
optimizer = optim.Adam([*policy.parameters(), *baseline.parameters()], lr=args.lr)
longest = (1 - args.discount ** cartpole.STEPS) / (1 - args.discount) if args.discount < 1 else cartpole.STEPS
history, start, untrained = [], time.perf_counter(), play(1)[0]
for iteration in range(1, args.iterations + 1):
    states, actions, standing, returns = play(args.episodes)
    states, actions, wanted = states[standing], minidl.tensor(actions[standing]), to_come(standing)[standing] / longest
    wanted = minidl.tensor(wanted, dtype=minidl.float32, device=args.device)
    expected = wanted.mean().expand(len(wanted)) if args.no_baseline else scores(baseline, states)[:, 0]
    advantage = (wanted - expected).detach()
    advantage = advantage / (advantage.std() + 1e-6)
    said = F.log_softmax(scores(policy, states), -1)
    chosen = said[minidl.arange(len(said)), actions.to(args.device)]
    loss = -(chosen * advantage).mean() + F.mse_loss(expected, wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(returns)
    if iteration % 10 == 0 or iteration == args.iterations:
        seconds = time.perf_counter() - start
        print(f"iteration {iteration:>4}: mean return {np.mean(history[-5:]):6.1f}, {seconds:.1f} s")
    if np.mean(history[-5:]) > 490 and len(history) > 5:
        break

reached = play(100)[-1]
played = len(history) * args.episodes
print(f"mean return {reached.mean():.1f} of {cartpole.STEPS} over 100 episodes, after {played:,} episodes: "
      f"{'solved' if reached.mean() >= SOLVED else 'not solved'} (at {SOLVED})")


def learned(path):
    """The returns over the training, and the pole's angle before and after it."""
    figure = plots.figure(10, 4)
    left, right = figure.subplots(1, 2)
    steps = np.arange(1, len(history) + 1)
    left.fill_between(steps, np.min(history, 1), np.max(history, 1), alpha=0.2, label="worst to best")
    left.plot(steps, np.mean(history, 1), label=f"mean of {args.episodes} episodes")
    left.axhline(SOLVED, color="C2", linestyle="--", label="solved")
    left.set(xlabel="iteration", ylabel="steps that the pole stands")
    left.legend()
    for label, states in (("before", untrained), ("after", play(1)[0])):
        right.plot(np.arange(len(states)) * cartpole.SECONDS, np.degrees(states[:, 0, 2]), label=label)
    right.set(xlabel="seconds", ylabel="angle of the pole (degrees)")
    right.legend()
    plots.save(figure, path)


if args.plot:
    draw(args.plot, {"learned": learned})
sys.exit(0)
