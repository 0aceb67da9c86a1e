"""Saving to the disk: into which format, through links, where it cannot be, and what a killed process leaves behind."""
from __future__ import annotations

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl.serialization import LoadError, writing

ROOT = Path(minidl.__file__).parents[1]
posix = pytest.mark.skipif(os.name != "posix", reason="locks and modes as POSIX has them")
not_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
STATE = {"w": minidl.arange(4.0)}


class PathLike:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


class TestFormat:
    @pytest.mark.parametrize("name, begins", [
        ("w.pt", b"PK"),
        ("w.pth", b"PK"),
        ("w.PTH", b"PK"),
        ("w.npz", b"PK"),
        ("w.mdl", b"\x89minidl"),
        ("w", b"\x89minidl"),
        ("pt", b"\x89minidl"),
        (".pt", b"\x89minidl"),
        ("w.pt.tmp", b"\x89minidl"),
        ("w.v2.pt", b"PK"),
        ("w.safetensors", None),
    ])
    @pytest.mark.parametrize("as_path", [str, Path, PathLike])
    def test_the_name_chooses(self, name: str, begins: bytes | None, as_path: Any, tmp_path: Path) -> None:
        minidl.save(STATE, as_path(tmp_path / name))
        data = (tmp_path / name).read_bytes()
        assert data[8:9] == b"{" if begins is None else data.startswith(begins)
        assert minidl.load(as_path(tmp_path / name))["w"].tolist() == [0, 1, 2, 3]
        if name == "w.npz":
            assert zipfile.ZipFile(tmp_path / name).namelist() == ["w.npy"]

    def test_the_argument_wins(self, tmp_path: Path) -> None:
        minidl.save(STATE, tmp_path / "w.pt", format="minidl")
        assert (tmp_path / "w.pt").read_bytes().startswith(b"\x89minidl")
        minidl.save(STATE, tmp_path / "w.mdl", format="pt")
        assert (tmp_path / "w.mdl").read_bytes().startswith(b"PK")

    def test_streams_have_names_too(self, tmp_path: Path) -> None:
        with open(tmp_path / "w.pt", "wb") as stream:
            minidl.save(STATE, stream)
        assert (tmp_path / "w.pt").read_bytes().startswith(b"PK")
        unnamed = io.BytesIO()
        minidl.save(STATE, unnamed)
        assert unnamed.getvalue().startswith(b"\x89minidl")

    def test_what_the_chosen_format_cannot_hold(self, tmp_path: Path) -> None:
        backwards = minidl.from_numpy(STATE["w"].numpy()[::-1])
        for name, value in [("w.pt", {"a": STATE["w"].numpy()}), ("w.pt", backwards), ("w.npz", {"a": 1}),
                            ("w.safetensors", {"a": {"b": STATE["w"]}})]:
            with pytest.raises(TypeError, match="minidl's own format.*format='minidl'"):
                minidl.save(value, tmp_path / name)
            assert os.listdir(tmp_path) == []
            minidl.save(value, tmp_path / "other", format="minidl")
            os.unlink(tmp_path / "other")

    def test_pytorch_reads_what_a_name_chose(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        minidl.save({**STATE, "random numbers": minidl.get_rng_state()}, tmp_path / "w.pth")
        loaded = torch.load(tmp_path / "w.pth")
        assert loaded["w"].tolist() == [0, 1, 2, 3] and loaded["random numbers"].dtype == torch.uint8


class TestWhereItCannotBe:
    def test_missing_folders_are_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(FileNotFoundError, match=r"there is no folder 'runs/one': .* has no 'runs'; make it first: "
                                                    r"os.makedirs\('runs/one', exist_ok=True\)") as caught:
            minidl.save(STATE, Path("runs/one/w.mdl"))
        assert caught.value.errno == errno.ENOENT and Path(caught.value.filename) == Path("runs/one/w.mdl")
        os.makedirs("runs")
        for format in ("minidl", "pt", "npz", "safetensors"):
            with pytest.raises(FileNotFoundError, match=f"{tmp_path.name}/runs' has no 'one'"):
                minidl.save(STATE, tmp_path / "runs" / "one" / "w.mdl", format=format)
        with pytest.raises(FileNotFoundError, match=r"Python does not know '~': os.path.expanduser\('~/w.mdl'\)"):
            minidl.save(STATE, "~/w.mdl")
        assert os.listdir(tmp_path) == ["runs"] and os.listdir("runs") == []

    def test_a_file_in_place_of_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"")
        with pytest.raises(NotADirectoryError, match="a' is not a folder"):
            minidl.save(STATE, tmp_path / "a" / "b" / "w.mdl")

    def test_a_folder_in_place_of_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError, match="expected the name of a file, but this is a folder"):
            minidl.save(STATE, tmp_path)

    @posix
    @not_root
    def test_without_leave(self, tmp_path: Path) -> None:
        minidl.save(STATE, tmp_path / "w.mdl")
        os.chmod(tmp_path / "w.mdl", 0o444)
        with pytest.raises(PermissionError, match="the file is there, and it may not be written to"):
            minidl.save(1, tmp_path / "w.mdl")
        os.chmod(tmp_path, 0o555)
        try:
            with pytest.raises(PermissionError, match="no file can be made in .* save elsewhere, or into a stream"):
                minidl.save(STATE, tmp_path / "new.mdl")
        finally:
            os.chmod(tmp_path, 0o755)
        assert os.listdir(tmp_path) == ["w.mdl"] and minidl.load(tmp_path / "w.mdl")["w"].shape == (4,)

    def test_a_folder_in_which_nothing_can_be_made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: str, mode: str) -> Any:
            raise OSError(errno.EROFS, "Read-only file system", path)
        monkeypatch.setattr("builtins.open", refuse)
        with pytest.raises(OSError, match="save: no file can be made in .*Read-only file system") as caught:
            minidl.save(STATE, tmp_path / "w.mdl")
        assert caught.value.errno == errno.EROFS

    def test_what_is_no_path(self) -> None:
        for f in (3, b"w.mdl", None):
            with pytest.raises(TypeError, match="save: expected a path or a binary stream, but got"):
                minidl.save(STATE, f)
        with pytest.raises(TypeError, match="this one takes text; open it with mode 'wb'"):
            minidl.save(STATE, io.StringIO())

    @posix
    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
    def test_a_full_device(self) -> None:
        with pytest.raises(OSError) as caught:
            minidl.save({"w": minidl.zeros(100_000)}, "/dev/full")
        assert caught.value.errno == errno.ENOSPC

    @posix
    @pytest.mark.parametrize("format", ["minidl", "pt", "npz", "safetensors"])
    def test_a_full_disk(self, format: str, tmp_path: Path) -> None:
        """No file may be longer than 10 kB: the system itself refuses in the middle of the numbers."""
        minidl.save({"w": minidl.ones(10)}, tmp_path / "w", format=format)
        result = run(f"""
            import resource, signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
            try:
                minidl.save({{"w": minidl.zeros(100_000)}}, "w", format={format!r})
            except OSError as error:
                print(error.strerror)
        """, tmp_path)
        assert result.stdout.strip() == "File too large", result
        assert os.listdir(tmp_path) == ["w"] and minidl.load(tmp_path / "w")["w"].tolist() == [1] * 10

    def test_streams_that_take_a_part_only(self, tmp_path: Path) -> None:
        class Narrow(io.FileIO):
            def write(self, data: Any) -> int:
                return super().write(bytes(data)[:1000])
        for format in ("minidl", "pt", "npz", "safetensors"):
            with Narrow(tmp_path / "w", "w") as stream:
                minidl.save({"w": minidl.arange(5000)}, stream, format=format)
            assert minidl.load(tmp_path / "w")["w"].tolist() == list(range(5000))

    @posix
    def test_streams_that_cannot_be_rewound(self) -> None:
        for format in ("minidl", "pt", "npz", "safetensors"):
            end, start = os.pipe()
            with open(start, "wb") as stream:
                minidl.save(STATE, stream, format=format)
            with open(end, "rb") as stream:
                assert minidl.load(stream)["w"].tolist() == [0, 1, 2, 3]


