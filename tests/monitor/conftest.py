"""Fixtures of the room: a small evaluation, made by hand."""

from small_evaluation import knobs, tiers, world  # noqa: F401
