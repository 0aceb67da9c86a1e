"""Weights from the web: downloads that are checked, kept in one folder, and loaded without running any code.

`torch.hub.load`, which fetches and runs other people's programs, is left out.
"""
from __future__ import annotations

import os
import re
import shutil
import sys
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidl import left_out, serialization
from minidl.utils.download import download, extract_archive, mismatch

__all__ = ["download_url_to_file", "get_dir", "load_state_dict_from_url", "mirrors", "set_dir"]

HASH = re.compile(r"-([a-f0-9]*)\.")
"""Where a file's name has the first digits of its sha256: `resnet18-f37072fd.pth`."""

mirrors: list[str] = []
"""Addresses of folders, "https://mirror.example/models/", that are asked for a file of this name before its own."""

_chosen: list[str] = []     # the folder of set_dir, if it was called


def get_dir() -> str:
    """The folder of `set_dir`; if not called, `$MINIDL_HOME/hub`, where MINIDL_HOME is `~/.cache/minidl` if not set.

    `$XDG_CACHE_HOME` takes the place of `~/.cache`, if it is set. Weights are in its folder `checkpoints`.
    """
    if _chosen:
        return _chosen[0]
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return os.path.join(os.path.expanduser(os.environ.get("MINIDL_HOME", os.path.join(cache, "minidl"))), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Keep downloads in this folder; PyTorch's is `~/.cache/torch/hub`.

        >>> from minidl import hub
        >>> before = hub.get_dir()
        >>> hub.set_dir("/tmp/weights")
        >>> hub.get_dir()
        '/tmp/weights'
        >>> hub.set_dir(before)
    """
    _chosen[:] = [os.path.expanduser(d)]


def download_url_to_file(url: str | Sequence[str], dst: str | os.PathLike[str], hash_prefix: str | None = None,
                         progress: bool = True) -> None:
    """Download to `dst`, where a file that is there stays until the new one is complete and right.

    Args:
        url: where the file is, http, https or file; or several such mirrors, of which the first that delivers serves.
        hash_prefix: the first digits of the sha256 of the contents.
        progress: show a bar on stderr.

    Errors: RuntimeError where no mirror delivers, or the hash is another; ValueError for an address of another kind.
    """
    urls = [url] if isinstance(url, str) else list(url)
    path = Path(os.path.expanduser(dst))
    local = [Path(urllib.request.url2pathname(parts.path)) for parts in map(urllib.parse.urlparse, urls)
             if parts.scheme == "file"]
    if not local:
        download(urls, path, sha256=hash_prefix, progress=progress, overwrite=True)
        return
    wrong = mismatch(local[0], sha256=hash_prefix)
    if wrong:
        raise RuntimeError(f"download_url_to_file: invalid hash value of {local[0]}: {wrong}")
    part = path.with_name(path.name + ".part")
    shutil.copyfile(local[0], part)
    os.replace(part, path)


def load_state_dict_from_url(url: str | Sequence[str], model_dir: str | os.PathLike[str] | None = None,
                             map_location: Any = None, progress: bool = True, check_hash: bool = False,
                             file_name: str | None = None, weights_only: bool = True) -> Any:
    """Load what `torch.save` or `minidl.save` wrote; download it first, unless it is in the folder.

    `mirrors` are asked before the address itself. An archive zip with one file in it is unpacked.

    Args:
        url: where the file is, or several such mirrors.
        model_dir: the folder of downloads; `checkpoints` in `get_dir()` if not given.
        map_location: where to put the tensors, as in `minidl.load`.
        progress: show a bar while it is downloaded.
        check_hash: the name ends with the first digits of the sha256, `resnet18-f37072fd.pth`; compare them after a
            download.
        file_name: the name in the folder; that of the address if not given.
        weights_only: no code in a file is ever run, with False neither.

    Errors: RuntimeError where no mirror delivers, or the hash is another; LoadError for a file that is no such file.
    """
    urls = [url] if isinstance(url, str) else list(url)
    folder = Path(os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir)
    folder.mkdir(parents=True, exist_ok=True)
    name = os.path.basename(urllib.parse.urlparse(urls[0]).path)
    path = folder / (name if file_name is None else file_name)
    if not path.exists():
        sys.stdout.write(f'Downloading: "{urls[0]}" to {path}\n')
        found = HASH.search(path.name) if check_hash else None
        download_url_to_file([*(f"{mirror.rstrip('/')}/{name}" for mirror in mirrors), *urls], path,
                             found[1] if found else None, progress)
    inside = _only_member(path)
    if inside is not None:
        extract_archive(path, folder)
        path = folder / inside
    return serialization.load(path, map_location=map_location)


def _only_member(path: Path) -> str | None:
    """The file in an archive zip that holds nothing else."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    return members[0].filename if len(members) == 1 and not members[0].is_dir() else None


left_out.explain(globals(), __name__)