@posix
class TestLinks:
    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        os.symlink("there/w.mdl", tmp_path / "latest")      # leads to nothing as yet
        os.symlink("latest", tmp_path / "again")
        for i in range(2):
            minidl.save(i, tmp_path / "again")
            assert os.readlink(tmp_path / "latest") == "there/w.mdl" and minidl.load(tmp_path / "there" / "w.mdl") == i
        assert os.listdir(tmp_path / "there") == ["w.mdl"] and sorted(os.listdir(tmp_path)) == [
            "again", "latest", "there"]

    def test_a_link_into_a_missing_folder(self, tmp_path: Path) -> None:
        os.symlink("nowhere/w.mdl", tmp_path / "latest")
        with pytest.raises(FileNotFoundError, match="has no 'nowhere'"):
            minidl.save(1, tmp_path / "latest")

    def test_the_mode_of_the_old_file(self, tmp_path: Path) -> None:
        minidl.save(1, tmp_path / "w.pt")
        os.chmod(tmp_path / "w.pt", 0o640)
        minidl.save(2, tmp_path / "w.pt")
        assert stat.S_IMODE((tmp_path / "w.pt").stat().st_mode) == 0o640


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PREAMBLE + textwrap.dedent(program)], cwd=folder, env=ENVIRONMENT,
                          capture_output=True, text=True)


