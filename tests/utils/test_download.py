"""Downloads from a server on this machine, well-behaved and not; archives, honest and not."""
from __future__ import annotations

import hashlib
import http.server
import io
import re
import shutil
import tarfile
import threading
import time
import zipfile

import numpy as np
import pytest

from minidl.vision.datasets import download, extract_archive
from minidl.vision.datasets import download as download_function

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """The path says how to behave.

    /range, /plain, /drop, /drop-always, /wrong, /chunked, /404, /slow, /silent, /moved.
    """

    def do_GET(self):  # noqa: N802  (the server's name)
        log, how = self.server.log, self.path.strip("/")
        wanted = self.headers.get("Range")
        log.append((how, wanted))
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        content = CONTENT[::-1] if how == "wrong" else CONTENT
        if how == "404":
            return self.send_error(404)
        if how == "moved":
            self.send_response(302)
            self.send_header("Location", "/range")
            return self.end_headers()
        if how == "silent":
            self.server.over.wait(20)
            return None
        if how == "plain":
            start = 0
        if start >= len(content):
            return self.send_error(416)
        if how == "chunked":
            self.protocol_version = "HTTP/1.1"
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if how == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(content) + content[:1000])  # and breaks off
            self.close_connection = True
            return None
        if how != "unsized":
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if how == "slow":       # 100 bytes every tenth of a second
            for at in range(start, start + 20_000, 100):
                self.wfile.write(content[at:at + 100])
                if self.server.over.wait(0.1):
                    break
            return None
        first = how == "drop" and len([entry for entry in log if entry[0] == how]) == 1
        stop = start + 100_000 if first else start + 1000 if how == "drop-always" else None
        self.wfile.write(content[start:stop])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def running():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.over = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture
def server(running):
    running.log = []
    running.url = f"http://127.0.0.1:{running.server_port}/"
    return running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "file.bin"


def only(target):
    """The folder holds the file whole and nothing else."""
    return [path.name for path in target.parent.iterdir()] == ["file.bin"] \
        and target.read_bytes() == CONTENT


@pytest.mark.parametrize("how", ["range", "plain", "unsized"])
@pytest.mark.parametrize("checks", [{}, {"md5": MD5}, {"sha256": SHA256.upper()},
                                    {"md5": MD5, "sha256": SHA256, "size": len(CONTENT)}])
def test_download(server, target, how, checks):
    assert download(server.url + how, target, progress=False, **checks) == target
    assert only(target) and server.log == [(how, None)]


def test_a_progress_bar(server, target, capsys):
    download(server.url + "range", target)
    assert "file.bin" in capsys.readouterr().err


def test_what_is_there_is_not_downloaded_again(server, target):
    download(server.url + "range", target, progress=False)
    download(server.url + "range", target, md5=MD5, progress=False)
    assert len(server.log) == 1
    target.write_bytes(CONTENT[:-1])  # damaged since
    download(server.url + "range", target, md5=MD5, progress=False)
    assert len(server.log) == 2 and only(target)


@pytest.mark.parametrize("how, ranges", [("range", ["bytes=1234-"]), ("plain", ["bytes=1234-"])])
def test_resumes_a_part(server, target, how, ranges):
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(CONTENT[:1234])
    download(server.url + how, target, md5=MD5, progress=False)
    assert only(target) and [wanted for _, wanted in server.log] == ranges


def test_a_whole_part_needs_only_its_name(server, target):
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(CONTENT)
    download(server.url + "range", target, md5=MD5, progress=False)
    assert only(target) and server.log == [("range", f"bytes={len(CONTENT)}-")]


@pytest.mark.parametrize("part", [b"other bytes", CONTENT + b"more"])
def test_a_part_of_something_else_is_dropped(server, target, part):
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(part)
    download(server.url + "range", target, md5=MD5, progress=False)
    assert only(target) and [wanted for _, wanted in server.log] == [f"bytes={len(part)}-", None]


def test_no_resuming_without_a_hash(server, target):
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(b"other bytes")
    download([server.url + "drop-always", server.url + "range"], target, progress=False)
    assert only(target) and {wanted for _, wanted in server.log} == {None}


