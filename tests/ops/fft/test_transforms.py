"""Fourier transforms against SciPy and PyTorch, and gradients of all orders; stft, istft and windows."""
from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
import scipy.signal

import minidl
from minidl.ops.fft import short_time, transforms
from tests.checking import Case, S, check_case, torch


def C(*shape, seed=0):
    stream = np.random.default_rng(seed)
    return stream.standard_normal(shape) + 1j * stream.standard_normal(shape)


def there(name):
    return None if torch is None else getattr(torch.fft, name)


NORMS = ["forward", "backward", "ortho"]
REAL = {"rfft", "ihfft", "rfftn", "ihfftn", "rfft2", "ihfft2"}   # what takes real numbers only


def along_one(name):
    make = (lambda *shape: shape) if name in REAL else C
    samples = [S(make(6)), S(make(5)), S(make(2, 6), n=4), S(make(2, 5), n=8), S(make(3, 4, 2), dim=1),
               S(make(2, 5), n=7, dim=0), S(make(4, 1), dim=0, n=5), S((2, 3), n=5),
               *[S(make(2, 5), norm=norm) for norm in NORMS], S(make(3), n=1)]
    wrong = [(S(make(3), norm="x"), RuntimeError, "Invalid normalization mode"),
             (S(make(3), n=0), RuntimeError, "Invalid number of data points (0)"),
             (S(()), IndexError, "has no dimensions"), (S(make(3), dim=1), IndexError, "Dimension out of range"),
             (S(np.ones(3, np.float16)), RuntimeError, "Unsupported dtype float16"),
             (S(3.0), TypeError, "must be Tensor")]
    if name in REAL:
        wrong.append((S(C(3)), RuntimeError, "expects a real input tensor"))

    def oracle(x, **kwargs):
        return getattr(scipy.fft, name)(x, axis=kwargs.pop("dim", -1), **kwargs)
    return Case(getattr(transforms, name), samples, oracle=oracle, torch=there(name), errors=wrong)


def along_several(name):
    make = (lambda *shape: shape) if name in REAL else C
    two = name.endswith("2")
    samples = [S(make(3, 4)), S(make(2, 3, 5)), S(make(3, 4), s=(2, 5)), S(make(2, 3, 4), s=(-1, 5), dim=(2, 0)),
               S(make(2, 3, 4), dim=(1, 0)),
               *[S(make(2, 3), norm=norm) for norm in NORMS],
               S((3, 3)),
               S(make(2, 3), s=(3, 1))]
    if not two:
        samples += [S(make(2, 3, 4), s=(5,)), S(make(2, 3, 4), dim=1), S(make(2, 2, 2, 3), dim=(0, 1, 3))]
    wrong = [(S(make(3, 3), dim=(0, 0)), RuntimeError, "FFT dims must be unique"),
             (S(make(3, 3), s=(2, 2), dim=(0,)), RuntimeError, "must have the same length"),
             (S(make(3, 3), norm=""), RuntimeError, "Invalid normalization mode")]
    if not two:
        wrong.append((S(make(3), s=(2, 2)), RuntimeError, "Got shape with 2 values but input tensor only has 1"))

    def oracle(x, s=None, dim=None, **kwargs):
        dim = (-2, -1) if dim is None and two else dim
        if s is not None:
            dim = tuple(range(-len(s), 0)) if dim is None else dim
            s = tuple(x.shape[d] if n == -1 else n for n, d in zip(s, dim))
        return getattr(scipy.fft, name[:-1] + "n")(x, s, dim, **kwargs)
    return Case(getattr(transforms, name), samples, oracle=oracle, torch=there(name), errors=wrong)


def spectrogram(x, w, n_fft, **kwargs):
    return short_time.stft(x, n_fft, window=w, **{"return_complex": True, **kwargs})


def spectrogram_there(x, w, n_fft, **kwargs):
    return torch.stft(x, n_fft, window=w, **{"return_complex": True, **kwargs})


def signal(y, w, n_fft, **kwargs):
    return short_time.istft(y, n_fft, window=w, **kwargs)


def signal_there(y, w, n_fft, **kwargs):
    return torch.istft(y, n_fft, window=w, **kwargs)


