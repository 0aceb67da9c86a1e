"""Fetch data sets: checked downloads that resume, and safe unpacking of archives."""
from __future__ import annotations

import errno
import hashlib
import http.client
import lzma
import os
import shutil
import stat
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from tqdm import tqdm

_CHUNK = 1 << 16
_ATTEMPTS = 3  # on one mirror, before the next one


def download(urls: str | Sequence[str], destination: str | Path, md5: str | None = None,
             sha256: str | None = None, size: int | None = None, *, progress: bool = True,
             timeout: float = 30.0, slowest: float = 10_000, overwrite: bool = False) -> Path:
    """Download a file from the first mirror that delivers it; return its path.

    urls: mirrors of one file, http or https, tried in order. destination: the file to write; if it
    exists with the right hash and size, nothing is downloaded. md5, sha256: the hash of the content,
    in hexadecimal; of sha256 its first digits are enough. size: its length in bytes. progress: show a bar.
    timeout: give a mirror up after this many seconds without data. slowest: bytes a second; give a mirror up that sends
    less for `timeout` seconds, if there are others. overwrite: download in any case; a file that is there stays until
    the new one is complete.

    The content goes to `destination + '.part'`, which gets its final name in one step when it is
    complete and its hash is right: there is never half a file under the final name. An interrupted
    download resumes from the part if a hash is given; without a hash nothing shows whether the two
    halves belong together. A file with a wrong hash is removed, and the next mirror is tried.
    Errors: RuntimeError when no mirror delivers, with the reason of each; OSError when the file
    cannot be written; ValueError for URLs of another scheme.
    """
    urls = [urls] if isinstance(urls, str) else list(urls)
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"download: expected http:// or https:// URLs, got {url!r}")
    destination = Path(destination)
    if destination.is_file() and not overwrite:
        if mismatch(destination, md5, sha256, size) is None:
            return destination
        destination.unlink()
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(destination.name + ".part")
    resumable = md5 is not None or sha256 is not None

    reasons = []
    for place, url in enumerate(urls):
        for _ in range(_ATTEMPTS):
            if not resumable:
                part.unlink(missing_ok=True)
            had = _size(part)
            try:
                _fetch(url, part, size, progress, timeout, slowest if place < len(urls) - 1 else 0)
                wrong = mismatch(part, md5, sha256, size)
            except _Refused as error:
                wrong = str(error)
                break
            except (OSError, http.client.HTTPException) as error:
                if _is_local(error):
                    raise
                wrong = _reason(error)
                if _size(part) > had:
                    continue  # a part arrived: ask for the rest
                break
            if wrong is None:
                os.replace(part, destination)
                return destination
            part.unlink(missing_ok=True)
            if not had:
                break  # the whole file came from this mirror, so a retry would not help
        reasons.append(f"  {url}: {wrong}")
    raise RuntimeError(f"download: could not get {destination} from any of {len(urls)} mirrors:\n"
                       + "\n".join(reasons)
                       + "\nCheck the network, or get the file by other means and put it there.")


def extract_archive(path: str | Path, into: str | Path) -> list[Path]:
    """Unpack a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file; returns the files written.

    Only plain files and folders are unpacked. All names are checked before the first file is written.
    Each file gets its name in one step, when it is complete.
    Errors: ValueError for an archive with a member that would land outside the folder (an absolute
    name, one with `..`), or that is a link or a device, and for a file that is no archive; OSError if the contents do
    not fit on the disk.
    """
    path, into = Path(path), Path(into)
    what = "is neither a zip nor a tar archive"
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                members = [_Member(info.filename, _kind_in_zip(info), info.file_size, info)
                           for info in zipped.infolist()]
                return _extract(path, into, members, zipped.open)
        if tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                members = [_Member(info.name, _kind_in_tar(info), info.size, info) for info in tar]
                return _extract(path, into, members, tar.extractfile)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        what = f"is damaged or cut short ({error})"
    raise ValueError(f"extract_archive: {path} {what}; if it was downloaded, delete it and "
                     "download it again")


# ---------------------------------------------------------------- downloading

class _Refused(Exception):
    """An answer of a mirror that a retry will not change."""