def test_a_dropped_connection_is_taken_up_again(server, target):
    download(server.url + "drop", target, md5=MD5, progress=False)
    assert only(target) and server.log == [("drop", None), ("drop", "bytes=100000-")]


def test_the_next_mirror_takes_up_where_the_last_one_dropped(server, target):
    download([server.url + "drop-always", server.url + "range"], target, md5=MD5, progress=False)
    assert only(target) and server.log[-1] == ("range", "bytes=3000-")


@pytest.mark.parametrize("bad", ["404", "wrong", "chunked"])
def test_a_bad_mirror_is_passed_by(server, target, bad):
    download([server.url + bad, server.url + "range"], target, md5=MD5, progress=False)
    assert only(target)


def test_all_mirrors_fail(server, target):
    urls = [server.url + "404", "http://127.0.0.1:1/closed", server.url + "wrong"]
    with pytest.raises(RuntimeError) as caught:
        download(urls, target, md5=MD5, progress=False)
    text = str(caught.value)
    assert all(url in text for url in urls) and str(target) in text
    assert "404" in text and "refused" in text and f"expected md5 {MD5}, got" in text
    assert list(target.parent.iterdir()) == []


def test_a_file_that_cannot_be_written_is_not_the_mirrors_fault(server, target):
    target.parent.mkdir()
    target.with_name(target.name + ".part").symlink_to(target.parent / "missing" / "file")
    with pytest.raises(FileNotFoundError, match=r"\.part"):
        download(server.url + "range", target, md5=MD5, progress=False)


def test_a_wrong_size_is_refused(server, target):
    for how in ("range", "unsized"):
        with pytest.raises(RuntimeError, match="expected 1,000 bytes"):
            download(server.url + how, target, size=1000, progress=False)
        assert not target.exists()


def test_an_interruption_leaves_a_part_that_resumes(server, target, monkeypatch):
    class Interrupting:
        def __init__(self, **_):
            self.count = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, count):
            self.count += count
            if self.count > 100_000:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(download_function.__globals__, "tqdm", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            download(server.url + "range", target, md5=MD5)
    part = target.with_name("file.bin.part")
    size = part.stat().st_size
    assert not target.exists() and 100_000 < size < len(CONTENT)
    download(server.url + "range", target, md5=MD5, progress=False)
    assert only(target) and server.log[-1] == ("range", f"bytes={size}-")


@pytest.mark.parametrize("checks", [{}, {"md5": MD5}])
def test_a_slow_mirror_is_given_up_while_there_are_others(server, target, checks):
    begin = time.monotonic()
    download([server.url + "slow", server.url + "range"], target, progress=False, timeout=0.5, **checks)
    assert only(target) and [how for how, _ in server.log] == ["slow", "range"]
    assert time.monotonic() - begin < 15        # all of it would take 300 s
    if checks:
        assert server.log[1][1] is not None     # what the slow one had sent by then is kept


def test_a_slow_mirror_is_better_than_none(server, target):
    # the one that is asked last may take its time: it breaks off after 20 s, which is too long for a test
    download([server.url + "404", server.url + "range"], target, progress=False, timeout=0.5, slowest=1e12)
    assert only(target)
    with pytest.raises(RuntimeError, match=r"slow: it sent [\d,]+ bytes in \d seconds, which is too slow"):
        download([server.url + "slow", server.url + "404"], target.with_name("other"), progress=False, timeout=0.5)


def test_a_silent_mirror_is_given_up(server, target):
    begin = time.monotonic()
    download([server.url + "silent", server.url + "range"], target, progress=False, timeout=0.3)
    assert only(target) and time.monotonic() - begin < 10
    with pytest.raises(RuntimeError, match="silent: .*timed out"):
        download([server.url + "silent"], target.with_name("other"), progress=False, timeout=0.3)


def test_a_mirror_that_has_moved_is_followed(server, target):
    download(server.url + "moved", target, sha256=SHA256, progress=False)
    assert only(target)


@pytest.mark.parametrize("url", ["ftp://host/file", "file:///etc/hostname", "nonsense"])
def test_only_http(url, target):
    with pytest.raises(ValueError, match="https://"):
        download(url, target)


# ---------------------------------------------------------------- archives

def make_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            elif isinstance(content, tuple):
                info.type, info.linkname = content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def make_zip(path, members, link=False):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name + "/" if content is None else name)
            if link:
                info.external_attr = 0o120777 << 16
            archive.writestr(info, content or b"")


