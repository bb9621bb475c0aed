"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("farmhand", deadline=None, print_blob=True)  # a busy machine is no bug in what is tested
settings.load_profile("farmhand")
