"""The numbers of dtypes that NumPy has not, beside ml_dtypes and by hand."""
import numpy as np
import pytest

from minidl.backend.narrow import FLOAT8, ITEMSIZE, widened


def test_worked_numbers():
    """By hand: sign, exponent, fraction. 0 1111 110 of e4m3fn is 1.75 * 2**8; 0 00000 01 of e5m2 is 2**-16."""
    assert widened(np.array([0x7E, 0x01, 0x80], np.uint8), "float8_e4m3fn").tolist() == [448, 2 ** -9, 0]
    assert widened(np.array([0x01, 0x7B, 0x7C, 0xFC], np.uint8), "float8_e5m2").tolist() == [
        2 ** -16, 57344, np.inf, -np.inf]
    assert widened(np.array([0xC0, 0x3F, 0x80, 0xFF], np.uint8), "bfloat16").tolist() == [1.5, -np.inf]
    assert np.isnan(widened(np.array([0x80], np.uint8), "float8_e4m3fnuz")).all()


@pytest.mark.parametrize("name", ITEMSIZE)
def test_every_number_is_that_of_ml_dtypes(name):
    theirs = pytest.importorskip("ml_dtypes")
    codes = np.arange(256, dtype=np.uint8) if name in FLOAT8 else np.arange(65536, dtype=np.uint16)
    expected = codes.view(getattr(theirs, name)).astype(np.float32)
    np.testing.assert_array_equal(widened(codes.view(np.uint8), name), expected)
