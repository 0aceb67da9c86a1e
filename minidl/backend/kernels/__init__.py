"""Kernels: operations that array libraries lack, or compute slowly.

The generic bodies, in plain `xp`, are the specifications.
"""
