"""Fixtures of the tests of lifetimes."""

from buyers import cdnow, market  # noqa: F401