HANN, HANN5 = np.hanning(9)[:-1], 0.1 + np.hanning(5)
CASES = [
    *[along_one(name) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")],
    *[along_several(name) for name in ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn", "fft2", "ifft2", "rfft2",
                                       "irfft2", "hfft2", "ihfft2")],
    Case(transforms.fftn, [S(()), S(C(2, 2), dim=()), S(C(2, 2), s=())], lambda x, **kwargs: x + 0j, there("fftn"),
         name="fftn of nothing"),
    Case(transforms.rfftn, [], np.fft.rfftn, errors=[(S(()), RuntimeError, "must transform at least one axis")],
         name="rfftn of nothing"),
    Case(transforms.irfftn, [], np.fft.irfftn, errors=[(S(()), RuntimeError, "must transform at least one axis")],
         name="irfftn of nothing"),
    *[Case(getattr(transforms, name), [S((5,)), S((4, 5)), S((4, 5), dim=1), S(C(2, 3), dim=(0, 1)), S(np.arange(6))],
           lambda x, dim=None, name=name: getattr(np.fft, name)(x, dim),
           there(name)) for name in ("fftshift", "ifftshift")],
    Case(spectrogram, [S((20,), HANN, 8), S((2, 20), HANN, 8, hop_length=3), S((20,), HANN5, 8, win_length=5),
                       S((20,), HANN, 8, center=False), S((20,), HANN, 8, normalized=True, onesided=False),
                       S((20,), HANN5, 7, win_length=5, center=False, align_to_window=True), S(C(20), HANN, 8),
                       S((20,), None, 6), S((20,), HANN, 8, pad_mode="constant"), S((20,), HANN + 0.5j, 8),
                       S((2, 20), HANN, 8, return_complex=False)],
         torch=None if torch is None else spectrogram_there, name="stft",
         errors=[(S((20,), HANN, 8, return_complex=None), RuntimeError, "requires the return_complex parameter"),
                 (S((1, 1, 20), HANN, 8), RuntimeError, "expected a 1D or 2D tensor"),
                 (S((20,), HANN, 8, hop_length=0), RuntimeError, "expected hop_length > 0"),
                 (S((20,), HANN, 8, win_length=9), RuntimeError, "expected 0 < win_length <= n_fft"),
                 (S((20,), HANN5, 8), RuntimeError, "window tensor of size equal to win_length=8"),
                 (S(C(20), HANN, 8, onesided=True), RuntimeError, "Cannot have onesided output"),
                 (S((6,), HANN, 8, center=False), RuntimeError, "expected 0 < n_fft <= 6"),
                 (S((20,), HANN, 8, align_to_window=True), RuntimeError, "only be set when center"),
                 (S(np.arange(20), HANN, 8), RuntimeError, "floating point or complex")]),
    Case(signal, [S(C(5, 9), HANN, 8), S(C(2, 5, 7), HANN, 8, hop_length=3), S(C(5, 9), HANN5, 8, win_length=5),
                  S(C(5, 9), HANN, 8, length=11), S(C(8, 9), HANN, 8, normalized=True, onesided=False),
                  S(C(8, 9), HANN, 8, onesided=False, return_complex=True), S(C(4, 9), None, 7),
                  S(C(5, 9), HANN + 0.1, 8, center=False)],
         torch=None if torch is None else signal_there, name="istft",
         errors=[(S((5, 9), HANN, 8), RuntimeError, "requires a complex-valued input tensor"),
                 (S(C(6, 9), HANN, 8), RuntimeError, "n_fft / 2 + 1 to match n_fft=8 and onesided=True, but got 6"),
                 (S(C(5, 9), HANN * 0, 8), RuntimeError, "window overlap add min"),
                 (S(C(5, 9), HANN, 8, return_complex=True), RuntimeError, "Cannot have onesided output"),
                 (S(C(5), HANN, 8), RuntimeError, "expected a tensor (K, M) or (N, K, M)")]),
]
CASES = [case for case in CASES if case.oracle is not None or case.torch is not None]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


# ---------------------------------------------------------------------- by hand

def test_a_transform_of_four_numbers():
    """e^(-2 pi i / 4) = -i: the rows of F are powers of it."""
    x = minidl.tensor([1.0, 2.0, 3.0, 4.0], dtype=minidl.float64, requires_grad=True)
    y = minidl.fft.fft(x)
    F = np.array([[1, 1, 1, 1], [1, -1j, -1, 1j], [1, -1, 1, -1], [1, 1j, -1, -1j]])
    np.testing.assert_allclose(y.detach().numpy(), F @ [1, 2, 3, 4], atol=1e-12)
    y.backward(minidl.tensor([0, 1, 0, 0], dtype=minidl.complex128))      # of L = Re(y_1) = x_0 - x_2
    np.testing.assert_allclose(x.grad.numpy(), [1, 0, -1, 0], atol=1e-12)


def test_parseval():
    """|F x|^2 = n |x|^2, so the gradient of the left is 2 n x."""
    x = minidl.randn(12, dtype=minidl.cdouble, requires_grad=True)
    minidl.fft.fft(x).abs().square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 24 * x.detach().numpy(), atol=1e-9)


def test_convolution_is_a_product_of_spectra():
    a, b = minidl.randn(9), minidl.randn(5)
    y = minidl.fft.irfft(minidl.fft.rfft(a, 13) * minidl.fft.rfft(b, 13), 13)
    np.testing.assert_allclose(y.numpy(), np.convolve(a.numpy(), b.numpy()), atol=1e-5)


def test_single_precision_stays_single():
    for name in ("fft", "rfft", "irfft", "hfft", "ihfft", "fft2", "irfft2"):
        assert getattr(minidl.fft, name)(minidl.ones(4, 4)).real.dtype == minidl.float32
    assert minidl.fft.fft(minidl.arange(4)).dtype == minidl.complex64
    assert minidl.fft.rfft(minidl.arange(4) > 1).tolist() == [2, -1 + 1j, 0]


