"""Hypothesis looks for new examples on every run, except where a run must be repeatable. No test is about time."""
import os

from hypothesis import settings

settings.register_profile("exploring", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "exploring")
