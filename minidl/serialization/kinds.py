"""Detect the kind of a file: those we read, and common wrong ones."""
from __future__ import annotations

import re
import zipfile

from minidl.serialization import file_format, numpy_files, safetensors
from minidl.serialization.files import File, LoadError

_HEAD_BYTES = 4096    # bytes that suffice to tell the kind


def kind_of(file: File) -> str:
    """The kind of a file: "minidl", "safetensors", "npy", "zip" or "pt stream".

    PyTorch's files and `.npz` are "zip". The contents decide, never the name. Four kinds begin with fixed bytes.
    safetensors begins with the length of its header in eight bytes, lowest first. The lowest may be any byte: 80, for
    instance, the first byte of a pickle. But the length is at most 100,000,000, and a brace follows it:

    | kind | begins with | so it is no safetensors, since |
    |---|---|---|
    | safetensors | nn nn nn 00-05 00 00 00 00 7b | |
    | minidl | 89 6d 69 6e | 6e is more than 05 |
    | npy | 93 4e 55 4d | 4d is more than 05 |
    | zip | 50 4b 03 04, then the method of compression at byte 8 | that is 00 or 08, and a brace is 7b |
    | zip of nothing | 50 4b 05 06 | 06 is more than 05 |
    | pt stream | 80, the protocol (02 to 05), then the magic number: 8a 0a or 95 0d | 0a, 0d are more than 05 |

    So no file is of two kinds, and the order of the tests does not matter. Errors: LoadError, which names the kind of
    file if it is a known one.
    """
    head = file.read(0, min(file.size, _HEAD_BYTES)).tobytes()
    if not head:
        raise LoadError("it is empty; a stream that was just written to must be rewound first, with f.seek(0)")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= safetensors.LONGEST_HEADER:
        return "safetensors"
    for kind, beginning in (("minidl", file_format.MAGIC), ("npy", numpy_files.MAGIC), ("zip", b"PK\x03\x04"),
                            ("zip", b"PK\x05\x06"), ("pt stream", b"\x80")):
        if head.startswith(beginning):
            return kind
    what = known_other_kind(head)
    raise LoadError(f"it is no file that minidl knows (its own, PyTorch's, safetensors, .npz, .npy), "
                    f"{'or damaged' if what is None else f'but {what}'}; it begins with {head[:16]!r}")


_OTHER_KINDS: list[tuple[int, bytes, str]] = [
    (0, b"version https://git-lfs", "a pointer of Git LFS, which stands for the file: `git lfs pull` brings it"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it: read it with h5py. Keras keeps the weights of Dense "
                              "as (in, out), of Conv2D as (height, width, in, out): permute them"),
    (257, b"ustar", "a tar archive: unpack it, and load what is in it"),
    (0, b"\x1f\x8b", "compressed by gzip: load(gzip.open(f)) reads what is in it, unless that is a tar archive"),
    (0, b"BZh", "compressed by bzip2: load(bz2.open(f)) reads what is in it"),
    (0, b"\xfd7zXZ\0", "compressed by xz: load(lzma.open(f)) reads what is in it"),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it, and load what is in it"),
    (0, b"Rar!", "a RAR archive: unpack it, and load what is in it"),
    (0, b"GGUF", "a GGUF file of llama.cpp"),
    (4, b"TFL3", "a TensorFlow Lite model: a program with its weights"),
    (0, b"MATLAB 5.0", "a MATLAB file: scipy.io.loadmat reads it"),
    (0, b"\x89PNG", "an image (PNG)"), (0, b"\xff\xd8\xff", "an image (JPEG)"), (0, b"GIF8", "an image (GIF)"),
    (0, b"%PDF", "a PDF document"),
    (0, b"L119547037146038801333356L", "of torch.save with pickle_protocol=0 or 1, which torch.load refuses too by "
                                       "default: save it anew without that argument"),
]


def known_other_kind(head: bytes) -> str | None:
    """Name a known, unsupported kind of file with this beginning."""
    for start, magic, what in _OTHER_KINDS:
        if head.startswith(magic, start):
            return what
    if re.match(rb"\x08[\x01-\x20](\x12|\x3a)", head):      # its first two fields: version, then name or graph
        return "an ONNX model, as it seems: a program with its weights; onnx.numpy_helper gives the weights as arrays"
    if not head.strip(b"\0"):
        return "nothing but zeros: the download or the copy did not finish"
    if re.match(rb"\s*<(!doctype|html|head|\?xml)", head, re.IGNORECASE):
        title = re.search(rb"<title[^>]*>\s*(.*?)\s*</title>", head, re.IGNORECASE | re.DOTALL)
        return "a web page" + (f" ({title[1][:60].decode('utf-8', 'replace')!r})" if title else "") + \
            ": the download gave an error, a login, or a page about the file; use the address of the file itself"
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:     # not merely cut within a character
            return None
        text = head[:error.start].decode("utf-8")
    if re.search(r"[\x00-\x08\x0e-\x1f]", text):
        return None
    if '"weight_map"' in text:
        return "the index of a model in several files: load each of those that it names"
    return "a text in JSON" if text.lstrip("\ufeff \t\r\n").startswith(("{", "[")) else "a text"


_ARCHIVES: list[tuple[str, str]] = [
    (r"(.*/)?constants\.pkl|[^/]*/code/.*", "a program of TorchScript (torch.jit.save), not its weights alone: in "
                                            "PyTorch, torch.save(torch.jit.load(f).state_dict(), ...) takes them out"),
    (r"(.*/)?(archive_format|models/.*\.json)", "a program of torch.export, not its weights alone: in PyTorch, "
                                                "torch.save(torch.export.load(f).state_dict, ...) takes them out"),
    (r"(.*/)?\.data/extern_modules", "a package of torch.package, which holds code"),
    (r"model\.weights\.h5", "a model of Keras: its weights stand in model.weights.h5, which h5py reads"),
    (r"(.*/)?(coremldata\.bin|.*\.mlmodel)", "a model of Core ML"),
    (r"word/document\.xml|xl/workbook\.xml", "a document of an office program"),
]


def kind_of_archive(names: list[str]) -> str:
    """The kind of a zip archive by its names: "pt" or "npz". Errors: LoadError, which says what else it is."""
    if all(name.endswith(".npy") for name in names):
        return "npz"
    for pattern, what in _ARCHIVES:
        if any(re.fullmatch(pattern, name) for name in names):
            raise LoadError(f"it is {what}")
    if any(name.split("/")[-1] == "data.pkl" for name in names):
        return "pt"
    files = [name for name in names if not name.endswith("/")]
    weights = [name for name in files if name.endswith((".pt", ".pth", ".bin", ".safetensors", ".npz", ".npy", ".mdl"))]
    hint = f": unpack it, and load {weights[0]!r}" if weights else ""
    raise LoadError(f"a zip archive, but neither of PyTorch nor of NumPy: it holds {', '.join(files[:4])}{hint}")


def open_archive(file: File) -> zipfile.ZipFile:
    """Open a zip archive. Errors: LoadError where its end is missing."""
    try:
        return zipfile.ZipFile(file.stream)
    except zipfile.BadZipFile as error:
        raise LoadError(f"cut off or damaged: a zip archive has its directory at the end, and that is not there "
                        f"({error}); the download or the copy may not have finished") from error
