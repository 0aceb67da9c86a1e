"""Damage of every kind, to files of every kind: a LoadError or what was meant, never another error and never a crash.

A longer run: MINIDL_FUZZ=100000 python -m pytest tests/serialization/test_damage.py
"""
from __future__ import annotations

import collections
import io
import os
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.serialization import LoadError
from tests.serialization.test_torch_files import LEGACY_START, archive, saved, tensor, torch

ROUNDS = int(os.environ.get("MINIDL_FUZZ", "300"))


def contents(obj: Any, format: str) -> bytes:
    stream = io.BytesIO()
    minidl.save(obj, stream, format=format)
    return stream.getvalue()


def compressed(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return archive({name: file.read(name) for name in file.namelist()}, zipfile.ZIP_DEFLATED)


def files() -> dict[str, bytes]:
    """Small files of every kind that is read, and some that are refused."""
    x = minidl.arange(6.0).reshape(2, 3)
    flat = {"w": x, "n": minidl.tensor([1, 2]), "flags": minidl.tensor([True])}
    optimizer = optim.Adam([nn.Parameter(x.clone())])
    nested = {
        **flat,
        "view": x.T,
        "p": nn.Parameter(x),
        "state": optimizer.state_dict(),
        "plain": [1, (2.5, None), "é", b"z"],
        "counter": collections.Counter([1, 1]),
        "random": minidl.get_rng_state(),
    }
    arrays = io.BytesIO()
    np.savez_compressed(arrays, w=np.ones((2, 3)), names=np.array(["a"]), objects=np.array([{}]))
    result = {
        "minidl": contents({**nested, "array": np.ones(2), "generator": np.random.default_rng(0)}, "minidl"),
        "pt": contents(nested, "pt"), "safetensors": contents(flat, "safetensors"), "npz": contents(flat, "npz"),
        "npz compressed": arrays.getvalue(), "pt compressed": compressed(contents(flat, "pt")),
        "stream": LEGACY_START + tensor() + b"\x80\x02]X\x01\0\0\x000a." + (6).to_bytes(8, "little") + bytes(24),
        "refused": archive({
            "archive/data.pkl": b"\x80\x02}(X\x01\0\0\0wcargparse\nNamespace\n)\x81}X\x02\0\0\0lrG?\xf0\0\0\0\0\0\0sbX"
                                b"\x01\0\0\0n]cfunctools\npartial\ncbuiltins\nmax\n\x85Rau."}),
    }
    if torch is not None:
        theirs = {"w": torch.ones(2, 3), "b": torch.ones(3, dtype=torch.bfloat16), "set": {1}, "f": np.float64(1)}
        result |= {"torch": saved(theirs), "torch, one stream": saved(theirs, _use_new_zipfile_serialization=False),
                   "torch, protocol 4": saved(theirs, pickle_protocol=4)}
    return result


FILES = files()


def damaged(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One to three changes: bits, bytes, numbers, cuts, pieces doubled, moved, or taken from another file."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(result) + 1)
        length = rng.choice([1, 1, 2, 4, 8, 40])
        kind = rng.randrange(8)
        if kind == 0 and place < len(result):
            result[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(result):
            result[place] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 2:
            number = rng.choice([0, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1])
            result[place:place + length] = number.to_bytes(8, "little")[:length]
        elif kind == 3:
            del result[place:]
        elif kind == 4:
            del result[place:place + length]
        elif kind == 5:
            result[place:place] = result[place:place + length]
        elif kind == 6:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            result[place:place + length] = other[start:start + length]
        else:
            result[place:place] = rng.randbytes(length)
    return bytes(result)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("skip_refused", [False, True])
@pytest.mark.parametrize("name", list(FILES))
def test_damage_is_an_error_or_without_meaning(name: str, skip_refused: bool, tmp_path: Path) -> None:
    rng = random.Random(f"{name} {skip_refused}")
    others = list(FILES.values())
    for _ in range(ROUNDS):
        data = damaged(FILES[name], rng, others)
        mmap = rng.random() < 0.2
        if mmap:
            (tmp_path / "f").write_bytes(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loaded = minidl.load(tmp_path / "f" if mmap else io.BytesIO(data), mmap=mmap, skip_refused=skip_refused)
        except LoadError as error:
            assert str(error).startswith((f"{tmp_path / 'f'}: ", "the stream: "))
        else:
            touch(loaded)
        if mmap:
            os.unlink(tmp_path / "f")


def touch(loaded: Any) -> None:
    """Read every number, which may not lie outside the memory that was loaded."""
    if isinstance(loaded, minidl.Tensor):
        loaded.detach().numpy().tobytes()
    elif isinstance(loaded, dict):
        for part in loaded.values():
            touch(part)
    elif isinstance(loaded, (list, tuple)):
        for part in loaded:
            touch(part)


@pytest.mark.parametrize("name", list(FILES))
def test_the_files_themselves(name: str) -> None:
    if name == "pt compressed":
        with pytest.raises(LoadError, match="is compressed"):
            minidl.load(io.BytesIO(FILES[name]), skip_refused=True)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        touch(minidl.load(io.BytesIO(FILES[name]), skip_refused=True))
