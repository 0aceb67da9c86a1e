"""Fourier transforms of whole signals, and of one window after the other."""
from minidl.ops.fft.transforms import (
    FFT, IRFFT, RFFT, fft, fft2, fftfreq, fftn, fftshift, hfft, hfft2, hfftn, ifft, ifft2, ifftn, ifftshift, ihfft,
    ihfft2, ihfftn, irfft, irfft2, irfftn, rfft, rfft2, rfftfreq, rfftn,
)
from minidl.ops.fft.short_time import istft, stft
from minidl.ops.fft.windows import bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window
