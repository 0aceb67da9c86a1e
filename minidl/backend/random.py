"""Seeded random numbers, one stream a device.

Everything random in minidl draws from a `Generator`: the one it is handed, or the default one of its
device. `manual_seed` restarts the default streams of all devices, present and future.
"""
from __future__ import annotations

import contextlib
import copy
import secrets
from collections.abc import Iterator
from typing import Any

from minidl.backend.device import Device, as_device, get_library


class Generator:
    """A stream of random numbers on one device.

        >>> import minidl
        >>> g = minidl.Generator().manual_seed(0)
        >>> a = minidl.rand(3, generator=g)
        >>> b = minidl.rand(3, generator=g.manual_seed(0))
        >>> bool((a == b).all())
        True
    """

    def __init__(self, device: Device | str | None = None) -> None:
        self.device = as_device("cpu" if device is None else device)
        self.seed()

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from `seed` (any integer); returns the generator itself."""
        self._seed = int(seed)
        # the array libraries take unsigned seeds only
        self.stream: Any = get_library(self.device).random(self._seed % 2**64, self.device)
        return self

    def seed(self) -> int:
        """Restart from a seed drawn from the operating system, and return it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream was last restarted from."""
        return self._seed

    def get_state(self) -> Any:
        """A snapshot to hand to `set_state` later; opaque."""
        return copy.deepcopy((self._seed, self.stream))

    def set_state(self, state: Any) -> Generator:
        """Continue from a snapshot of `get_state`."""
        self._seed, self.stream = copy.deepcopy(state)
        return self


_seed: int | None = None
_defaults: dict[tuple[str, int], Generator] = {}


def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices; returns the CPU's."""
    global _seed
    _seed = int(seed)
    for generator in _defaults.values():
        generator.manual_seed(_seed)
    return default_generator(Device("cpu"))


def default_generator(device: Device) -> Generator:
    """The generator that is used on `device` when none is given."""
    key = (device.type, device.index or 0)
    if key not in _defaults:
        _defaults[key] = Generator(device)
        if _seed is not None:
            _defaults[key].manual_seed(_seed)
    return _defaults[key]


def seed() -> int:
    """Seed all default generators from the operating system; returns the seed."""
    return manual_seed(secrets.randbits(63)).initial_seed()


def initial_seed() -> int:
    """The seed of the CPU's default generator."""
    return default_generator(Device("cpu")).initial_seed()


def get_rng_state() -> Any:
    """A snapshot of the CPU's default generator, to hand to `set_rng_state` later; opaque.

        >>> import minidl
        >>> state = minidl.get_rng_state()
        >>> a = minidl.rand(3)
        >>> minidl.set_rng_state(state)
        >>> bool((minidl.rand(3) == a).all())
        True
    """
    return default_generator(Device("cpu")).get_state()


def set_rng_state(new_state: Any) -> None:
    """Let the CPU's default generator continue from a snapshot of `get_rng_state`."""
    default_generator(Device("cpu")).set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Within, draw as you like: afterwards the default generators of all devices go on as if nothing had been drawn.

    `devices` is accepted for PyTorch's sake, and `enabled=False` does nothing.

        >>> import minidl
        >>> generator = minidl.manual_seed(0)
        >>> with minidl.random.fork_rng():
        ...     a = minidl.rand(3)
        >>> bool((minidl.rand(3) == a).all())
        True
    """
    global _seed
    if not enabled:
        yield
        return
    states, seed_before = {key: generator.get_state() for key, generator in _defaults.items()}, _seed
    try:
        yield
    finally:
        _seed = seed_before
        for key, generator in list(_defaults.items()):
            if key in states:
                generator.set_state(states[key])
            else:
                del _defaults[key]     # made within, and so unknown outside
