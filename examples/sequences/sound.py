"""Something like speech: vowels that glide into each other, made of the overtones of a voice."""
import wave

import numpy as np

RATE = 8000     # samples in a second
FORMANTS = np.array([[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]])
"""Of a, e, i, o, u: the pitches that a mouth makes loud (Peterson and Barney, 1952, means of men)."""


def speech(count, seconds, seed):
    """Sounds (count, samples) from -1 to 1."""
    rng = np.random.default_rng(seed)
    return np.stack([_babble(rng, int(seconds * RATE)) for _ in range(count)]).astype(np.float32)


def _babble(rng, length):
    turns = max(2, length * 3 // RATE + 1)          # three vowels a second
    at = np.linspace(0, turns - 1, length)
    formants = FORMANTS[rng.integers(len(FORMANTS), size=turns)]
    formants = np.stack([np.interp(at, np.arange(turns), each) for each in formants.T])     # (3, length)
    pitch = np.interp(at, np.arange(turns), rng.uniform(90, 150, turns))
    overtones = np.arange(1, RATE // 2 // 150 + 1)[:, None] * pitch                         # (overtones, length), Hz
    loud = sum(1 / (1 + ((overtones - each) / width) ** 2) for each, width in zip(formants, (80, 100, 140)))
    loud = loud / (1 + overtones / 500)
    sound = (loud * np.sin(2 * np.pi * np.cumsum(overtones, 1) / RATE)).sum(0)
    return 0.8 * sound / np.abs(sound).max() + 0.002 * rng.standard_normal(length)


def write(sound, path):
    """A WAV file of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, len(sound), "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
