"""What a tier changes: which members say it, known effects recovered, and nothing found where nothing was given."""

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from benchmarks import tier_market
from membership.base.errors import DataError
from membership.settings import params
from membership.settings.tiers import Jitter
from membership.tiers import effects, jitter
from membership.tiers.rules import Rule

MONTHS = pd.date_range("2020-02-01", periods=4, freq="MS")
RULE = Rule(("Base", "Top"), (0, 100), grace_share=0.2, grace_months=1)


def frame(values, columns):
    return pd.DataFrame(values, index=pd.Index([f"m{row}" for row in range(len(values))]), columns=columns)


def test_only_who_was_outside_and_has_bought_since_is_compared():
    counted = frame([[101, 90], [101, 90], [90, 101], [20, 90]], MONTHS[1:3])
    kept = frame([[50, 50], [101, 90], [90, 50], [10, 50]], MONTHS[1:3])
    ranks = frame([[0, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]], MONTHS[:3])
    seen = {"counted": counted, "kept": kept, "orders": counted * 0 + 2, "spend": counted * 0 + 9}
    found = effects.rows(seen, ranks, RULE, 1)
    # m0 is inside at the second review, m1 has not bought before the first, m2 not either, m3 is far away at first
    assert list(zip(found["member_id"], found["review"], strict=True)) == [
        ("m0", MONTHS[1]), ("m2", MONTHS[2]), ("m3", MONTHS[2]),
    ]  # fmt: skip
    assert found["running"].tolist() == pytest.approx([0.01, 0.01, -0.1])
    assert found["given"].tolist() == [True, True, False]
    assert found[["orders", "spend"]].to_numpy().tolist() == [[2, 9]] * 3


def test_the_market_gives_the_tier_to_everybody_above_and_pressure_moves_what_counts_at_the_review_only():
    for pressure in (False, True):
        seen = tier_market.simulate(np.random.default_rng(1), 8000, 0.2, pressure)
        table = effects.rows(seen.reviews, seen.ranks, seen.rule, 1)
        assert table.loc[table["running"] >= 0, "given"].all()
        assert 0.2 < table.loc[table["running"].between(-0.05, 0, "left"), "given"].mean() < 0.9
        assert effects.pushing(table, 0.99).p_value > 0.01
        at_review = effects.rows(seen.reviews | {"counted": seen.amounts}, seen.ranks, seen.rule, 1)
        assert (effects.pushing(at_review, 0.99).p_value < 0.01) == pressure


@pytest.mark.parametrize("pressure", [False, True])
def test_thresholds_that_differ_recover_the_effect(pressure):
    rng = np.random.default_rng(3)
    members = pd.Index([f"m{number}" for number in range(15_000)])
    shifts = jitter.assigned(members, Jitter(share=0.6, amounts=[-0.15, 0.15]))["shift"].to_numpy()
    each = np.broadcast_to(shifts[:, None], (len(members), tier_market.REVIEWS))
    seen = tier_market.simulate(rng, len(members), 0.5, pressure, each)
    table = effects.assigned_rows(seen.reviews, seen.ranks, seen.rule, 1, shifts, seen.start)
    found = effects.by_assignment(table, "orders", 0.99)
    assert found.low < 0.5 < found.high < 1
    assert found.low > 0


def test_the_jump_at_the_threshold_recovers_a_large_effect_and_reading_at_the_review_does_not():
    seen = tier_market.simulate(np.random.default_rng(6), 30_000, 0.5, pressure=True)
    table = effects.rows(seen.reviews, seen.ranks, seen.rule, 1)
    found = effects.at_threshold(table, "orders", 0.95)
    assert found.low < 0.5 < found.high
    at_review = effects.rows(seen.reviews | {"counted": seen.amounts}, seen.ranks, seen.rule, 1)
    assert effects.at_threshold(at_review, "orders", 0.95).low > 0.5  # who pushes orders more anyway


