"""Transforms v2."""
