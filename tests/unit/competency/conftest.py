"""Property tests here are the gate of every change: same examples each time, no clock."""

from hypothesis import settings

settings.register_profile("core", deadline=None, derandomize=True)
settings.load_profile("core")
