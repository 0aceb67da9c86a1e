"""The random numbers of GPUs: a seed and a counter for each."""
from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from minidl import random
from minidl.backend.device import Device
from minidl.cuda.devices import device_count, gpu_number, is_available

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def _generator(device: Device | str | int | None) -> random.Generator:
    return random.default_generator(Device("cuda", gpu_number(device)))


def get_rng_state(device: Device | str | int = "cuda") -> Tensor:
    """The state of a GPU's default generator, for `set_rng_state`: a tensor of bytes on the CPU."""
    return _generator(device).get_state()


def get_rng_state_all() -> list[Tensor]:
    """The states of all GPUs' default generators."""
    return [get_rng_state(number) for number in range(device_count())]


def set_rng_state(new_state: Tensor, device: Device | str | int = "cuda") -> None:
    """Continue a GPU's default generator from a state. Errors: as `minidl.set_rng_state`."""
    _generator(device).set_state(new_state)


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """Continue the default generators of the GPUs from a state for each."""
    for number, state in enumerate(new_states):
        set_rng_state(state, number)


def manual_seed(seed: int) -> None:
    """Seed the random numbers of the current GPU; without a GPU, do nothing."""
    if is_available():
        _generator(None).manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Seed the random numbers of all GPUs; without a GPU, do nothing."""
    for number in range(device_count()):
        _generator(number).manual_seed(seed)


def seed() -> None:
    """Seed the current GPU from the operating system; without a GPU, do nothing."""
    if is_available():
        _generator(None).seed()


def seed_all() -> None:
    """Seed all GPUs from the operating system, with one seed; without a GPU, do nothing."""
    manual_seed_all(secrets.randbits(63))


def initial_seed() -> int:
    """The seed of the current GPU's default generator. Errors: RuntimeError without a GPU."""
    return _generator(None).initial_seed()
