"""Windows and day counts suggested for data of any length and rhythm are allowed, and leave what models need."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base.errors import DataError
from membership.data.suggest import LEAST_DAYS, known_again, shorter_lists, suggest
from membership.settings import params
from membership.settings.decide import Guardrail
from membership.value import origins

FIRST = date(2020, 1, 1)
RAW = params.read()


def suggested(days, gap):
    return suggest(FIRST, FIRST + timedelta(days=days - 1), gap)


def parsed(found):
    values = {key: value.isoformat() if isinstance(value, date) else value for key, value in found.changes.items()}
    return params.parse(RAW, values)


def test_a_year_of_weekly_shopping_gets_a_month_to_judge_and_two_weeks_to_come_back():
    found = suggested(365, 6.0)
    assert found.changes == {
        "windows.start": date(2020, 1, 1),
        "windows.calibration_end": date(2020, 11, 1),
        "windows.validation_end": date(2020, 12, 1),
        "windows.holdout_end": date(2020, 12, 31),
        "economics.repurchase_days": 14,
        "value.horizon_days": 90,
        "lifecycle.lapsed_days": 90,
        "train.origin_step_days": 30,
    }
    assert not found.not_possible


@pytest.mark.parametrize(
    ("days", "gap", "repurchase"),
    [
        (30, 1, 3),
        (30, 7, 5),
        (365, 1, 7),
        (365, 30, 30),
        (365, 300, 60),
        (3653, 1, 7),
        (3653, 30, 60),
        (3653, 300, 365),
        (3653, 379, 365),  # about once a year: every window has each season once
        (3653, 335, 365),
        (3653, 420, 730),  # longer than a year: two, so that the seasons fit
    ],
)
def test_repurchase_days_follow_the_rhythm_as_far_as_history_allows(days, gap, repurchase):
    assert suggested(days, gap).changes["economics.repurchase_days"] == repurchase


def test_members_who_come_about_once_a_year_lack_nothing_where_windows_are_years():
    assert not suggested(3653, 379).not_possible


@pytest.mark.parametrize(("days", "gap"), [(30, 7), (365, 300), (365, None), (3, 1.0), (1, None)])
def test_what_history_is_too_short_for_is_said(days, gap):
    assert len(suggested(days, gap).not_possible) == 1


@settings(max_examples=50, deadline=None)
@given(days=st.integers(LEAST_DAYS, 4000), gap=st.none() | st.floats(0.5, 400))
def test_value_and_repurchase_find_their_origins_in_what_is_suggested(days, gap):
    p = parsed(suggested(days, gap))
    cutoffs = origins.cutoffs(p.windows, p.value)
    known = (p.windows.as_of - p.windows.start).days
    assert len(cutoffs) >= 3 and cutoffs[0] > p.windows.start
    assert known // p.economics.repurchase_days - 3 >= 1  # an origin at which repurchase is judged
    assert p.windows.start == FIRST and p.windows.holdout_end == FIRST + timedelta(days=days)


@settings(max_examples=30, deadline=None)
@given(days=st.integers(100, 4000), gap=st.floats(0.5, 400))
def test_the_band_of_value_is_judged_where_seven_windows_fit(days, gap):
    p = parsed(suggested(days, gap))
    if p.windows.holdout.days * 7 <= days:
        windows = -(-p.value.horizon_days // p.windows.validation.days)
        assert 2 * windows + 3 <= (p.windows.as_of - p.windows.start).days // p.windows.validation.days


@pytest.mark.parametrize("days", [1, 2, 3, 4])
def test_a_few_days_give_windows_in_order_that_end_with_the_data(days):
    found = suggested(days, None)
    p = parsed(found)
    assert p.windows.holdout_end == FIRST + timedelta(days=days)
    assert found.not_possible


@pytest.mark.parametrize("gap", [0, -1, float("nan"), float("inf")])
def test_a_gap_that_is_none_is_refused(gap):
    with pytest.raises(DataError, match="usual gap"):
        suggested(365, gap)


def test_a_last_day_before_the_first_is_refused():
    with pytest.raises(DataError, match="before the first"):
        suggest(FIRST, FIRST - timedelta(days=1), 3)


@pytest.mark.parametrize(("items", "length"), [(25, None), (20, None), (19, 9), (5, 2), (1, 1), (0, None)])
def test_lists_are_at_most_half_of_the_items_and_so_are_the_names_of_their_metrics(items, length):
    guards = [Guardrail(metric="hit_at_10", margin=0.01), Guardrail(metric="catalogue_coverage", margin_share=0.1)]
    found = {one.key: one.value for one in shorter_lists(items, 10, "explore_recall_at_10", guards)}
    names = {"hit": {"metric": f"hit_at_{length}", "margin": 0.01}, "other": guards[1].model_dump(exclude_none=True)}
    expected = {
        "recommend.k": length,
        "evaluate.primary_metric": f"explore_recall_at_{length}",
        "decide.guardrails": list(names.values()),
    }
    assert found == ({} if length is None else expected)


@pytest.mark.parametrize(("share", "explore", "said"), [(0.5, 6.0, True), (0.49, 6.0, False), (0.9, 0.0, False)])
def test_lists_put_nothing_new_first_where_members_mostly_come_back_for_what_they_had(share, explore, said):
    found = {one.key: one.value for one in known_again(share, explore, 10, "explore_recall_at_10")}
    assert found == ({"recommend.explore": 0.0, "evaluate.primary_metric": "recall_at_10"} if said else {})
    assert known_again(None, explore, 10, "explore_recall_at_10") == ()
