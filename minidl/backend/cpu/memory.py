"""Keep freed memory at hand.

The C library gives large blocks back to the operating system as soon as they are freed, and a training step frees
nearly all that it has allocated. Then the next step gets the same memory page by page, each zeroed by the kernel first:
for LeNet this took a third of the time. So the GNU C library is told to keep up to `KEPT` bytes. Blocks above its own
limit of 32 MiB still come from the system, as they should. Where the user has set the C library's own variables, or the
library is another one, nothing happens.

Source: mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
"""
from __future__ import annotations

import ctypes
import os
import platform

KEPT = 1 << 30
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3   # mallopt's names for how much to keep, and what counts as large


def keep_freed_memory() -> bool:
    """Ask the C library to do so; whether it was possible."""
    told = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if told or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_MMAP_THRESHOLD, 32 << 20) and libc.mallopt(_TRIM_THRESHOLD, KEPT))


KEEPS = keep_freed_memory()
