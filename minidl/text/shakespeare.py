"""Tiny Shakespeare: a megabyte of plays for models of characters."""
from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from minidl.utils.data.dataset import Dataset
from minidl.utils.download import download as fetch


class TinyShakespeare(Dataset[str]):
    """40,000 lines of plays by Shakespeare, 1,115,394 characters of 65 kinds.

    root: the folder that holds `tinyshakespeare/input.txt`, or `input.txt`, or that file itself. split: 'train', the
    first 90 % of the characters; 'val', the rest; 'all'. download: get the file, unless it is there.

    `text` is the text; a sample is one of its lines.
    Errors: RuntimeError if there is no such file, ValueError for another split and for a file that is no text.

    Source: A. Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks", 2015.

        >>> TinyShakespeare("data", download=True)[0]       # doctest: +SKIP
        'First Citizen:'
    """

    mirrors: ClassVar[list[str]] = [
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
        "https://cdn.jsdelivr.net/gh/karpathy/char-rnn@master/data/tinyshakespeare/input.txt",
    ]
    sha256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

    def __init__(self, root: str | Path, split: str = "train", download: bool = False) -> None:
        if split not in ("train", "val", "all"):
            raise ValueError(f"TinyShakespeare: expected split to be 'train', 'val' or 'all', but got {split!r}")
        self.root, self.split = Path(root).expanduser(), split
        path = self._find()
        if path is None and download:
            path = fetch(self.mirrors, self.root / "tinyshakespeare" / "input.txt", sha256=self.sha256)
        if path is None:
            raise RuntimeError(f"TinyShakespeare: Dataset not found: {self.root}/tinyshakespeare/input.txt is missing; "
                               f"pass download=True to get it")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"TinyShakespeare: {path} is no text in UTF-8 ({error}); delete it and pass "
                             f"download=True") from None
        border = int(0.9 * len(text))
        self.text = {"train": text[:border], "val": text[border:], "all": text}[split]
        self.lines = self.text.splitlines()

    def _find(self) -> Path | None:
        places = (self.root / "tinyshakespeare" / "input.txt", self.root / "input.txt", self.root)
        return next((path for path in places if path.is_file()), None)

    def __getitem__(self, index: int) -> str:
        return self.lines[index]

    def __len__(self) -> int:
        return len(self.lines)
