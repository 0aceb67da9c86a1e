"""Hypothesis looks for new examples on every run, except where a run must be repeatable."""
import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
