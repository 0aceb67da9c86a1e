"""A pole on a cart: the environment that REINFORCE and actor-critic learn, with Gym's five calls."""
import math

import numpy as np


class CartPole:
    """Push left or right; an episode ends when the pole leans, the cart is off, or after 200 steps."""

    gravity, mass_cart, mass_pole, half_length, force, tau = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02

    def __init__(self, seed):
        self.stream = np.random.RandomState(seed)

    def reset(self):
        self.state, self.steps = self.stream.uniform(-0.05, 0.05, 4), 0
        return self.state.copy(), {}

    def step(self, action):
        x, v, angle, spin = self.state
        force = self.force if action == 1 else -self.force
        total = self.mass_cart + self.mass_pole
        push = (force + self.mass_pole * self.half_length * spin ** 2 * math.sin(angle)) / total
        turn = (self.gravity * math.sin(angle) - math.cos(angle) * push) / (
            self.half_length * (4 / 3 - self.mass_pole * math.cos(angle) ** 2 / total))
        speed = push - self.mass_pole * self.half_length * turn * math.cos(angle) / total
        self.state = np.array([x + self.tau * v, v + self.tau * speed, angle + self.tau * spin, spin + self.tau * turn])
        self.steps += 1
        fallen = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * math.pi / 180
        return self.state.copy(), 1.0, bool(fallen), self.steps >= 200, {}
