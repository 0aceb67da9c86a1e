"""Kernels: what array libraries lack, or do slowly. The generic bodies, in plain `xp`, are the specifications."""
