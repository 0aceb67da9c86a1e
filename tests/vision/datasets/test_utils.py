"""What data sets are fetched, unpacked and read with, under torchvision's names."""
from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from minidl.vision.datasets import utils
from minidl.vision.datasets.base.reading import (
    inside,
    parse_lines,
    read_json,
    read_lines,
    read_mat,
    read_table,
    read_xml,
)
from tests.vision.reference import torchvision

MD5 = hashlib.md5(b"content").hexdigest()


@pytest.fixture
def server():
    """Serves the bytes in `pages`, by path; 404 for others."""
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            content = pages.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    pages: dict[str, bytes] = {}
    with HTTPServer(("127.0.0.1", 0), Pages) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        pages["host"] = f"http://127.0.0.1:{http.server_port}"      # type: ignore[assignment]
        yield pages
        http.shutdown()


def zipped(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return target.getvalue()


def test_checksums(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"content")
    assert utils.calculate_md5(path) == utils.calculate_md5(str(path), chunk_size=2) == MD5
    assert utils.check_md5(path, MD5) and not utils.check_md5(path, MD5[::-1])
    assert utils.check_integrity(path) and utils.check_integrity(path, MD5)
    assert not utils.check_integrity(path, "0") and not utils.check_integrity(tmp_path / "b")
    assert not utils.check_integrity(tmp_path)


def test_download_url(tmp_path, server):
    server["/x/a.bin"] = b"content"
    url = server["host"] + "/x/a.bin"
    utils.download_url(url, tmp_path / "new", md5=MD5)
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"content"
    utils.download_url(url, str(tmp_path), filename="b.bin")
    assert (tmp_path / "b.bin").read_bytes() == b"content"
    server["/x/a.bin"] = b"other"
    utils.download_url(url, tmp_path / "new", md5=MD5)         # it is there
    with pytest.raises(RuntimeError, match=rf"(?s)c\.bin.*expected md5 {MD5}"):
        utils.download_url(url, tmp_path, "c.bin", MD5)
    with pytest.raises(RuntimeError, match="404"):
        utils.download_url(server["host"] + "/none", tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["b.bin", "new"]


def test_download_and_extract_archive(tmp_path, server):
    content = zipped(a__b_txt=b"text")
    server["/x.zip"] = content
    url, md5 = server["host"] + "/x.zip", hashlib.md5(content).hexdigest()
    utils.download_and_extract_archive(url, tmp_path / "d", md5=md5)
    assert (tmp_path / "d" / "a" / "b.txt").read_text() == "text" and (tmp_path / "d" / "x.zip").exists()
    utils.download_and_extract_archive(url, tmp_path / "e", tmp_path / "f", filename="y.zip", remove_finished=True)
    assert (tmp_path / "f" / "a" / "b.txt").read_text() == "text" and not (tmp_path / "e" / "y.zip").exists()


def test_google_drive(tmp_path, server, monkeypatch):
    monkeypatch.setattr(utils, "_DRIVE", server["host"] + "/?id=")
    server["/?id=abc"] = b"content"
    utils.download_file_from_google_drive("abc", tmp_path, "a.txt", MD5)
    utils.download_file_from_google_drive("abc", tmp_path)
    utils.download_url("https://drive.google.com/file/d/abc/view?usp=sharing", tmp_path, "c.txt", MD5)
    assert {(tmp_path / name).read_bytes() for name in ("a.txt", "abc", "c.txt")} == {b"content"}
    server["/?id=busy"] = b"<!DOCTYPE html><html><title>Quota exceeded</title></html>"
    with pytest.raises(RuntimeError, match=r"(?s)Google sent a page in place of .*d\.zip.*file/d/busy/view"):
        utils.download_file_from_google_drive("busy", tmp_path, "d.zip")
    with pytest.raises(RuntimeError, match=r"(?s)expected md5.*file/d/busy/view.*tomorrow"):
        utils.download_file_from_google_drive("busy", tmp_path, "d.zip", MD5)
    assert not (tmp_path / "d.zip").exists()


@pytest.mark.parametrize("name, pack", [
    ("a.zip", lambda: zipped(d__1_txt=b"text")), ("a.tar", lambda: tar("")), ("a.tar.gz", lambda: tar("gz")),
    ("a.tgz", lambda: tar("gz")), ("a.tar.xz", lambda: tar("xz")), ("a.tar.bz2", lambda: tar("bz2")),
    ("a.tbz", lambda: tar("bz2")), ("a.tbz2", lambda: tar("bz2")),
])
@pytest.mark.parametrize("kind", [str, Path])
def test_extract_archive(tmp_path, name, pack, kind):
    archive = tmp_path / name
    archive.write_bytes(pack())
    made = utils.extract_archive(kind(archive))
    assert made == kind(tmp_path) and (tmp_path / "d" / "1.txt").read_bytes() == b"text" and archive.exists()
    made = utils.extract_archive(kind(archive), str(tmp_path / "to"), remove_finished=True)
    assert (tmp_path / "to" / "d" / "1.txt").exists() and not archive.exists() and isinstance(made, kind)


def tar(compression: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=f"w:{compression}") as archive:
        info = tarfile.TarInfo("d/1.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"text"))
    return target.getvalue()


@pytest.mark.parametrize("suffix, compress", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_single_compressed_files(tmp_path, suffix, compress):
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(compress(b"content" * 1000))
    assert utils.extract_archive(str(path)) == str(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"content" * 1000
    for damage in (path.read_bytes()[:-6], b"", b"<html>"):
        path.write_bytes(damage)
        (tmp_path / "a.csv").write_bytes(b"before")
        if damage or suffix != ".gz":       # no bytes are no members of a gzip file
            with pytest.raises(ValueError, match=r"a\.csv.*damaged or cut short.*download it again"):
                utils.extract_archive(path)
            assert (tmp_path / "a.csv").read_bytes() == b"before"
        assert not list(tmp_path.glob("*.part"))


def test_archives_that_are_refused(tmp_path):
    for name in ("plain", "a.rar", "a.tar.lz"):
        with pytest.raises(RuntimeError, match="suffix"):
            utils.extract_archive(tmp_path / name)
    with pytest.raises(RuntimeError, match="Couldn't detect a compression"):
        utils._decompress(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(zipped(**{"..__b_txt": b""}).replace(b"...b.txt", b"../b.txt"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../outside.txt", "text")
    with pytest.raises(ValueError, match="would be written outside"):
        utils.extract_archive(tmp_path / "a.zip", tmp_path / "in")
    assert not (tmp_path / "outside.txt").exists()


def test_lists_and_arguments(tmp_path):
    for name in ("b.png", "a.png", "c.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d.png").mkdir()
    assert utils.list_files(tmp_path, ".png") == ["a.png", "b.png"] and utils.list_dir(str(tmp_path)) == ["d.png"]
    assert utils.list_files(tmp_path, (".png", ".txt"), prefix=True)[-1] == str(tmp_path / "c.txt")
    assert utils.list_dir(tmp_path, prefix=True) == [str(tmp_path / "d.png")]
    assert utils.verify_str_arg("a", "letter", iter("ab")) == "a" and utils.verify_str_arg("z") == "z"
    assert utils.iterable_to_str((1, "b")) == "'1', 'b'"


def test_against_torchvision(tmp_path):
    theirs = torchvision("datasets.utils")
    for arguments in ((3, "split"), (3,), ("a", "split", ("b", "c")), ("a", "split", ("b",), "mine")):
        messages = []
        for library in (utils, theirs):
            with pytest.raises(ValueError) as caught:
                library.verify_str_arg(*arguments)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
    for name in ("a.tar.gz", "a.tgz", "a.b.zip", "a.csv.xz", "a.tbz2", "a.tar", "x.bz2", "a", "a.rar"):
        results = []
        for library in (utils, theirs):
            try:
                results.append(library._detect_file_type(name))
            except RuntimeError as error:
                results.append(str(error))
        assert results[0] == results[1]


# ---------------------------------------------------------------- annotations

BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><annotation>&y;</annotation>"""
OUTSIDE = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>"""


@pytest.mark.parametrize("content", [BOMB, OUTSIDE, "<a><b></a>", "<a>", "", "text", "\0", "<a>&undefined;</a>"])
def test_xml_that_is_refused(tmp_path, content):
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"cannot use .*a\.xml: it is no well-formed XML.*get the file again"):
        read_xml(path)


def test_xml(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text('<!DOCTYPE annotation><a k="1">x<b>  1 &lt; 2 </b>y</a>')
    root = read_xml(path)
    assert root.tag == "a" and root.get("k") == "1" and root.findtext("b") == "  1 < 2 "


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a": NaNN}', b"null"])
def test_json_that_is_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot use .*a\.json"):
        read_json(path)


def test_texts_and_tables(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone 1\r\n\r\ntwo 2\n\n \n")
    assert read_lines(path) == ["one 1", "", "two 2"]
    assert parse_lines(path, lambda line: int(line.split()[1]), "a number") == [1, 2]
    with pytest.raises(ValueError, match=r"cannot use .*a\.txt: expected a name in line 3, got 'two 2'"):
        parse_lines(path, lambda line: {"one 1": 1}[line], "a name")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"a\.txt: it is no text in UTF-8"):
        read_lines(path)
    path.write_bytes(b"a;b\n1; 2\n")
    assert read_table(path, ";") == [{"a": "1", "b": "2"}]
    for rows in (b"a,b\n1\n", b"a,b\n1,2,3\n"):
        path.write_bytes(rows)
        with pytest.raises(ValueError, match=r"a\.txt: row 2 has another number of cells"):
            read_table(path)
    path.write_bytes(b"\n")
    for read, what in ((read_lines, "it is empty"), (read_table, "it has no rows")):
        with pytest.raises(ValueError, match=rf"a\.txt: {what}"):
            read(path)
    assert read_lines(path, may_be_empty=True) == []
    with pytest.raises(FileNotFoundError, match=r"the data set is incomplete.*none"):
        read_lines(tmp_path / "none")


def test_matlab(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(ValueError, match=r"cannot use .*a\.mat"):
        read_mat(path, "x")
    with pytest.raises(FileNotFoundError, match="incomplete"):
        read_mat(tmp_path / "none.mat", "x")


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "..\\a", "C:\\a", "C:a", "\\\\host\\a", "",
                                  "a\0b"])
def test_names_outside_of_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match=r"cannot use list\.txt: it names .*which is no file in"):
        inside(tmp_path, name, "list.txt")


def test_names_inside(tmp_path):
    assert inside(tmp_path, "a/b..c.jpg", "list.txt") == str(tmp_path / "a" / "b..c.jpg")
