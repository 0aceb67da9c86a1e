"""minidl against autograd, MyGrad and JAX, on what all of them can express: a training step with plain SGD.

    pip install autograd mygrad jax
    python benchmarks/against_others.py

Softmax regression (batch 256), a perceptron 784-512-256-10 (128) and LeNet with 20 and 50 maps (128); autograd has no
convolution of its own. Each library runs in a process of its own, in turn, round by round. The table gives the median
time of a step and its ratio to minidl's. JAX compiles its step.
"""
from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from measure import in_turn, ratios, step_times

LIBRARIES = ["minidl", "mygrad", "jax", "autograd"]
BATCH = {"softmax": 256, "mlp": 128, "lenet": 128}
RATE = 0.01
Step = Callable[[], Any]


def data(workload: str) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Images, labels, and weights: matrices (in, out) and their biases, for LeNet kernels (O, C, 5, 5) first."""
    random = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return 0.05 * random.standard_normal(shape, dtype=np.float32)

    widths = {"softmax": [784, 10], "mlp": [784, 512, 256, 10], "lenet": [800, 500, 10]}[workload]
    weights = [normal(20, 1, 5, 5), normal(20), normal(50, 20, 5, 5), normal(50)] if workload == "lenet" else []
    for inputs, outputs in zip(widths, widths[1:]):
        weights += [normal(inputs, outputs), normal(outputs)]
    n = BATCH[workload]
    return normal(n, 1, 28, 28) if workload == "lenet" else normal(n, 784), random.integers(0, 10, n), weights


def network(x: Any, weights: list[Any], relu: Any, conv_pool: Any) -> Any:
    """Scores of a network in any of the libraries; `conv_pool` convolves, rectifies and pools."""
    while weights[0].ndim == 4:
        x, weights = conv_pool(x, weights[0], weights[1]), weights[2:]
    x = x.reshape((len(x), -1))
    while weights:
        x = x @ weights[0] + weights[1]
        weights = weights[2:]
        x = relu(x) if weights else x
    return x


def minidl_step(workload: str) -> Step:
    import minidl
    from minidl import optim
    from minidl.nn import functional as F
    x, y, weights = data(workload)
    x, y = minidl.tensor(x), minidl.tensor(y)
    weights = [minidl.tensor(w, requires_grad=True) for w in weights]
    optimizer = optim.SGD(weights, lr=RATE)

    def conv_pool(x: Any, w: Any, b: Any) -> Any:
        return F.max_pool2d(F.relu(F.conv2d(x, w, b)), 2)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x, weights, F.relu, conv_pool), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def mygrad_step(workload: str) -> Step:
    import mygrad
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd, max_pool
    from mygrad.nnet.losses import softmax_crossentropy
    mygrad.turn_memory_guarding_off()   # as its documentation advises for speed
    x, y, weights = data(workload)
    weights = [mygrad.tensor(w) for w in weights]

    def conv_pool(x: Any, w: Any, b: Any) -> Any:
        return max_pool(relu(conv_nd(x, w, stride=1) + b.reshape(1, -1, 1, 1)), (2, 2), 2)

    def step() -> float:
        loss = softmax_crossentropy(network(x, weights, relu, conv_pool), y)
        loss.backward()
        for w in weights:
            w.data -= RATE * w.grad
        return loss.item()

    return step


def jax_step(workload: str) -> Step:
    import jax
    from jax import lax
    from jax import numpy as jnp
    x, y, weights = data(workload)
    x, y, weights = jnp.asarray(x), jnp.asarray(y), [jnp.asarray(w) for w in weights]

    def conv_pool(x: Any, w: Any, b: Any) -> Any:
        x = jax.nn.relu(lax.conv(x, w, (1, 1), "VALID") + b.reshape(1, -1, 1, 1))
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss_of(weights: Any) -> Any:
        log_probabilities = jax.nn.log_softmax(network(x, weights, jax.nn.relu, conv_pool))
        return -log_probabilities[jnp.arange(len(y)), y].mean()

    @jax.jit
    def update(weights: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(weights)
        return loss, [w - RATE * g for w, g in zip(weights, gradients)]

    def step() -> float:
        nonlocal weights
        loss, weights = update(weights)
        return float(loss)

    return step


def autograd_step(workload: str) -> Step:
    from autograd import numpy as anp
    from autograd import value_and_grad
    x, y, weights = data(workload)

    def loss_of(weights: Any) -> Any:
        scores = network(x, weights, lambda x: anp.maximum(x, 0), None)
        scores = scores - anp.max(scores, axis=1, keepdims=True)
        log_sums = anp.log(anp.sum(anp.exp(scores), axis=1))
        return anp.mean(log_sums - scores[anp.arange(len(y)), y])

    gradient = value_and_grad(loss_of)

    def step() -> float:
        nonlocal weights
        loss, gradients = gradient(weights)
        weights = [w - RATE * g for w, g in zip(weights, gradients)]
        return loss

    return step


def measure(library: str, workload: str, seconds: float) -> dict[str, float]:
    step = globals()[f"{library}_step"](workload)
    first = float(step())
    times = step_times(step, seconds)
    return {"seconds": statistics.median(times), "first_loss": first}


def in_process(library: str, workload: str, seconds: float) -> dict[str, float]:
    result = subprocess.run([sys.executable, __file__, "--measure", library, workload, "--seconds", str(seconds)],
                            capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    return json.loads(result.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring, for each process")
    parser.add_argument("--measure", nargs=2, metavar=("LIBRARY", "WORKLOAD"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure, args.seconds)))
        return
    for workload in BATCH:
        libraries = [library for library in LIBRARIES if (library, workload) != ("autograd", "lenet")]
        runs = in_turn(libraries, functools.partial(in_process, workload=workload, seconds=args.seconds), args.rounds)
        losses = {round(found[0]["first_loss"], 4) for found in runs.values()}
        print(f"{workload}, first loss {' / '.join(map(str, losses))}")   # the same for all: they do the same
        for library, found in runs.items():
            times = [run["seconds"] for run in found]
            ratio, spread = ratios(times, [run["seconds"] for run in runs["minidl"]])
            print(f"    {library:10}{1e3 * statistics.median(times):>9.2f} ms"
                  f"{ratio:>8.2f}   {spread[0]:.2f} to {spread[-1]:.2f}")


if __name__ == "__main__":
    main()
