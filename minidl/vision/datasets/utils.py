"""What data sets are fetched and unpacked with, under torchvision's names."""
from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlparse

from minidl.utils.download import download
from minidl.utils.download import extract_archive as unpack

USER_AGENT = "minidl"
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="

_ARCHIVES = (".tar", ".zip")
_ALIASES = {".tbz": (".tar", ".bz2"), ".tbz2": (".tar", ".bz2"), ".tgz": (".tar", ".gz")}
_OPENERS: dict[str, Callable[..., Any]] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}

AnyPath = TypeVar("AnyPath", str, Path)


# ---------------------------------------------------------------- checksums

def calculate_md5(fpath: str | Path, chunk_size: int = 1024 * 1024) -> str:
    """The MD5 sum of a file, in hexadecimal, read `chunk_size` bytes at a time.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "empty"
        >>> _ = path.write_bytes(b"")
        >>> calculate_md5(path)
        'd41d8cd98f00b204e9800998ecf8427e'
    """
    digest = hashlib.md5(usedforsecurity=False)     # against accidents: the data sets were published with these sums
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def check_md5(fpath: str | Path, md5: str, chunk_size: int = 1024 * 1024) -> bool:
    """Whether a file has this MD5 sum."""
    return md5 == calculate_md5(fpath, chunk_size)


def check_integrity(fpath: str | Path, md5: str | None = None) -> bool:
    """Whether there is a file, with this MD5 sum if one is given."""
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


# ---------------------------------------------------------------- downloads

def download_url(url: str, root: str | Path, filename: str | Path | None = None, md5: str | None = None,
                 max_redirect_hops: int = 3) -> None:
    """Get a file into the folder `root`, unless it is there with this MD5 sum.

    filename: its name there, by default the last part of the URL. md5: its sum, if it is to be checked. Links to Google
    Drive are followed to the file. max_redirect_hops is accepted and ignored: ten redirections are followed.
    The file takes its name when it is complete and checked; `minidl.utils.download` does the work.
    Errors: RuntimeError if the file does not come, or has another sum.
    """
    drive = _google_drive_id(url)
    if drive is not None:
        return download_file_from_google_drive(drive, root, filename or os.path.basename(url), md5)
    download(url, _target(root, filename or os.path.basename(url)), md5=md5)


def download_file_from_google_drive(file_id: str, root: str | Path, filename: str | Path | None = None,
                                    md5: str | None = None) -> None:
    """Get a file of Google Drive into the folder `root`, unless it is there with this MD5 sum.

    file_id: its letters in the link. filename: its name here, by default these letters.
    Errors: RuntimeError if the file does not come, has another sum, or Google sends a page in its place, which it does
    when too many people have asked for the file.
    """
    path = _target(root, filename or file_id)
    if check_integrity(path, md5):
        return
    advice = (f"get it with a browser from https://drive.google.com/file/d/{file_id}/view and put it there, or try "
              "again tomorrow: Google limits how often a file is sent in a day")
    try:
        download(_DRIVE + file_id, path, md5=md5)
    except RuntimeError as error:
        raise RuntimeError(f"{error}\nFor a file of Google Drive: {advice}") from error
    with open(path, "rb") as file:
        page = file.read(512).lstrip().lower().startswith((b"<!doctype html", b"<html"))
    if page and path.suffix not in (".html", ".htm"):
        path.unlink()
        raise RuntimeError(f"download_file_from_google_drive: Google sent a page in place of {path}; {advice}")


def download_and_extract_archive(url: str, download_root: str | Path, extract_root: str | Path | None = None,
                                 filename: str | Path | None = None, md5: str | None = None,
                                 remove_finished: bool = False) -> None:
    """Get an archive into `download_root` and unpack it into `extract_root`, by default the same folder.

    filename, md5: as for `download_url`. remove_finished: delete the archive afterwards.
    Errors: those of `download_url` and `extract_archive`.
    """
    download_root = os.path.expanduser(download_root)
    filename = filename or os.path.basename(url)
    download_url(url, download_root, filename, md5)
    extract_archive(os.path.join(download_root, filename), extract_root or download_root, remove_finished)


def _target(root: str | Path, filename: str | Path) -> Path:
    return Path(root).expanduser() / filename


def _google_drive_id(url: str) -> str | None:
    parts = urlparse(url)
    match = re.match(r"/file/d/(?P<id>[^/]*)", parts.path)
    return match["id"] if match and re.fullmatch(r"(drive|docs)[.]google[.]com", parts.netloc) else None


# ---------------------------------------------------------------- archives