HONEST = {"top": None, "top/a.txt": b"one", "top/sub/b.txt": b"two", "c..txt": b"three"}


@pytest.mark.parametrize("name, make", [
    ("a.tar", lambda path, members: make_tar(path, members, "w")),
    ("a.tar.gz", make_tar),
    ("a.tar.bz2", lambda path, members: make_tar(path, members, "w:bz2")),
    ("a.tar.xz", lambda path, members: make_tar(path, members, "w:xz")),
    ("a.zip", make_zip),
])
def test_extract(tmp_path, name, make):
    make(tmp_path / name, HONEST)
    files = extract_archive(tmp_path / name, str(tmp_path / "out"))
    assert {path.relative_to(tmp_path / "out").as_posix(): path.read_bytes() for path in files} \
        == {name: content for name, content in HONEST.items() if content is not None}
    assert (tmp_path / "out" / "top").is_dir()


ESCAPES = ["/abs.txt", "../up.txt", "top/../../up.txt", "..", "..\\up.txt", "\\abs.txt"]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_no_member_escapes(tmp_path, name, make):
    path = tmp_path / "in" / "archive"
    path.parent.mkdir()
    make(path, {"good.txt": b"fine", name: b"evil"})
    with pytest.raises(ValueError, match="outside"):
        extract_archive(path, tmp_path / "in" / "out")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["archive", "in"]


@pytest.mark.parametrize("link", [
    (tarfile.SYMTYPE, "/etc"), (tarfile.SYMTYPE, "good.txt"), (tarfile.LNKTYPE, "../up.txt"),
    (tarfile.CHRTYPE, ""), (tarfile.FIFOTYPE, "")])
def test_no_links_and_devices_in_tar(tmp_path, link):
    make_tar(tmp_path / "a.tar.gz", {"good.txt": b"fine", "odd": link})
    with pytest.raises(ValueError, match="'odd', a link or a device"):
        extract_archive(tmp_path / "a.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_links_in_zip(tmp_path):
    make_zip(tmp_path / "a.zip", {"odd": b"/etc/passwd"}, link=True)
    with pytest.raises(ValueError, match="'odd', a link"):
        extract_archive(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("name, make", [("a.tar.gz", make_tar), ("a.tar.xz", lambda path, members:
                                        make_tar(path, members, "w:xz")), ("a.zip", make_zip)])
def test_a_damaged_archive(tmp_path, name, make):
    path = tmp_path / name
    make(path, {"data": CONTENT})
    content = bytearray(path.read_bytes())
    content[150_000] ^= 0xFF
    path.write_bytes(content if name.endswith("zip") else content[:150_000])
    with pytest.raises(ValueError, match=f"{name} is damaged or cut short"):
        extract_archive(path, tmp_path / "out")


def test_no_archive(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="neither a zip nor a tar"):
        extract_archive(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_what_is_larger_than_the_disk_is_not_unpacked(tmp_path, monkeypatch, make):
    make(tmp_path / "archive", HONEST)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 1, 9))
    with pytest.raises(OSError, match="holds 11 bytes, but there is room for 9"):
        extract_archive(tmp_path / "archive", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_half_a_file_never_has_its_name(tmp_path):
    path = tmp_path / "a.tar.gz"
    make_tar(path, {"first": b"1" * 1000, "big": np.random.default_rng(0).bytes(500_000)})
    path.write_bytes(path.read_bytes()[:300_000])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "big").write_bytes(b"an earlier one")
    with pytest.raises(ValueError, match="damaged or cut short"):
        extract_archive(path, tmp_path / "out")
    assert (tmp_path / "out" / "big").read_bytes() == b"an earlier one"
    assert not list((tmp_path / "out").glob("*.part"))