PREAMBLE = "import minidl, os, sys, time\n"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
IN_THE_MIDDLE = """
    fsync = os.fsync
    def stop(handle):
        print("written", flush=True)
        time.sleep(1000)
    os.fsync = stop
    minidl.save({"w": minidl.zeros(1000)}, "w.mdl")
"""


def in_the_middle(folder: Path) -> subprocess.Popen[str]:
    """A process that stands in the middle of a save, with all written to a file that has not taken its place yet."""
    process = subprocess.Popen([sys.executable, "-c", PREAMBLE + textwrap.dedent(IN_THE_MIDDLE)], cwd=folder,
                               env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "written\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()  # type: ignore[union-attr]


@posix
class TestKilled:
    def test_what_a_killed_save_left_is_removed_by_the_next(self, tmp_path: Path) -> None:
        minidl.save(1, tmp_path / "w.mdl")
        for _ in range(2):
            kill(in_the_middle(tmp_path))
        left = os.listdir(tmp_path)
        assert len(left) > 1 and minidl.load(tmp_path / "w.mdl") == 1       # the old one is whole
        minidl.save(2, tmp_path / "other.mdl")
        assert set(left) < set(os.listdir(tmp_path))                        # another name is another's business
        minidl.save(2, tmp_path / "w.mdl")
        assert sorted(os.listdir(tmp_path)) == ["other.mdl", "w.mdl"] and minidl.load(tmp_path / "w.mdl") == 2

    def test_a_save_that_goes_on_is_left_alone(self, tmp_path: Path) -> None:
        process = in_the_middle(tmp_path)
        try:
            left, = os.listdir(tmp_path)
            minidl.save(2, tmp_path / "w.mdl")
            assert sorted(os.listdir(tmp_path)) == sorted([left, "w.mdl"])
        finally:
            kill(process)
        minidl.save(3, tmp_path / "w.mdl")
        assert os.listdir(tmp_path) == ["w.mdl"]

    @pytest.mark.parametrize("format", ["minidl", "pt"])
    def test_at_any_moment(self, format: str, tmp_path: Path) -> None:
        """Killed while it saves without end: what is there is whole, and one save tidies up."""
        minidl.save({"w": minidl.zeros(20_000)}, tmp_path / "w", format=format)
        for delay in (0.0, 0.007):
            process = subprocess.Popen([sys.executable, "-c", PREAMBLE + textwrap.dedent(f"""
                print("begins", flush=True)
                while True:
                    minidl.save({{"w": minidl.zeros(20_000)}}, "w", format={format!r})
            """)], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None and process.stdout.readline() == "begins\n"
            time.sleep(delay)
            kill(process)
            assert minidl.load(tmp_path / "w")["w"].shape == (20_000,)
        minidl.save({"w": minidl.ones(3)}, tmp_path / "w", format=format)
        assert os.listdir(tmp_path) == ["w"]

    def test_many_at_once(self, tmp_path: Path) -> None:
        """Processes and threads that save to one name: none takes the file of another for a leftover."""
        program = """
            for i in range(30):
                minidl.save({"w": minidl.full((500,), float(i))}, "w.mdl")
        """
        processes = [subprocess.Popen([sys.executable, "-c", PREAMBLE + textwrap.dedent(program)], cwd=tmp_path,
                                      env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        errors: list[BaseException] = []

        def save() -> None:
            try:
                for i in range(30):
                    minidl.save({"w": minidl.full((500,), float(i))}, tmp_path / "w.mdl")
            except BaseException as error:
                errors.append(error)
        threads = [threading.Thread(target=save) for _ in range(2)]
        for thread in threads:
            thread.start()
        seen = 0
        while any(p.poll() is None for p in processes) or any(t.is_alive() for t in threads):
            if (tmp_path / "w.mdl").exists():
                assert len(set(minidl.load(tmp_path / "w.mdl")["w"].tolist())) == 1
                seen += 1
        for thread in threads:
            thread.join()
        assert [p.communicate()[1] for p in processes] == ["", ""] and not errors and seen
        assert os.listdir(tmp_path) == ["w.mdl"]

    def test_a_file_taken_away_before_it_was_locked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The moment between making a file and locking it: another save may remove it, and a new one is made."""
        assert writing.fcntl is not None
        flock, taken = writing.fcntl.flock, []

        def take_the_first(handle: Any, flags: int) -> None:
            if not taken:
                taken.extend(tmp_path.iterdir())
                writing._remove_leftovers(os.path.join(str(tmp_path), ".minidl-"))
            flock(handle, flags)
        monkeypatch.setattr(writing.fcntl, "flock", take_the_first)
        minidl.save(5, tmp_path / "w.mdl")
        assert len(taken) == 1 and not taken[0].exists()
        assert os.listdir(tmp_path) == ["w.mdl"] and minidl.load(tmp_path / "w.mdl") == 5

    def test_where_there_are_no_locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then nobody knows whether a file is a leftover, and it stays."""
        kill(in_the_middle(tmp_path))

        def refuse(handle: Any, flags: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")
        monkeypatch.setattr("fcntl.flock", refuse)
        minidl.save(5, tmp_path / "w.mdl")
        assert len(os.listdir(tmp_path)) == 2 and minidl.load(tmp_path / "w.mdl") == 5

    def test_as_on_windows(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Which has no such locks, but removes no open file: what is old and closed is a leftover."""
        kill(in_the_middle(tmp_path))
        left, = os.listdir(tmp_path)
        monkeypatch.setattr(writing, "fcntl", None)
        minidl.save(5, tmp_path / "w.mdl")
        assert left in os.listdir(tmp_path)
        os.utime(tmp_path / left, (time.time() - 100, time.time() - 100))
        minidl.save(6, tmp_path / "w.mdl")
        assert os.listdir(tmp_path) == ["w.mdl"] and minidl.load(tmp_path / "w.mdl") == 6


def test_a_short_file_is_no_half_one(tmp_path: Path) -> None:
    """What a process leaves that is killed while it writes to a stream of its own: an error, never half a state."""
    stream = io.BytesIO()
    minidl.save({"w": minidl.zeros(1000)}, stream)
    (tmp_path / "w.mdl").write_bytes(stream.getvalue()[:2000])
    with pytest.raises(LoadError, match="cut off"):
        minidl.load(tmp_path / "w.mdl")
