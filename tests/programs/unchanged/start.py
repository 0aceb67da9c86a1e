"""Weights that do not depend on a library's random numbers, so that a program can be compared loss by loss."""
import numpy as np
import torch


def start(model, seed=0, gain=1.0):
    """Fill the parameters from NumPy's stream: weights by their fan-in, vectors small."""
    stream = np.random.RandomState(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            shape = tuple(parameter.shape)
            bound = gain * np.sqrt(3.0 / np.prod(shape[1:])) if len(shape) > 1 else 0.05
            parameter.copy_(torch.from_numpy(stream.uniform(-bound, bound, shape)))
    return model