def extract_archive(from_path: AnyPath, to_path: str | Path | None = None, remove_finished: bool = False) -> AnyPath:
    """Unpack an archive into a folder, or a compressed file; returns the folder, or the file.

    from_path: named `.zip`, `.tar`, `.tgz`, `.tar.gz` and so on, or `.gz`, `.bz2`, `.xz` for a single compressed file.
    to_path: the folder to write into, by default that of the archive. remove_finished: delete the archive afterwards.
    Errors: RuntimeError for a name of another kind; ValueError for an archive that is damaged, or would write outside
    of the folder: nothing is unpacked then.

        >>> import tempfile, zipfile
        >>> archive = Path(tempfile.mkdtemp()) / "two.zip"
        >>> with zipfile.ZipFile(archive, "w") as zipped:
        ...     zipped.writestr("a/1.txt", "one")
        >>> (extract_archive(archive) / "a" / "1.txt").read_text()
        'one'
    """
    folder = os.path.dirname(from_path) if to_path is None else to_path
    suffix, archive, _ = _detect_file_type(from_path)
    made: str | Path = folder
    if archive is not None:
        unpack(from_path, folder)
        if remove_finished:
            os.remove(from_path)
    else:
        made = _decompress(from_path, Path(folder) / os.path.basename(from_path).replace(suffix, ""), remove_finished)
    return type(from_path)(made)


def _detect_file_type(file: str | Path) -> tuple[str, str | None, str | None]:
    """Suffix, kind of archive and compression of a file, from its name."""
    suffixes = Path(file).suffixes
    if not suffixes:
        raise RuntimeError(f"File '{file}' has no suffixes that could be used to detect the archive type and "
                           "compression.")
    suffix = suffixes[-1]
    if suffix in _ALIASES:
        return suffix, *_ALIASES[suffix]
    if suffix in _ARCHIVES:
        return suffix, suffix, None
    if suffix in _OPENERS:
        if len(suffixes) > 1 and suffixes[-2] in _ARCHIVES:
            return suffixes[-2] + suffix, suffixes[-2], suffix
        return suffix, None, suffix
    known = sorted({*_ALIASES, *_ARCHIVES, *_OPENERS})
    raise RuntimeError(f"Unknown compression or archive type: '{suffix}'.\nKnown suffixes are: '{known}'.")


def _decompress(from_path: str | Path, to_path: str | Path | None = None, remove_finished: bool = False) -> Path:
    """Write what a compressed file holds. The new file takes its name when it is complete."""
    suffix, archive, compression = _detect_file_type(from_path)
    if compression is None:
        raise RuntimeError(f"Couldn't detect a compression from suffix {suffix}.")
    target = Path(os.fspath(from_path).replace(suffix, archive or "") if to_path is None else to_path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        with _OPENERS[compression](from_path, "rb") as source, open(part, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        os.replace(part, target)
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:      # of the disk; bz2's has no number
            raise
        raise ValueError(f"extract_archive: {from_path} is damaged or cut short ({error}); if it was downloaded, "
                         "delete it and download it again") from error
    finally:
        part.unlink(missing_ok=True)
    if remove_finished:
        os.remove(from_path)
    return target


# ---------------------------------------------------------------- folders and arguments

def list_dir(root: str | Path, prefix: bool = False) -> list[str]:
    """The folders in a folder, sorted; with `prefix`, their paths."""
    return _listed(root, prefix, os.path.isdir)


def list_files(root: str | Path, suffix: str | tuple[str, ...], prefix: bool = False) -> list[str]:
    """The files in a folder whose names end in `suffix`, sorted; with `prefix`, their paths."""
    return _listed(root, prefix, lambda path: os.path.isfile(path) and path.endswith(suffix))


def _listed(root: str | Path, prefix: bool, wanted: Callable[[str], bool]) -> list[str]:
    root = os.path.expanduser(root)
    names = sorted(name for name in os.listdir(root) if wanted(os.path.join(root, name)))
    return [os.path.join(root, name) for name in names] if prefix else names


def iterable_to_str(iterable: Iterable[object]) -> str:
    """The items in quotation marks, separated by commas.

        >>> iterable_to_str(["train", "test"])
        "'train', 'test'"
    """
    return "'" + "', '".join(str(item) for item in iterable) + "'"


def verify_str_arg(value: str, arg: str | None = None, valid_values: Iterable[str] | None = None,
                   custom_msg: str | None = None) -> str:
    """Return `value` if it is one of the valid ones.

    Errors: ValueError for another value, or one that is no text; `custom_msg` takes the place of its message.

        >>> verify_str_arg("val", "split", ("train", "val"))
        'val'
    """
    if not isinstance(value, str):
        of = "" if arg is None else f" for argument {arg}"
        raise ValueError(f"Expected type str{of}, but got type {type(value)}.")
    if valid_values is not None and value not in (valid := list(valid_values)):
        raise ValueError(custom_msg if custom_msg is not None else
                         f"Unknown value '{value}' for argument {arg}. Valid values are {{{iterable_to_str(valid)}}}.")
    return value
