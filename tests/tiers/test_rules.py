"""Tiers: promotion, hysteresis, grace and demotion, replayed as one would by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base import tables
from membership.base.errors import DataError
from membership.settings import params
from membership.tiers import rules

NAMES = ("Base", "Mid", "Top")
RULE = rules.Rule(NAMES, (0, 100, 200), grace_share=0.2, grace_months=1)  # safe from 80 and from 160 on
MONTHS = pd.date_range("2020-02-01", periods=8, freq="MS").as_unit("us")
AMOUNTS = st.lists(st.integers(0, 400), min_size=10, max_size=10)
RULES = st.builds(
    lambda first, gap, share, months: rules.Rule(NAMES, (0, first, first + gap), share, months),
    st.integers(1, 150),
    st.integers(1, 150),
    st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]),
    st.integers(0, 3),
)
KNOBS = params.parse(params.read()).tiers


def by_month(**rows):
    columns = pd.date_range("2020-02-01", periods=len(next(iter(rows.values()))), freq="MS").as_unit("us")
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="member_id"), columns=columns)


CASE = by_month(
    riser=[0, 99, 100, 150, 199, 200, 200, 200],
    faller=[250, 160, 159, 160, 159, 150, 79, 79],  # one short month is forgiven, two in a row are not
    swinger=[100, 79, 80, 79, 100, 79, 79, 100],  # short months count in a row only
    leaper=[0, 300, 0, 0, 120, 300, 10, 130],  # up and down by more than one tier at once
)


def reference(amounts, rule):
    """Return the ranks of one member by the words of the rule: keep the highest tier that grace or spend allows."""
    safe = [-1] + [np.ceil(round((1 - rule.grace_share) * t, 6)) for t in rule.thresholds[1:]]
    rank, ranks, short = 0, [], [0] * len(rule.thresholds)
    for amount in amounts:
        short = [count + 1 if amount < least else 0 for count, least in zip(short, safe, strict=True)]
        kept = max(tier for tier in range(rank + 1) if short[tier] <= rule.grace_months)
        rank = max(kept, sum(amount >= threshold for threshold in rule.thresholds[1:]))
        ranks.append(rank)
    return ranks


def test_replay_equals_the_hand_worked_case():
    ranks = rules.replay(CASE, RULE)
    assert ranks.loc["riser"].tolist() == [0, 0, 1, 1, 1, 2, 2, 2]
    assert ranks.loc["faller"].tolist() == [2, 2, 2, 2, 2, 1, 1, 0]
    assert ranks.loc["swinger"].tolist() == [1, 1, 1, 1, 1, 1, 0, 1]
    assert ranks.loc["leaper"].tolist() == [0, 2, 2, 0, 1, 2, 2, 1]
    assert set(ranks.dtypes) == {np.dtype("int8")}
    moves = rules.moves(ranks)
    assert moves["up"].tolist() == [2, 1, 1, 0, 1, 2, 0, 1]
    assert moves["down"].tolist() == [0, 0, 0, 1, 0, 1, 1, 2]


@given(AMOUNTS, RULES)
@settings(max_examples=150, deadline=None)
def test_replay_agrees_with_the_rule_read_word_by_word(amounts, rule):
    assert rules.replay(by_month(a=amounts), rule).loc["a"].tolist() == reference(amounts, rule)


@given(AMOUNTS, RULES)
@settings(max_examples=100, deadline=None)
def test_a_rank_is_the_sum_of_nested_automata_each_of_which_sees_one_threshold(amounts, rule):
    values = np.array([amounts])
    alone = [
        np.array([inside[0] for inside in rules.automaton(values, threshold, rule.grace_share, rule.grace_months)])
        for threshold in rule.thresholds[1:]
    ]
    assert (alone[0] >= alone[1]).all()
    ranks = rules.replay(by_month(a=amounts), rule)
    assert sum(one.astype(int) for one in alone).tolist() == ranks.loc["a"].tolist()
    steps = sum(np.abs(np.diff(one.astype(int))).sum() for one in alone)
    assert rules.moves_per_year(ranks) == pytest.approx(steps * rules.yearly(ranks.columns, 0))


@given(AMOUNTS, RULES, st.integers(1, 3), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_more_grace_never_lowers_a_tier_and_nobody_is_below_what_the_amount_reaches(amounts, rule, months, share):
    frame = by_month(a=amounts)
    longer = rules.Rule(NAMES, rule.thresholds, rule.grace_share, rule.grace_months + months)
    wider = rules.Rule(NAMES, rule.thresholds, max(share, rule.grace_share), rule.grace_months)
    ranks = rules.replay(frame, rule).to_numpy()
    assert (rules.replay(frame, longer).to_numpy() >= ranks).all()
    assert (rules.replay(frame, wider).to_numpy() >= ranks).all()
    assert (ranks[0] >= np.searchsorted(rule.thresholds[1:], amounts, side="right")).all()


def test_without_grace_the_tier_is_what_the_amount_reaches():
    strict = rules.Rule(NAMES, RULE.thresholds, 0.0)
    ranks = rules.replay(by_month(a=[250, 199, 100, 99, 0, 200]), strict)
    assert ranks.loc["a"].tolist() == [2, 1, 1, 0, 0, 2]


def test_the_safe_amount_is_not_moved_by_floating_point():
    assert rules.safe(35, 0.2) == 28  # 0.8 * 35 is a little above 28
    assert rules.safe(101, 0.2) == 81


def test_thresholds_out_of_order_and_rules_without_one_a_tier_are_refused():
    with pytest.raises(DataError, match=r"must rise from tier to tier; .*\(0, 200, 100\)"):
        rules.Rule(NAMES, (0, 200, 100), 0.1)
    with pytest.raises(DataError, match="one threshold a tier"):
        rules.Rule(NAMES, (0, 100), 0.1)


def test_moves_are_counted_from_the_first_month_with_a_whole_qualifying_period():
    knobs = KNOBS.model_copy(update={"qualifying_days": 60})
    months = pd.date_range("2020-02-01", periods=5, freq="MS")
    assert rules.settled(months, date(2020, 1, 1), knobs) == 1  # 1 March
    assert rules.settled(months[:2], date(2020, 1, 1), knobs) == 0  # nothing would be left to count
    assert rules.settled(months, date(2022, 1, 1), knobs) == 0
    ranks = by_month(a=[0, 2, 2, 1, 0], b=[0, 0, 0, 0, 0])
    assert rules.moves_per_year(ranks, 1) == pytest.approx(2 / 2 * 365.25 / 92)  # 1 March to 1 June
    assert rules.moves_per_year(ranks.iloc[:, :1]) == 0


def test_standing_tells_what_is_missing_and_who_is_about_to_drop(workspace):
    amounts = by_month(base=[0, 0, 40], graced=[150, 150, 70], safe=[150, 150, 90], thin=[150, 150, 150], top=[300] * 3)
    points = pd.Series({"base": 1, "graced": 2, "safe": -5, "thin": 0, "top": 3})
    ahead = pd.Series({"base": 0, "graced": 70, "safe": 60, "thin": 60, "top": 160})
    ranks = rules.replay(amounts, RULE)
    tables.write("tiers", rules.standing(ranks, amounts, points, RULE, KNOBS, ahead))
    table = tables.read("tiers").set_index("member_id")
    assert table["tier"].tolist() == ["Base", "Mid", "Mid", "Mid", "Top"]
    assert table["to_next"].tolist() == table["spend_to_next"].tolist() == [60, 130, 110, 50, 0]
    assert table["next_tier"].isna().tolist() == [False, False, False, False, True]
    assert table["points"].tolist() == [1, 2, 0, 0, 3]  # a debt is nothing to spend
    assert table["grace_left"].fillna(-1).tolist() == [-1, 0, -1, -1, -1]
    assert table["about_to_drop"].tolist() == [False, True, False, False, False]  # a first short month is forgiven
    assert table["to_keep"].tolist() == [0, 10, 0, 0, 0]


def test_without_grace_months_whoever_falls_short_next_month_is_about_to_drop():
    rule = rules.Rule(NAMES, RULE.thresholds, 0.2)
    amounts = by_month(thin=[150, 150], top=[300, 300])
    ahead = pd.Series({"thin": 79, "top": 160})
    table = rules.standing(rules.replay(amounts, rule), amounts, ahead * 0, rule, KNOBS, ahead)
    assert table["about_to_drop"].tolist() == [True, False]
    assert table["to_keep"].tolist() == [1, 0]
    assert table["grace_left"].isna().all()


def test_points_that_are_missing_are_told_as_spend_too():
    knobs = KNOBS.model_copy(update={"qualify_by": "points", "points_per_unit": 3.0})
    amounts = by_month(a=[0, 50])
    zero = pd.Series({"a": 0})
    row = rules.standing(rules.replay(amounts, RULE), amounts, zero, RULE, knobs, zero).iloc[0]
    assert (row["to_next"], row["spend_to_next"]) == (50, 1667)  # 50 points of 16.67


def test_history_has_one_row_a_member_and_month(workspace):
    amounts = by_month(a=[0, 150, 0, 0, 0, 0], b=[0] * 6)
    tables.write("tier_history", rules.history(rules.replay(amounts, RULE), RULE))
    history = tables.read("tier_history")
    assert len(history) == 12
    expected = [["a", MONTHS[1]], ["a", MONTHS[2]]]  # the second by grace
    assert history.loc[history["tier"] == "Mid", ["member_id", "as_of"]].to_numpy().tolist() == expected


def test_listed_thresholds_make_the_rule():
    knobs = KNOBS.model_copy(update={"thresholds": [100, 200, 400]})
    rule = rules.rule(knobs, knobs.thresholds)
    assert rule.thresholds == (0, 100, 200, 400) and rule.names == tuple(knobs.names)