def _fetch(url: str, part: Path, size: int | None, progress: bool, timeout: float, slowest: float) -> None:
    """Write the file behind `url` to `part`; resume at the end of `part` if the server can."""
    start = _size(part)
    headers = {"User-Agent": "minidl", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers),
                                          timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:
            return  # nothing is left: the part is complete or wrong, and its hash will show which
        raise _Refused(f"the server answers {error.code} {error.reason}") from error
    with response:
        if start and not _continues(response, start):
            start = 0  # the server sends the whole file instead
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else size
        if size is not None and total is not None and total != size:
            raise _Refused(f"expected {size:,} bytes, the server offers {total:,}")
        name = part.name.removesuffix(".part")
        with open(part, "ab" if start else "wb") as file, \
                tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=name,
                     disable=not progress) as bar:
            since, had = time.monotonic(), start
            while chunk := response.read1(_CHUNK):      # the available bytes: `read` would wait for a full chunk
                file.write(chunk)
                bar.update(len(chunk))
                start += len(chunk)
                seconds = time.monotonic() - since
                if seconds > timeout:
                    if (start - had) / seconds < slowest:
                        raise _Refused(f"it sent {start - had:,} bytes in {seconds:.0f} seconds, which is too slow")
                    since, had = time.monotonic(), start
                if size is not None and start > size:
                    raise _Refused(f"expected {size:,} bytes, the server sends more")
    if total is not None and start < total:
        raise ConnectionError(f"the connection ended after {start:,} of {total:,} bytes")


def _continues(response: Any, start: int) -> bool:
    return (response.status == 206
            and response.headers.get("Content-Range", "").startswith(f"bytes {start}-"))


def mismatch(path: Path, md5: str | None = None, sha256: str | None = None, size: int | None = None) -> str | None:
    """Why this file is not the expected one; None if it is."""
    if size is not None and _size(path) != size:
        return f"expected {size:,} bytes, got {_size(path):,}"
    for name, expected in (("md5", md5), ("sha256", sha256)):
        if expected is not None:
            found = _hash(path, name)
            if found != expected.lower() and not (name == "sha256" and found.startswith(expected.lower())):
                return f"expected {name} {expected.lower()}, got {found} ({_size(path):,} bytes)"
    return None


def _hash(path: Path, name: str) -> str:
    # not for security: the data sets were published with md5 sums
    digest = hashlib.new(name, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_local(error: Exception) -> bool:
    """Whether writing the local file failed, not the mirror."""
    return getattr(error, "filename", None) is not None or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return f"{type(error).__name__}: {reason}"


# ---------------------------------------------------------------- unpacking

class _Member(NamedTuple):
    name: str
    kind: str       # "file", "folder" or "other"
    size: int
    info: Any       # the archive's own entry


def _extract(path: Path, into: Path, members: Sequence[_Member], open_member: Callable[[Any], Any]) -> list[Path]:
    for name, kind, *_ in members:
        parts = name.replace("\\", "/").split("/")
        if parts[0] == "" or ".." in parts or Path(name).drive or Path(name).is_absolute():
            raise ValueError(f"extract_archive: {path} holds '{name}', which would be written "
                             f"outside {into}; nothing was unpacked. Do not trust this archive")
        if kind == "other":
            raise ValueError(f"extract_archive: {path} holds '{name}', a link or a device; only "
                             "files and folders are unpacked, and nothing was")
    into.mkdir(parents=True, exist_ok=True)
    total, free = sum(member.size for member in members), shutil.disk_usage(into).free
    if total > free:
        raise OSError(errno.ENOSPC, f"extract_archive: {path} holds {total:,} bytes, but there is room for {free:,} in "
                      f"{into}; nothing was unpacked")
    written = []
    for name, kind, _, info in members:
        target = into / name
        if kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        source: IO[bytes]
        try:
            with open_member(info) as source, open(part, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        written.append(target)
    return written


def _kind_in_zip(info: zipfile.ZipInfo) -> str:
    if info.is_dir():
        return "folder"
    mode = info.external_attr >> 16  # Unix mode; zero in archives from other systems
    return "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "other"


def _kind_in_tar(info: tarfile.TarInfo) -> str:
    return "file" if info.isfile() else "folder" if info.isdir() else "other"
