"""Fixtures of the tests of value."""

from buyers import cdnow, market  # noqa: F401
