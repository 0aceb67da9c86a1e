"""Seeds and states of the default generators under the names of `torch.random`; see `minidl.backend.random`."""
from minidl import left_out
from minidl.backend.random import fork_rng, get_rng_state, initial_seed, manual_seed, seed, set_rng_state

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

left_out.explain(globals(), __name__)
