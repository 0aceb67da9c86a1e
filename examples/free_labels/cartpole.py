"""A pole on a cart, to be kept upright by pushing the cart left or right: many of them at once.

With x the cart's place, a the pole's angle, F the push, m = 0.1 kg the pole's mass, M = 1.1 kg that of both, l = 0.5 m
half the pole's length and g = 9.8 m/s^2:

    u    = (F + m l a'^2 sin a) / M
    a''  = (g sin a - u cos a) / (l (4/3 - m cos^2 a / M))
    x''  = u - m l a'' cos a / M

Source: Barto, Sutton and Anderson, "Neuronlike Adaptive Elements That Can Solve Difficult Learning Control Problems",
1983, without friction; Florian, "Correct equations for the dynamics of the cart-pole system", 2007.
"""
from __future__ import annotations

import numpy as np

GRAVITY, POLE, BOTH, HALF_LENGTH = 9.8, 0.1, 1.1, 0.5
PUSH, SECONDS = 10.0, 0.02          # newtons; between two decisions
FARTHEST, STEEPEST = 2.4, np.radians(12)
STEPS = 500                         # then an episode ends well


class CartPoles:
    """`count` carts side by side. A state is (x, x', a, a'); each step that a pole stands counts 1.

        >>> carts = CartPoles(2, np.random.default_rng(0))
        >>> while carts.standing.any():
        ...     states = carts.step(np.zeros(2, int))      # left, and left again
        >>> carts.returns < 20
        array([ True,  True])
    """

    def __init__(self, count: int, stream: np.random.Generator) -> None:
        self.states = stream.uniform(-0.05, 0.05, (count, 4))
        self.standing = np.ones(count, bool)
        self.returns = np.zeros(count)

    def step(self, actions: np.ndarray) -> np.ndarray:
        """Push each cart left (0) or right (1) for a moment; the new states (count, 4). Fallen ones stay so."""
        x, dx, angle, turning = self.states.T
        sine, cosine = np.sin(angle), np.cos(angle)
        u = (np.where(actions == 1, PUSH, -PUSH) + POLE * HALF_LENGTH * turning ** 2 * sine) / BOTH
        faster = (GRAVITY * sine - u * cosine) / (HALF_LENGTH * (4 / 3 - POLE * cosine ** 2 / BOTH))
        accelerated = u - POLE * HALF_LENGTH * faster * cosine / BOTH
        change = SECONDS * np.stack([dx, accelerated, turning, faster], 1)      # Euler's method
        self.states = self.states + change * self.standing[:, None]
        self.returns += self.standing
        x, angle = self.states[:, 0], self.states[:, 2]
        self.standing &= (np.abs(x) <= FARTHEST) & (np.abs(angle) <= STEEPEST) & (self.returns < STEPS)
        return self.states
