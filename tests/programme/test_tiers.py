"""Tiers: thresholds that meet the shares, and a promotion rule replayed as one would by hand."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membership.base import params, tables
from membership.base.errors import DataError
from membership.base.programme_knobs import Tier
from membership.programme import tiers

LEVELS = [
    Tier(name=name, share=share, points_multiplier=1) for name, share in [("Base", 0.5), ("Mid", 0.3), ("Top", 0.2)]
]
RULE = tiers.Rule(("Base", "Mid", "Top"), (0, 100, 200), grace_share=0.2)
MONTHS = pd.date_range("2020-02-01", periods=6, freq="MS").as_unit("us")


def by_month(**rows):
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="member_id"), columns=MONTHS)


def test_thresholds_give_each_level_its_share():
    assert tiers.thresholds(np.arange(1, 11), LEVELS) == (0, 6, 9)


def test_equal_amounts_are_never_parted_and_get_the_higher_tier():
    found = tiers.thresholds(np.array([1, 2, 3, 4, 5, 7, 7, 7, 9, 9]), LEVELS)
    assert found == (0, 7, 9)
    assert tiers.thresholds(np.array([1, 2, 3, 4, 5, 6, 8, 9, 9, 9]), LEVELS) == (0, 6, 9)


def test_thresholds_rise_even_where_nobody_spends():
    assert tiers.thresholds(np.zeros(10), LEVELS) == (0, 1, 2)


def test_with_more_tiers_than_members_the_upper_ones_are_out_of_reach():
    many = [Tier(name=f"t{i}", share=0.2, points_multiplier=1) for i in range(5)]
    alone = tiers.thresholds(np.array([50]), many)
    rule = tiers.Rule(tuple(level.name for level in many), alone, 0.0)
    assert alone == (0, 50, 50 + 1, 50 + 2, 50 + 3)
    assert rule.qualified(np.array([50])).tolist() == [1]
    assert tiers.thresholds(np.array([], dtype=int), many) == (0, 1, 2, 3, 4)


def test_thresholds_out_of_order_are_refused():
    with pytest.raises(DataError, match=r"must rise from tier to tier; .*\(0, 200, 100\)"):
        tiers.Rule(("Base", "Mid", "Top"), (0, 200, 100), 0.1)


@given(st.lists(st.integers(-500, 5000), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_no_tier_has_fewer_members_above_it_than_planned_and_more_only_by_ties(amounts):
    amounts = np.array(amounts)
    found = tiers.thresholds(amounts, LEVELS)
    assert list(found) == sorted(set(found))
    for threshold, size in zip(found[1:], tiers.sizes(len(amounts), LEVELS)[1:], strict=True):
        assert (amounts > threshold).sum() <= size
        if size and np.sort(amounts)[::-1][size - 1] == threshold:
            assert (amounts >= threshold).sum() >= size


def test_value_tiers_are_filled_from_the_best_with_ties_by_member():
    value = pd.DataFrame({"member_id": list("jihgfedcba"), "value": [5, 5, 5, 5, 5, 9, 9, 9, 1, 1.0]})
    tier = tiers.value_tiers(value, LEVELS)
    assert tier[tier == "Top"].index.tolist() == ["c", "d"]
    assert tier[tier == "Mid"].index.tolist() == ["e", "f", "g"]


def test_replay_equals_the_hand_worked_case():
    spend = by_month(
        riser=[0, 99, 100, 150, 199, 200],
        faller=[250, 250, 160, 159, 80, 79],  # Top is kept down to 160, Mid down to 80
        swinger=[100, 90, 100, 80, 79, 99],  # falls only below 80, and then needs 100 again
        leaper=[0, 300, 10, 0, 120, 300],  # up and down by more than one tier at once
    )
    ranks = tiers.replay(spend, RULE)
    assert ranks.loc["riser"].tolist() == [0, 0, 1, 1, 1, 2]
    assert ranks.loc["faller"].tolist() == [2, 2, 2, 1, 1, 0]
    assert ranks.loc["swinger"].tolist() == [1, 1, 1, 1, 0, 0]
    assert ranks.loc["leaper"].tolist() == [0, 2, 0, 0, 1, 2]
    moves = tiers.moves(ranks)
    assert moves["up"].tolist() == [2, 1, 1, 0, 1, 2]
    assert moves["down"].tolist() == [0, 0, 1, 1, 1, 1]


def test_without_grace_the_tier_is_what_spend_reaches():
    spend = by_month(a=[250, 199, 100, 99, 0, 200])
    strict = tiers.Rule(RULE.names, RULE.thresholds, 0.0)
    assert tiers.replay(spend, strict).to_numpy().tolist() == [strict.qualified(spend.to_numpy()[0]).tolist()]


@given(st.lists(st.integers(0, 400), min_size=6, max_size=6), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_more_grace_never_lowers_a_tier_and_nobody_is_below_what_spend_reaches(amounts, first, second):
    spend = by_month(a=amounts)
    less, more = (
        tiers.replay(spend, tiers.Rule(RULE.names, RULE.thresholds, grace)) for grace in sorted((first, second))
    )
    assert (more.to_numpy() >= less.to_numpy()).all()
    assert (less.to_numpy()[0] >= RULE.qualified(np.array(amounts))).all()


def test_standing_tells_what_is_missing_and_who_is_about_to_drop(workspace):
    spend = by_month(base=[0] * 5 + [40], graced=[150] * 5 + [90], top=[300] * 6)
    ranks = tiers.replay(spend, RULE)
    standing = tiers.standing(ranks, spend, pd.Series({"base": 1, "graced": 2, "top": 3}), RULE)
    tables.write("tiers", standing)
    table = tables.read("tiers").set_index("member_id")
    assert table["spend_to_next"].to_dict() == {"base": 60, "graced": 110, "top": 0}
    assert table["next_tier"].isna().to_dict() == {"base": False, "graced": False, "top": True}
    assert table["about_to_drop"].to_dict() == {"base": False, "graced": True, "top": False}
    assert table["tier"].tolist() == ["Base", "Mid", "Top"]


def test_history_has_one_row_a_member_and_month(workspace):
    spend = by_month(a=[0, 150, 0, 0, 0, 0], b=[0] * 6)
    tables.write("tier_history", tiers.history(tiers.replay(spend, RULE), RULE))
    history = tables.read("tier_history")
    assert len(history) == 12
    assert history.loc[history["tier"] == "Mid", ["member_id", "as_of"]].to_numpy().tolist() == [["a", MONTHS[1]]]


EVENTS = pd.DataFrame(
    [
        ("a", "purchase", "2020-01-31 23:59", 100),
        ("a", "purchase", "2020-02-01 00:00", 1000),
        ("a", "return", "2020-02-10 10:00", -300),
        ("a", "view", "2020-02-10 10:00", 7777),
        ("b", "purchase", "2020-02-20 10:00", 50),
    ],
    columns=["member_id", "kind", "local_at", "amount"],
).astype({"local_at": "datetime64[us]"})


def test_qualifying_spend_is_net_of_returns_within_the_days_before_the_month():
    months = MONTHS[:3]
    found = tiers.spend(ibis.memtable(EVENTS), pd.Series(["b", "a", "none"]), months, days=29)
    assert found.loc["a"].tolist() == [100, 700, 0]  # 1 March less 29 days is 1 February, and 31 March is too late
    assert found.loc["b"].tolist() == [0, 50, 0]
    assert found.loc["none"].tolist() == [0, 0, 0]


def test_spend_by_month_adds_up_to_all_spend_before_the_last_month():
    found = tiers.spend(ibis.memtable(EVENTS), pd.Series(["a", "b"]), MONTHS[:2])
    assert found.to_numpy().tolist() == [[100, 700], [0, 50]]
    last = MONTHS[:1].union([pd.Timestamp(date(2020, 2, 5))])
    assert tiers.spend(ibis.memtable(EVENTS), pd.Series(["a", "b"]), last).sum(axis=1).tolist() == [1100, 0]


def test_the_default_levels_fit_together(workspace):
    settings = params.load("tiers").tiers
    rule = tiers.fit(pd.Series(np.arange(1000) * 100), settings)
    counts = np.bincount(rule.qualified(np.arange(1000) * 100))
    assert counts.tolist() == [round(1000 * level.share) for level in settings.levels]