def test_no_signals():
    x = minidl.zeros(0, 4, requires_grad=True)
    y = minidl.fft.irfft(minidl.fft.fft(minidl.fft.rfft(x)))
    y.sum().backward()
    assert y.shape == x.grad.shape == (0, 4)


def test_what_the_transform_is_linear_in_stays_linear():
    """A spectral layer, as in Fourier neural operators: gradients with respect to signal and complex weight."""
    x = minidl.randn(2, 3, 8, dtype=minidl.float64, requires_grad=True)
    w = minidl.randn(3, 4, 3, dtype=minidl.cdouble, requires_grad=True)

    def layer(x, w):
        modes = minidl.einsum("bik,iok->bok", minidl.fft.rfft(x)[..., :3], w)
        return minidl.fft.irfft(minidl.nn.functional.pad(modes, (0, 2)), n=8)
    assert minidl.autograd.gradcheck(layer, (x, w), fast_mode=True)
    assert minidl.autograd.gradgradcheck(layer, (x, w), fast_mode=True)


# ---------------------------------------------------------------------- frequencies

@pytest.mark.parametrize("n", [0, 1, 4, 5])
def test_frequencies(n):
    if n:
        np.testing.assert_allclose(minidl.fft.fftfreq(n, 0.5, dtype=minidl.float64).numpy(), np.fft.fftfreq(n, 0.5))
        np.testing.assert_allclose(minidl.fft.rfftfreq(n, 0.5, dtype=minidl.float64).numpy(), np.fft.rfftfreq(n, 0.5))
    assert minidl.fft.fftfreq(n).dtype == minidl.float32 and minidl.fft.fftfreq(n).shape == (n,)
    assert minidl.fft.fftfreq(n, device="strict").device.type == "strict"
    assert minidl.fft.rfftfreq(n + 1, requires_grad=True).requires_grad


# ---------------------------------------------------------------------- windows

@pytest.mark.parametrize("function, there", [
    (minidl.hann_window, "hann"), (minidl.hamming_window, "hamming"), (minidl.blackman_window, "blackman"),
    (minidl.bartlett_window, "bartlett"), (minidl.kaiser_window, ("kaiser", 12.0))])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 8])
def test_windows_against_scipy(function, there, periodic, n):
    expected = scipy.signal.get_window(there, n, fftbins=periodic) if n else np.empty(0)
    np.testing.assert_allclose(function(n, periodic, dtype=minidl.float64).numpy(), expected, atol=1e-12)
    assert function(n, periodic).dtype == minidl.float32
    assert function(n, device="strict", requires_grad=True).device.type == "strict"
    if torch is not None:
        theirs = getattr(torch, function.__name__)(n, periodic, dtype=torch.float64)
        np.testing.assert_allclose(function(n, periodic, dtype=minidl.float64).numpy(), theirs.numpy(), atol=1e-12)


def test_windows_with_parameters():
    np.testing.assert_allclose(minidl.hamming_window(5, False, 0.6, 0.4).numpy()[2], 1.0)
    np.testing.assert_allclose(minidl.kaiser_window(5, False, beta=0.0).numpy(), np.ones(5))
    with pytest.raises(RuntimeError, match="non-negative window_length"):
        minidl.hann_window(-1)
    with pytest.raises(RuntimeError, match="expects floating point dtypes"):
        minidl.bartlett_window(3, dtype=minidl.int64)


# ---------------------------------------------------------------------- there and back

@pytest.mark.parametrize("kwargs", [{}, {"hop_length": 5}, {"normalized": True}, {"win_length": 12, "hop_length": 3}])
def test_istft_undoes_stft(kwargs):
    x = minidl.randn(2, 60, dtype=minidl.float64)
    window = minidl.hann_window(kwargs.get("win_length", 16), dtype=minidl.float64)
    y = minidl.stft(x, 16, window=window, return_complex=True, **kwargs)
    np.testing.assert_allclose(minidl.istft(y, 16, window=window, length=60, **kwargs).numpy(), x.numpy(), atol=1e-12)


def test_istft_pads_with_a_warning():
    y = minidl.stft(minidl.ones(16), 8, window=minidl.ones(8), return_complex=True)
    with pytest.warns(UserWarning, match="shorter than the length parameter"):
        assert minidl.istft(y, 8, window=minidl.ones(8), length=40).shape == (40,)


def test_a_tone_has_one_frequency():
    t = minidl.arange(256.0)
    y = minidl.stft(minidl.cos(2 * math.pi * t / 8), 32, window=minidl.hann_window(32), return_complex=True)
    assert y.abs()[:, 8].argmax().item() == 32 / 8


def test_a_window_of_bools_cuts_out():
    x, window = minidl.arange(8.0), minidl.tensor([True, True, False, True])
    y = short_time.istft(short_time.stft(x, 4, window=window, return_complex=True), 4, window=window)
    np.testing.assert_allclose(y.numpy(), np.arange(8.0), atol=1e-5)
