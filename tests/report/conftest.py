"""Fixtures of the room: a small evaluation, and the small market of the recommender."""

from small_evaluation import knobs, tiers, world  # noqa: F401
from small_recommender import events, frame, items, p  # noqa: F401
