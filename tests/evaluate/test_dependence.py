"""Members who are copies and arms that follow something are found; independent ones and honest hashes pass."""

import numpy as np
import pandas as pd
import pytest

from membership.base.errors import ParamError
from membership.evaluate import arms, dependence, validity
from membership.evaluate.arms import CONTROL, TREATMENT
from membership.evaluate.verdicts import Kind
from membership.settings import params
from membership.trials import gates

MARKETS, MEMBERS, GATE = 50, 400, 0.001


@pytest.fixture
def knobs(workspace):
    changes = {"evaluate.primary_metric": "y", "evaluate.aa_repeats": 500, "evaluate.coverage_repeats": 20}
    return params.load("evaluate", changes).evaluate


def market(seed: int, members: int = MEMBERS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return outcomes of both policies and what was known before: few values of y, spend in cents, many with none."""
    rng = np.random.default_rng(seed)
    ids, taste = [f"{number:04d}" for number in range(members)], rng.beta(1, 3, members)
    spend = np.where(rng.random(members) < 0.8, rng.lognormal(7, 1, members).round(), 0.0)
    parts = []
    for policy in (CONTROL, TREATMENT):
        y = rng.binomial(8, taste) / 8 * (spend > 0)
        parts.append(pd.DataFrame({"policy": policy, "member_id": ids, "tier": "Gold", "y": y, "spend": spend}))
    before = pd.DataFrame({"member_id": ids, "y": rng.binomial(8, taste) / 8})
    return pd.concat(parts, ignore_index=True), before


def copied(table: pd.DataFrame, times: int = 10) -> pd.DataFrame:
    """Return every member `times` times, with new ids and the same figures."""
    return pd.concat([table.assign(member_id=table["member_id"] + f"-{n}") for n in range(times)], ignore_index=True)


def looked(outcomes, before, knobs, labels=None):
    both = validity.potential(outcomes, before, "y")
    return dependence.look(both, "y", labels, knobs, np.random.default_rng(0))


def test_independent_members_pass_at_the_nominal_rate(knobs):
    passed = [dependence.check(looked(*market(seed), knobs)) for seed in range(MARKETS)]
    assert sum(one.result == "passed" for one in passed) >= 48  # .99 of 50; fewer would come once in 70 times


def test_every_member_ten_times_is_found_in_all_markets(knobs):
    for seed in range(MARKETS):
        outcomes, before = market(seed)
        found = looked(copied(outcomes), copied(before), knobs)
        assert dependence.check(found).result == "failed"
        assert found.level > 0.4


def test_copies_are_found_where_all_tests_of_an_aa_check_pass(knobs):
    outcomes, before = market(3, 100)
    knobs = knobs.model_copy(update={"aa_repeats": 100})
    found = validity.run(copied(outcomes), copied(before), knobs, 1)
    assert found.aa["passed"].all() and not found.passed


def test_members_of_a_household_who_fare_alike_are_found_where_households_are_named(knobs):
    outcomes, before = market(5)
    rng, house = np.random.default_rng(1), pd.Series([f"h{n // 4}" for n in range(MEMBERS)], before["member_id"])
    gain = rng.normal(0, 0.3, MEMBERS // 4)[np.arange(MEMBERS) // 4] + rng.normal(0, 0.05, MEMBERS)
    alike = outcomes.assign(y=np.r_[np.zeros(MEMBERS), gain])
    found = looked(alike, before, knobs, house)
    assert not found.passed and found.clusters == MEMBERS // 4 and found.inflation == pytest.approx(4, abs=0.4)
    assert looked(alike, before, knobs).passed  # nobody said who lives together
    assert sum(looked(*market(seed), knobs, house).passed for seed in range(20)) == 20


def test_who_belongs_together_is_a_column_of_members(knobs):
    members = pd.DataFrame({"member_id": ["a", "b"], "home": ["x", "x"]})
    assert dependence.labels(members, knobs) is None
    named = knobs.model_copy(update={"cluster": "home"})
    assert dependence.labels(members, named).to_dict() == {"a": "x", "b": "x"}
    with pytest.raises(ParamError, match=r"evaluate\.cluster = 'house'.*member_id, home"):
        dependence.labels(members, knobs.model_copy(update={"cluster": "house"}))


def assigned(seed: int, how: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return members in arms, and how far the arms are apart on two figures, of which age follows the ids."""
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(100_000, MEMBERS, replace=False))
    known = pd.DataFrame({"member_id": ids.astype(str), "age": ids / 1000 + rng.normal(0, 30, MEMBERS)})
    known["spend"] = rng.lognormal(7, 1, MEMBERS)
    tiers = known[["member_id"]].assign(tier=rng.choice(["Gold", "Silver"], MEMBERS))
    if how == "hash":
        found = arms.assign(tiers, f"salt {seed}")
    else:
        treated = {
            "blocks of ids": np.arange(MEMBERS) < MEMBERS // 2,
            "in turn": np.arange(MEMBERS) % 2 == 0,
            "even ids": ids % 2 == 0,
            "spend": known["spend"] + rng.lognormal(7, 1, MEMBERS) > 3500,
        }[how]
        found = tiers.assign(arm=np.where(treated, TREATMENT, CONTROL))
    return found, arms.balance(found, known)


def test_arms_by_an_honest_hash_pass(knobs):
    checks = [dependence.assignment(*assigned(seed, "hash"), GATE) for seed in range(MARKETS)]
    assert {one.kind for one in checks} == {Kind.ASSIGNMENT}
    assert [one.result for one in checks] == ["passed"] * MARKETS


@pytest.mark.parametrize("how", ["blocks of ids", "in turn", "even ids", "spend"])
def test_arms_by_a_broken_hash_are_found_in_all_markets(how):
    checks = [dependence.assignment(*assigned(seed, how), GATE) for seed in range(MARKETS)]
    assert [one.result for one in checks] == ["failed"] * MARKETS


def test_runs_are_those_of_wald_and_wolfowitz():
    treated = np.array([1, 1, 0, 0, 0, 1, 0, 1, 1, 1], bool)  # 5 runs of 6 and 4: 5.8 expected, variance 2.027
    assert gates.runs(treated) == pytest.approx(0.574, abs=1e-3)
    assert gates.runs(np.ones(9, bool)) == 1.0


def test_a_handful_of_members_could_not_show_that_arms_follow_something():
    few, _ = assigned(1, "hash")
    few = few.groupby("arm").head(3)
    nothing = pd.DataFrame({"known": [], "p_value": []})
    assert dependence.assignment(few, nothing, GATE).result == "could not fail"
