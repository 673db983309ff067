"""Thresholds that differ by member: shares as asked, the same everywhere, independent of anything but the salt."""

import numpy as np
import pandas as pd
import pytest

from membership.base.errors import ParamError
from membership.settings import params
from membership.settings.tiers import Jitter
from membership.tiers import jitter, rules

MEMBERS = pd.Index([f"m{number}" for number in range(20_000)], name="member_id")


def test_without_jitter_nobody_differs():
    found = jitter.assigned(MEMBERS, Jitter())
    assert not found["shift"].any()
    assert (found["propensity"] == 1).all()


def test_shares_and_propensities_are_those_asked_for():
    found = jitter.assigned(MEMBERS, Jitter(share=0.4, amounts=[-0.1, 0.2]))
    shares = found["shift"].value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({0.0: 0.6, -0.1: 0.2, 0.2: 0.2}, abs=0.01)
    assert found.groupby("shift")["propensity"].first().to_dict() == pytest.approx({0.0: 0.6, -0.1: 0.2, 0.2: 0.2})


def test_a_member_has_the_same_threshold_whoever_else_is_there_and_another_with_another_salt():
    asked = Jitter(share=0.5)
    alone, among = jitter.assigned(MEMBERS[7:8], asked), jitter.assigned(MEMBERS, asked)
    pd.testing.assert_frame_equal(alone, among.iloc[7:8])
    other = jitter.assigned(MEMBERS, asked.model_copy(update={"salt": "thresholds-2"}))
    assert np.corrcoef(among["shift"], other["shift"])[0, 1] == pytest.approx(0, abs=0.03)


def test_a_known_member_is_where_the_hash_says():
    # sha256("thresholds-1/m1"), its first 48 bits over 2^48
    assert jitter.uniform(pd.Index(["m1"]), "thresholds-1").tolist() == pytest.approx([0.8212444162590344])


def test_a_member_rises_at_the_own_threshold_and_is_told_the_distance_to_it():
    rule = rules.Rule(("Base", "Top"), (0, 100), grace_share=0.2, grace_months=0)
    amounts = pd.DataFrame([[95.0, 71], [95, 71], [95, 71]], index=list("abc"))
    amounts.columns = pd.date_range("2020-02-01", periods=2, freq="MS")
    shifts = np.array([0.0, -0.1, 0.1])  # thresholds 100, 90 and 110; safe from 80, 72 and 88
    ranks = rules.replay(amounts.astype("int64"), rule, shifts)
    assert ranks.to_numpy().tolist() == [[0, 0], [1, 0], [0, 0]]
    settings = params.parse(params.read()).tiers.model_copy(update={"qualify_by": "spend", "grace_months": 0})
    none = pd.Series(0, index=amounts.index)
    last = rules.standing(ranks, amounts.astype("int64"), none, rule, settings, none, shifts)
    assert last["to_next"].tolist() == [29, 19, 39]


def test_without_shifts_everything_is_as_the_rule_says():
    rule = rules.Rule(("Base", "Mid", "Top"), (0, 100, 333), grace_share=0.2, grace_months=1)
    rng = np.random.default_rng(1)
    amounts = pd.DataFrame(rng.integers(0, 500, (50, 8)), columns=pd.date_range("2020-02-01", periods=8, freq="MS"))
    assert rules.replay(amounts, rule).equals(rules.replay(amounts, rule, np.zeros(50)))
    assert rule.levels(np.zeros(2)).tolist() == [[0, 100, 333]] * 2


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ({"tiers.jitter.share": 1.5}, "less than or equal to 1"),
        ({"tiers.jitter.share": 0.5, "tiers.jitter.amounts": [0.0, 0.1]}, "each other than 0"),
        ({"tiers.jitter.share": 0.5, "tiers.jitter.amounts": []}, "at least one"),
        ({"tiers.jitter.amounts": [-1.0]}, "greater than -1"),
        ({"tiers.pressure_days": 20}, "less than or equal to 14"),
        ({"tiers.in_force_since": "2017-06-01"}, "allowed with listed thresholds"),
    ],
)
def test_impossible_designs_say_what_is_allowed(override, problem):
    with pytest.raises(ParamError, match=r"params.yaml: tiers") as error:
        params.parse(params.read(), override)
    assert problem in str(error.value)
