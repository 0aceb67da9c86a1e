"""Random draws from tensors of probabilities, and dropout. What draws a new tensor stands in `tensors/creation`."""
from minidl.ops.random.draw import (
    binomial, cauchy_, exponential_, geometric_, log_normal_, multinomial, poisson, random_,
)
from minidl.ops.random.dropouts import (
    Dropout, Shift, alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout,
)
