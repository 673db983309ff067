"""The markets with seasons have the rates and the seasons that are said of them."""

import numpy as np
import pytest

from benchmarks import seasons


def a_day(kind: str, first: int, end: int) -> float:
    """Orders on one of the days `first` to `end` of a year."""
    history = seasons.drawn(seasons.SEASONS[kind], seed=2)
    day = (history.days - seasons.BEGINS) % 365
    return np.mean((day >= first) & (day < end)) * len(day) / (end - first) / seasons.YEARS


def test_members_come_at_their_rates_and_more_often_in_the_season():
    assert a_day("none", 0, 365) == pytest.approx(seasons.MEMBERS / seasons.GAP, rel=0.15)
    assert a_day("none", 330, 365) / a_day("none", 0, 330) == pytest.approx(1, rel=0.15)
    assert a_day("last weeks", 330, 365) / a_day("last weeks", 0, 330) == pytest.approx(3.75, rel=0.15)
    assert a_day("a wave", 71, 111) / a_day("a wave", 254, 294) == pytest.approx(np.exp(1.2), rel=0.2)
