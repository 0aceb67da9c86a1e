"""Windows of a text, and the plays that it may be."""
import pytest

import minidl
from minidl import text
from minidl.utils import download as downloads


def test_random_windows_are_of_the_text_and_reach_its_ends():
    minidl.manual_seed(0)
    tokens = minidl.arange(10, 20)
    batches = text.RandomWindows(tokens, length=3, batch_size=64, steps=2)
    assert len(batches) == 2
    for x, y in batches:
        assert x.shape == y.shape == (64, 3) and bool((y == x + 1).all()) and bool((x[:, 1:] == y[:, :-1]).all())
        assert (x.min().item(), y.max().item()) == (10, 19)
    one = text.RandomWindows(tokens, 9, 2, 1)
    assert next(iter(one))[0].tolist() == [list(range(10, 19))] * 2
    generator = minidl.Generator().manual_seed(5)
    a = next(iter(text.RandomWindows(tokens, 3, 4, 1, generator)))[0]
    b = next(iter(text.RandomWindows(tokens, 3, 4, 1, generator.manual_seed(5))))[0]
    assert minidl.equal(a, b)


def test_consecutive_windows_hold_each_token_once():
    x, y = text.consecutive_windows(minidl.arange(11), 5)
    assert x.flatten().tolist() == list(range(10)) and y.flatten().tolist() == list(range(1, 11))
    assert text.consecutive_windows(minidl.arange(10), 5)[0].shape == (1, 5)        # nothing follows the last token


def test_a_text_that_is_too_short_is_refused():
    for cut in (lambda: text.consecutive_windows(minidl.arange(5), 5),
                lambda: text.RandomWindows(minidl.arange(5), 5, 1, 1),
                lambda: text.RandomWindows(minidl.zeros(5, 5), 2, 1, 1)):
        with pytest.raises(ValueError, match="longer than a window"):
            cut()


PLAY = "First Citizen:\nSpeak.\n\nAll:\nResolved. " * 5


def test_shakespeare(tmp_path):
    with pytest.raises(RuntimeError, match=r"tinyshakespeare/input.txt is missing; pass download=True"):
        text.TinyShakespeare(tmp_path)
    path = tmp_path / "tinyshakespeare" / "input.txt"
    path.parent.mkdir()
    path.write_text(PLAY, encoding="utf-8")
    train, val = (text.TinyShakespeare(tmp_path, split) for split in ("train", "val"))
    assert train.text + val.text == PLAY == text.TinyShakespeare(path, "all").text
    assert len(train.text) == int(0.9 * len(PLAY)) and train[0] == "First Citizen:" and len(train) == 18
    with pytest.raises(ValueError, match="'train', 'val' or 'all'"):
        text.TinyShakespeare(tmp_path, "test")
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        text.TinyShakespeare(tmp_path)


def test_shakespeare_is_downloaded_with_its_hash(tmp_path, monkeypatch):
    asked = []

    def fetched(url, part, *_):
        asked.append(url)
        part.write_text(PLAY, encoding="utf-8")
    monkeypatch.setattr(downloads, "_fetch", fetched)
    with pytest.raises(RuntimeError, match="from any of 3 mirrors"):        # none has the right hash
        text.TinyShakespeare(tmp_path, download=True)
    assert set(asked) == set(text.TinyShakespeare.mirrors)