def test_where_no_tier_was_given_the_rehearsal_finds_nothing():
    seen = tier_market.simulate(np.random.default_rng(7), 12_000, 0.0, pressure=False)
    found = effects.checks(seen.reviews, seen.ranks, seen.rule, "orders", 0.99).loc["Top"]
    assert found["low"] < 0 < found["high"]
    assert found["pushing"] > 0.01
    assert found["placebos"] >= 2
    assert found["placebos_found"] == 0
    few = {name: part.iloc[:30] for name, part in seen.reviews.items()}
    nothing = effects.checks(few, seen.ranks.iloc[:30], seen.rule, "orders", 0.99).loc["Top"]
    assert nothing[["jump", "pushing", "placebos"]].isna().all()


def test_the_steps_are_told_by_jitter_where_thresholds_differ_and_are_empty_where_too_few_members_are():
    seen = tier_market.simulate(np.random.default_rng(8), 4000, 0.3, False)
    given = (seen.reviews, seen.start, seen.ranks, seen.rule, "orders", 0.95)
    assert effects.steps(*given)["design"].tolist() == ["threshold"]
    assert effects.steps(*given, np.where(np.arange(4000) % 2, 0.1, -0.1))["design"].tolist() == ["jitter"]
    few = {name: part.iloc[:30] for name, part in seen.reviews.items()}
    nothing = effects.steps(few, seen.start[:30], seen.ranks.iloc[:30], seen.rule, "orders", 0.95)
    assert nothing["effect"].isna().all()
    with pytest.raises(DataError, match="does not vary"):
        table = effects.assigned_rows(seen.reviews, seen.ranks, seen.rule, 1, np.zeros(4000), seen.start)
        effects.by_assignment(table, "orders", 0.95)


def test_only_reviews_since_the_rule_is_in_force_say_what_tiers_change():
    knobs = params.parse(params.read()).tiers
    seen = {"counted": frame([[1, 2, 3]], MONTHS[:3])}
    assert effects.in_force(seen, knobs)["counted"].empty
    since = knobs.model_copy(update={"in_force_since": MONTHS[0].date()})
    assert effects.in_force(seen, since)["counted"].columns.tolist() == MONTHS[1:3].tolist()
    assert effects.learned(seen, frame([[1, 2, 3]], MONTHS[:3]), knobs, "orders", 0.95, np.zeros(1)).empty


def test_thresholds_in_force_are_learned_from_as_the_listed_rule_says():
    seen = tier_market.simulate(np.random.default_rng(9), 8000, 0.3, False)
    knobs = params.parse(params.read()).tiers
    listed = knobs.model_copy(
        update={
            "levels": knobs.levels[:2],
            "thresholds": [seen.rule.thresholds[1]],
            "in_force_since": seen.ranks.columns[0].date(),
            "grace_share": tier_market.GRACE_SHARE,
            "grace_months": tier_market.GRACE_MONTHS,
        }
    )
    amounts = pd.concat([seen.start.rename(seen.ranks.columns[0]), seen.amounts], axis=1)
    found = effects.learned(seen.reviews, amounts, listed, "orders", 0.99, np.zeros(8000))
    assert found["tier"].tolist() == [knobs.names[1]]
    assert found.loc[0, "low"] < 0.3 < found.loc[0, "high"]


@pytest.mark.parametrize("months", [1, 2, 3])
def test_a_history_shorter_than_two_reviews_has_none_between_them(months):
    rows = pd.DataFrame({"member_id": ["a"], "order_id": ["o"], "kind": ["purchase"], "amount": [100]})
    events = ibis.memtable(meant(rows.assign(local_at=pd.Timestamp("2019-12-05")).astype({"order_id": "str"})))
    ends = pd.date_range("2020-01-01", periods=months, freq="MS").as_unit("us")
    seen = effects.reviews(events, pd.Series(["a"]), ends, params.parse(params.read()).tiers)
    assert {frame.shape for frame in seen.values()} == {(1, max(months - 2, 0))}
