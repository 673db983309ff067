"""What campaigns add to the assumed reactions: truth recovered, arms kept apart, bias and thin data respected."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from membership.benefits import overview
from membership.campaigns import audience, effects, evidence, reaction
from membership.report import words
from membership.report.figures import response as figures
from membership.settings import params
from membership.settings.benefits import Benefit

DAYS = 14
TIERS = ["Base", "Top"]
BASE = params.load("campaigns").campaigns
SETTINGS = BASE.model_copy(update={"repeats": 1, "folds": 2, "trees": 5, "evidence": {"mail": ["Mail"]}})
CATALOGUE = [
    Benefit(name=name, kind="discount", cost=10, uplift=0.05, uplift_sd=0.3) for name in ("mail", "call", "gift")
]


def panel(shift, rows=8000, seed=1, randomised=True, lean=0.0, kinds=("Mail",), placebo=0.0):
    """One campaign with an arm a kind and a control; arm k adds `shift[k]` to the log-odds of an order.

    lean: how much more (log-odds) those are reached who order often; placebo: what reached ones had more before.
    """
    rng = np.random.default_rng(seed)
    score = rng.normal(0.3, 1.0, rows)
    chance = expit(lean * score) if lean else np.full(rows, len(kinds) / (len(kinds) + 1))
    treated = rng.random(rows) < chance
    arm = np.where(treated, 1 + rng.integers(len(kinds), size=rows), 0)
    moved = np.concatenate([[0.0], shift])[arm]
    told = {
        "member_id": [f"m{number:06d}" for number in range(rows)],
        "ordered": (rng.random(rows) < expit(score + moved)).astype(float),
        "ordered_before": (rng.random(rows) < expit(score + placebo * treated)).astype(float),
        "given": 1 / (len(kinds) + 1),
        "tier": rng.choice(TIERS, rows),
        "stage": "active",
    }
    people = pd.DataFrame(told).assign(
        outcome=lambda t: 100 * t["ordered"],
        placebo=lambda t: 100 * t["ordered_before"],
        near=lambda t: 1400 * t["ordered"],
        tier_before=lambda t: t["tier"],
        stage_before="active",
        start=pd.Timestamp("2020-03-01"),
        end=pd.Timestamp("2020-03-15"),
        redeemed=False,
        randomised=randomised,
    )
    x = pd.DataFrame(
        {
            "score": score,
            "log days since order": np.log(rng.integers(1, 60, rows)),
            "log spend a day": np.log1p(rng.lognormal(8, 1, rows) / DAYS),
            "log orders a day": rng.normal(1, 0.5, rows) - np.log(DAYS),
        }
    )
    parts, columns = [], []
    for number, kind in enumerate(kinds, start=1):
        mine = np.isin(arm, [0, number])
        named = {"offer_id": f"C / {kind}", "campaign": "C", "kind": kind, "arm": kind}
        parts.append(
            people[mine].assign(**named, treated=arm[mine] == number, propensity=0.5 if randomised else np.nan)
        )
        columns.append(x[mine])
    x = pd.concat(columns, ignore_index=True)
    return audience.Audience(pd.concat(parts, ignore_index=True), x, x, pd.Series(dtype=int))


def people(rows=500, seed=2):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "member_id": [f"p{number}" for number in range(rows)],
            "chance": expit(rng.normal(0.3, 1.0, rows)),
            "days_since_last": rng.integers(1, 60, rows),
            "expected_spend": rng.lognormal(8, 1, rows),
            "expected_orders": rng.lognormal(1, 0.5, rows),
            "tier_rank": rng.integers(0, 2, rows),
        }
    )


PRIOR = reaction.prior(CATALOGUE, people(), SETTINGS.reaction)


def after(found, settings=SETTINGS):
    estimates = effects.estimate(found, pd.Series(dtype="str"), settings, seed=1)
    return evidence.learned(PRIOR, found, estimates, TIERS, settings), estimates


def beside(belief, estimates, crowd):
    may = np.ones((len(crowd), len(CATALOGUE)), dtype=bool)
    told = overview.assumed_and_learned(PRIOR, belief, crowd, may)
    return told.join(evidence.said(estimates, SETTINGS.evidence))


def level(belief, benefit="mail"):
    number = belief.benefits.index(benefit)
    return belief.mean[number, 0], np.sqrt(belief.cov[number, 0, 0])


def test_a_randomised_campaign_is_learned_from_row_by_row_and_other_benefits_stay_assumed():
    belief, _ = after(panel([0.5]))
    mean, sd = level(belief)
    assert abs(mean - 0.5) < 3 * sd < 0.3
    assert sd < level(PRIOR)[1]
    assert belief.source == ("randomised", "assumed", "assumed")
    np.testing.assert_array_equal(belief.mean[1:], PRIOR.mean[1:])
    assert PRIOR.mean[0, 0] != mean


def test_each_arm_of_a_campaign_speaks_for_its_own_benefit():
    both = SETTINGS.model_copy(update={"evidence": {"mail": ["Mail"], "call": ["Call"]}})
    found = panel([0.6, -0.4], kinds=("Mail", "Call"), rows=12_000)
    belief, estimates = after(found, both)
    for name, truth in (("mail", 0.6), ("call", -0.4)):
        mean, sd = level(belief, name)
        assert abs(mean - truth) < 3 * sd < 0.3
    assert belief.source == ("randomised", "randomised", "assumed")
    (log,) = evidence.logs(evidence.members(found, estimates, TIERS), both.evidence)
    assert log["member_id"].is_unique
    assert log["mail"].mean() == pytest.approx(1 / 3, abs=0.02)
    assert log["call"].mean() == pytest.approx(1 / 3, abs=0.02)
    assert not (log["mail"] & log["call"]).any()


def test_members_are_described_as_they_were_at_the_start_by_models_that_did_not_see_them():
    found = panel([0.0])
    _, estimates = after(found)
    rows = evidence.members(found, estimates, TIERS)
    np.testing.assert_allclose(rows["days_since_last"], np.exp(found.x["log days since order"]))
    np.testing.assert_allclose(1 - np.exp(-rows["expected_orders"]), rows["chance"])
    per_order = np.expm1(found.x["log spend a day"]) / np.exp(found.x["log orders a day"])
    np.testing.assert_allclose(rows["expected_spend"] / rows["expected_orders"], per_order)
    assert set(rows["tier_rank"]) == {0.0, 1.0}
    assert np.abs(rows["chance"] - expit(found.x["score"])).mean() < 0.03


def test_a_campaign_that_was_not_randomised_tells_a_level_as_unsure_as_its_bias():
    fair, biased = (panel([0.5], randomised=False, lean=0.6, placebo=moved) for moved in (0.0, 0.5))
    (told, estimates), (doubted, _) = after(fair), after(biased)
    assert told.source[0] == doubted.source[0] == "observational"
    assert abs(level(told)[0] - 0.5) < 3 * level(told)[1]
    assert level(told)[1] < level(doubted)[1] < level(PRIOR)[1]
    assert abs(level(doubted)[0] - level(PRIOR)[0]) < abs(level(told)[0] - level(PRIOR)[0])
    assert estimates.chances["kept"].all()
    spread = [np.sqrt(belief.cov[0].diagonal())[1:] for belief in (PRIOR, told)]
    np.testing.assert_allclose(spread[1], spread[0], rtol=0.1)  # nothing is said of who responds more


def test_where_a_kind_was_randomised_its_other_campaigns_are_not_used():
    drawn, chosen = panel([0.5]), panel([-2.0], randomised=False, lean=0.6, seed=3)
    moved = chosen.rows.assign(member_id="o" + chosen.rows["member_id"], offer_id="D", campaign="D")
    x = pd.concat([drawn.x, chosen.x], ignore_index=True)
    both = audience.Audience(pd.concat([drawn.rows, moved], ignore_index=True), x, x, drawn.left_out)
    belief, _ = after(both)
    assert belief.source[0] == "randomised"
    assert abs(level(belief)[0] - 0.5) < 3 * level(belief)[1]


@pytest.mark.parametrize("randomised", [True, False])
def test_thin_data_keep_the_assumption(randomised):
    found = panel([3.0], rows=60, randomised=randomised, lean=0.0 if randomised else 0.5)
    strict = SETTINGS.model_copy(update={"min_ess": 100})
    belief, _ = after(found, strict)
    assert belief.source == ("assumed",) * 3
    np.testing.assert_array_equal(belief.mean, PRIOR.mean)


def test_what_is_assumed_said_by_campaigns_and_used_stand_beside_each_other():
    found = panel([0.5])
    belief, estimates = after(found)
    crowd = people()
    told = beside(belief, estimates, crowd)
    assumed, spend = PRIOR.uplifts(crowd)[0], crowd["expected_spend"]
    assert told["assumed"].tolist() == pytest.approx(np.average(assumed, axis=0, weights=spend).tolist(), abs=1e-3)
    assert told["campaigns"].isna().tolist() == [False, True, True]
    whole = estimates.effects[(estimates.effects["by"] == "all") & (estimates.effects["outcome"] == "ordered")]
    assert told.loc["mail", ["campaigns", "campaigns_sd"]].tolist() == pytest.approx(
        whole[["uplift", "uplift_sd"]].iloc[0].tolist()
    )
    assert told.loc["mail", "uplift_sd"] < told.loc["mail", "assumed_sd"]
    assert told["source"].tolist() == list(belief.source)
    assert evidence.metrics(told) == {"response_mail": told.loc["mail", "uplift"]}
    assert f"{told.loc['mail', 'uplift']:.1%}" in words.render("beliefs", table=told)
    assert len(figures.beliefs(told).get_yticklabels()) == 3
    plt.close("all")


def test_kinds_that_speak_for_one_benefit_are_pooled_by_precision_and_bias():
    columns = ["kind", "source", "by", "outcome", "uplift", "uplift_sd", "systematic", "usable"]
    rows = [("Mail", "randomised", 0.1, 0.03, 0.0), ("Mail", "observational", 0.9, 0.01, 0.0)]
    rows += [("Call", "observational", 0.2, 0.0, 0.03), ("Ad", "observational", 5.0, 0.1, 0.1)]
    told = pd.DataFrame([(*row[:2], "all", "ordered", *row[2:], True) for row in rows], columns=columns)
    estimates = effects.Estimates(told, told, told, told, told)
    found = evidence.said(estimates, {"gift": ["Mail", "Call"], "other": ["Radio"]})
    assert found.loc["gift"].tolist() == pytest.approx([0.15, 0.03 / np.sqrt(2)])
    assert found.index.tolist() == ["gift"]


def test_without_campaigns_all_stays_assumed():
    nothing = panel([0.5])
    empty = audience.Audience(nothing.rows[:0], nothing.x[:0], nothing.x[:0], nothing.left_out)
    belief, estimates = after(empty)
    assert belief == PRIOR or belief.source == PRIOR.source
    told = beside(belief, estimates, people())
    assert told["campaigns"].isna().all() and evidence.metrics(told) == {}
