"""Which of several arms for whom: known truth is found by the draw of the arms alone; too few members give nothing."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from membership.campaigns import audience, choice, effects, reaction
from membership.report import formats, words
from membership.report.figures import campaigns as figures
from membership.settings import params
from membership.settings.benefits import Benefit

SETTINGS = params.load("campaigns").campaigns.model_copy(update={"trees": 10, "folds": 2})
MARGIN, COST = 0.5, {"call": 60.0, "mail": 20.0}
NOTHING = effects.by_kind(effects._nothing())
START = pd.Timestamp("2020-03-01")


def panel(rows, seed, effect=1.0, randomised=True):
    """Mail brings 200 cents where x0 > 0, a call 400 where x1 > 0, times `effect`; chances .5, .2 (none: .3)."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.normal(size=(rows, 2)), columns=["x0", "x1"])
    gain = effect * np.column_stack([400.0 * (x["x1"] > 0), 200.0 * (x["x0"] > 0)])
    arm = rng.choice(3, rows, p=[0.3, 0.2, 0.5])
    spend = rng.normal(500, 200, rows) + np.column_stack([np.zeros(rows), gain])[np.arange(rows), arm]
    told = {"member_id": np.arange(rows).astype(str), "outcome": spend / 10, "given": np.array([0.3, 0.2, 0.5])[arm]}
    people = pd.DataFrame(told).assign(
        arm=np.array(["control", "call", "mail"])[arm], campaign="C", start=START, end=START + pd.Timedelta(days=10)
    )
    parts = [
        people[people["arm"].isin(["control", name])].assign(offer_id=f"C / {name}", kind=name)
        for name in ("call", "mail")
    ]
    frame = pd.concat(parts)
    frame = frame.assign(treated=frame["arm"].ne("control"), randomised=randomised)
    known = x.loc[frame.index].reset_index(drop=True)
    return audience.Audience(frame.reset_index(drop=True), known, known, pd.Series(dtype=int)), gain


@pytest.fixture(scope="module")
def judged():
    reached, gain = panel(6000, 1)
    (log,) = choice.logs(reached, SETTINGS, COST, MARGIN, seed=1)
    (found,) = choice.judged([log], 0.95, seed=1)
    return found, MARGIN * gain[log.rows["member_id"].astype(int)]


def test_each_member_of_the_log_comes_once_and_arms_cost_what_they_cost(judged):
    log = judged[0].log
    assert log.names == ("call", "mail")
    assert log.rows["member_id"].is_unique and len(log.rows) == 6000
    assert log.cost.tolist() == [60, 20]
    assert [log.rows.loc[log.arm == at, "arm"].unique().tolist() for at in range(3)] == [
        ["control"],
        ["call"],
        ["mail"],
    ]


def test_the_gain_of_each_arm_is_recovered_and_its_predictions_are_calibrated(judged):
    found, truth = judged
    for at, row in enumerate(found.by_arm.itertuples()):
        assert abs(row.gain - truth[:, at].mean()) < 3 * row.error < 30
        assert abs(row.slope - 1) < 3 * row.slope_sd
    assert found.calibration.groupby("arm")["rows"].sum().tolist() == [6000, 6000]


def test_the_best_arm_for_each_is_found_and_is_worth_more_than_one_for_all(judged):
    found, truth = judged
    padded = np.column_stack([np.zeros(len(truth)), truth - found.log.cost])
    best = found.policies.loc["best predicted"]
    assert abs(best["worth"] - padded[np.arange(len(truth)), found.log.best].mean()) < 3 * best["error"]
    alike = found.policies.loc[["all: call", "all: mail"], "worth"].max()
    assert best["low"] > alike
    assert found.ranking.low > 0 and found.ranking.p_value < 0.01


def test_the_worth_of_any_other_policy_follows_from_the_propensities(judged):
    found, truth = judged
    x_says = np.where(found.log.rows.index.to_numpy() % 2 == 0, 2, 0)  # every other member gets the mail
    row = choice.by_policy(found.log, {"half": x_says}, 0.95).loc["half"]
    assert (row["reached"], row["cost"]) == (0.5, 10)
    assert abs(row["worth"] - ((truth[:, 1] - 20) * (x_says == 2)).mean()) < 3 * row["error"]


def test_the_allocations_rule_takes_the_arm_whose_benefit_brings_most_beyond_its_cost(judged):
    log = choice.subset(judged[0].log, judged[0].log.rows.index.to_numpy() < 3)
    spend = np.array([0.0, 1000.0, 10_000.0])  # of which benefits bring a tenth and a fifth, less 60 and 20 cents
    rows = pd.DataFrame({"campaign": "C", "kind": ["Ad / call", "Ad / mail", "Ad / mail"], "expected_spend": spend})
    rows = rows.assign(member_id=log.rows["member_id"], chance=0.5, days_since_last=5, expected_orders=1.0, tier_rank=0)
    gifts = [Benefit(name=name, kind="discount", uplift=up, uplift_sd=0) for name, up in (("a", 0.2), ("b", 0.1))]
    belief = reaction.prior(gifts, rows, SETTINGS.reaction)
    kinds = {"a": ["Ad / call"], "b": ["Ad / mail"]}
    assert choice.by_belief(log, rows, belief, kinds, MARGIN).tolist() == [0, 1, 1]
    assert choice.by_belief(log, rows, belief, {"b": ["Ad / mail"]}, MARGIN).tolist() == [0, 2, 2]
    assert choice.by_belief(log, rows, belief, {}, MARGIN).tolist() == [0, 0, 0]


def test_where_no_arm_does_anything_the_interval_covers_0():
    covered = 0
    for seed in range(12):
        (log,) = choice.logs(panel(800, 50 + seed, effect=0.0)[0], SETTINGS, 0.0, MARGIN, seed=seed)
        ranking = choice.judged([log], 0.99, seed=seed)[0].ranking
        covered += ranking.low <= 0 <= ranking.high
    assert covered >= 11


def test_campaigns_with_one_arm_few_members_or_without_a_draw_give_no_log():
    whole = panel(600, 3)[0]
    one = audience.Audience(whole.rows[whole.rows["kind"] == "mail"], whole.x, whole.x, whole.left_out)
    strict = SETTINGS.model_copy(update={"min_ess": 200})  # of 600 calls reached some 120
    for found, settings in ((one, SETTINGS), (whole, strict), (panel(600, 3, randomised=False)[0], SETTINGS)):
        assert choice.logs(found, settings, COST, MARGIN, seed=1) == []
    assert choice.judged([], 0.95, seed=1) == []
    assert choice.metrics([]) == {}
    assert figures.several_arms([], "EUR") is None


def test_the_figure_shows_money_in_units_of_currency(judged):
    axes = figures.several_arms([judged[0]], "EUR")
    assert axes[0, 0].lines[0].get_ydata() == pytest.approx(judged[0].curve["worth"].to_numpy() / 100)
    assert set(choice.metrics([judged[0]])) == {"campaign_arms_qini", "campaign_arms_qini_p_value"}
    told = {"orders": NOTHING, "repurchase_days": 14, "confidence": 0.95, "currency": "EUR", "values": None}
    text = words.render("campaigns", effects=NOTHING, overlap=NOTHING, arms=[judged[0]], **told)
    assert formats.money(judged[0].policies.loc["best predicted", "worth"]) in text
    plt.close("all")
