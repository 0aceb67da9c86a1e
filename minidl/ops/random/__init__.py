"""Random draws from given probabilities, and dropout. New random tensors are in `tensors/creation`."""
from minidl.ops.random.draw import (
    bernoulli_, binomial, cauchy_, exponential_, geometric_, log_normal_, multinomial, normal_, poisson, random_,
    uniform_,
)
from minidl.ops.random.dropouts import (
    Dropout, Shift, alpha_dropout, alpha_dropout_, dropout, dropout1d, dropout2d, dropout3d, dropout_,
    feature_alpha_dropout, feature_alpha_dropout_,
)
from minidl.ops.random.gammas import (
    BetaSampleDerivative, DirichletSample, GammaSample, GammaSampleDerivative, dirichlet, standard_gamma,
)
