"""Seeded random numbers, one stream for each device.

Everything random in minidl draws from a `Generator`: the given one, or the default one of its device. `manual_seed`
restarts the default streams of all devices, present and future. A state is a tensor of bytes, which every file format
can hold.
"""
from __future__ import annotations

import contextlib
import copy
import secrets
import struct
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl import left_out
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Device, as_device, get_library, number_of, to_numpy

__all__ = ["Generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

_STATE = struct.Struct("<8sQ")      # kind of stream, and seed; the library's state of the stream follows


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
        if self.device.type == "cuda":
            self.device = Device("cuda", number_of(self.device))
        self.seed()

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from `seed`; return the generator itself.

        A negative seed counts from 2**64 down. Errors: ValueError for an integer of more than 64 bits.
        """
        seed = int(seed)
        if not -2**63 <= seed < 2**64:
            raise ValueError(f"manual_seed: expected an integer from -2**63 to 2**64 - 1, but got {seed}")
        self._seed = seed % 2**64
        self._go_on_from(get_library(self.device).random(self._seed, self.device))
        return self

    def _go_on_from(self, start: Any) -> None:
        stream = vars(self).get("stream")
        self.stream: Any = start if stream is None else get_library(self.device).restarted(stream, start)

    def seed(self) -> int:
        """Restart from a seed drawn from the operating system, and return it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream was last restarted from."""
        return self._seed

    def get_state(self) -> Any:
        """The state of the stream: a tensor of bytes on the CPU, for `set_state`.

            >>> import minidl
            >>> g = minidl.Generator().manual_seed(0)
            >>> state = g.get_state()
            >>> a = minidl.rand(3, generator=g)
            >>> bool((minidl.rand(3, generator=g.set_state(state)) == a).all()), state.dtype
            (True, minidl.uint8)
        """
        library = get_library(self.device)
        state = _STATE.pack(library.name.encode(), self._seed) + library.random_state(self.stream)
        return wrap(np.frombuffer(state, np.uint8).copy())

    def set_state(self, new_state: Any) -> Generator:
        """Continue from a saved state; return the generator itself.

        Errors: TypeError unless given a tensor of bytes; RuntimeError for bytes that are no such state.
        """
        if isinstance(new_state, tuple) and len(new_state) == 2 and isinstance(new_state[1], np.random.Generator):
            self._seed, self.stream = new_state[0], copy.deepcopy(new_state[1])     # an older form of state
            return self
        if not isinstance(new_state, TensorBase):
            raise TypeError(f"set_state: expected a tensor of bytes, as get_state() gives it, but got "
                            f"{type(new_state).__name__}")
        array, library = to_numpy(new_state.array), get_library(self.device)
        if array.dtype != np.uint8:
            raise TypeError(f"set_state: expected a tensor of uint8, as get_state() gives it, but got {array.dtype}")
        state = array.tobytes()
        if state[:8] != library.name.encode().ljust(8, b"\0"):
            raise RuntimeError(f"set_state: expected the state of a generator of device '{self.device}' of minidl, but "
                               f"got {len(state)} bytes of another kind; PyTorch's generators draw other numbers, so "
                               f"their states have no meaning here: use manual_seed")
        self._go_on_from(library.random_from(state[_STATE.size:], self.device))
        self._seed = _STATE.unpack_from(state)[1]
        return self


class _Defaults:
    """The default generators by device, and the seed for new ones."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.generators: dict[tuple[str, int], Generator] = {}


class _ThreadState(threading.local):
    defaults = _Defaults()      # shared by all threads, except those that have their own


_thread_state = _ThreadState()


def use_own_streams(seed: int) -> None:
    """Give this thread its own default generators. Other threads are not affected."""
    _thread_state.defaults = _Defaults()
    manual_seed(seed)


def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices; return the CPU's."""
    defaults = _thread_state.defaults
    defaults.seed = int(seed)
    for generator in defaults.generators.values():
        generator.manual_seed(defaults.seed)
    return default_generator(Device("cpu"))


def default_generator(device: Device) -> Generator:
    """The generator for `device` when none is given."""
    key, defaults = (device.type, number_of(device)), _thread_state.defaults
    if key not in defaults.generators:
        defaults.generators[key] = Generator(device)
        if defaults.seed is not None:
            defaults.generators[key].manual_seed(defaults.seed)
    return defaults.generators[key]


def seed() -> int:
    """Seed all default generators from the operating system; return the seed."""
    return manual_seed(secrets.randbits(63)).initial_seed()


def initial_seed() -> int:
    """The seed of the CPU's default generator."""
    return default_generator(Device("cpu")).initial_seed()


def get_rng_state() -> Any:
    """The state of the CPU's default generator: a tensor of bytes, for `set_rng_state`.

        >>> import minidl
        >>> state = minidl.get_rng_state()
        >>> a = minidl.rand(3)
        >>> minidl.set_rng_state(state)
        >>> bool((minidl.rand(3) == a).all())
        True
    """
    return default_generator(Device("cpu")).get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the CPU's default generator from a state of `get_rng_state`.

    Errors: TypeError unless given a tensor of bytes; RuntimeError for bytes that are no such state.
    """
    default_generator(Device("cpu")).set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Restore all default generators at the end of this context.

    Draws inside it have no effect outside. `devices` is accepted as in PyTorch; `enabled=False` does nothing.

        >>> import minidl
        >>> generator = minidl.manual_seed(0)
        >>> with minidl.random.fork_rng():
        ...     a = minidl.rand(3)
        >>> bool((minidl.rand(3) == a).all())
        True
    """
    if not enabled:
        yield
        return
    defaults = _thread_state.defaults
    states, seed_before = {key: generator.get_state() for key, generator in defaults.generators.items()}, defaults.seed
    try:
        yield
    finally:
        defaults.seed = seed_before
        for key, generator in list(defaults.generators.items()):
            if key in states:
                generator.set_state(states[key])
            else:
                del defaults.generators[key]     # made inside, so it does not exist outside


left_out.explain(globals(), __name__)
