"""Threads of a BLAS library that is not OpenBLAS: threadpoolctl finds it."""
from __future__ import annotations

import pytest

from minidl.backend import blas


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenBLAS, as if it had no functions of its own."""
    monkeypatch.setattr(blas, "_function", lambda *_: None)
    monkeypatch.setattr(blas, "_managed", blas.ManagedLibraries())


@pytest.mark.usefixtures("unknown")
def test_threadpoolctl_finds_it() -> None:
    control = pytest.importorskip("threadpoolctl")
    with control.threadpool_limits(2):      # puts the numbers back
        assert blas.manage(blas.NUMPY_MODULE) and set(blas.get_blas_threads()) == {2}
        with blas.one_blas_thread():
            with blas.one_blas_thread():
                assert set(blas.get_blas_threads()) == {1}
            assert set(blas.get_blas_threads()) == {1}
        assert set(blas.get_blas_threads()) == {2}


@pytest.mark.usefixtures("unknown")
def test_without_threadpoolctl_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas.importlib.util, "find_spec", lambda name: None)
    assert not blas.manage(blas.NUMPY_MODULE) and blas.get_blas_threads() == []
