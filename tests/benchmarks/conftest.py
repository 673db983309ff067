"""Fixtures of the room: the small market of the recommender."""

from small_recommender import events, frame, items, p  # noqa: F401
