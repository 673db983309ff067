"""Whom campaigns should have reached: known truth is recovered from randomised arms; too few data give nothing."""

import dataclasses

import ibis
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from membership.campaigns import audience, effects, policy
from membership.campaigns import log as campaign_log
from membership.data.sources import simulate
from membership.report import words
from membership.report.figures import campaigns as figures
from membership.settings import params

YEAR = {
    "windows.start": "2017-01-01",
    "windows.calibration_end": "2017-11-01",
    "windows.validation_end": "2018-01-01",
    "windows.holdout_end": "2018-02-01",
    "dataset.simulate.members": 900,
    "dataset.simulate.days": 365,
    "dataset.simulate.start": "2017-01-01",
    "dataset.simulate.offers": 4,
    "dataset.simulate.offer_response": 0.0,
    "dataset.simulate.views_per_order": 0.0,
}
PARAMS = params.parse(params.read(), YEAR)
SETTINGS = PARAMS.campaigns.model_copy(update={"trees": 20, "folds": 3})
MARGIN, COST = 0.3, 400.0
NO_TIERS = pd.DataFrame({"member_id": [], "as_of": [], "tier": []}).astype({"member_id": "str", "tier": "str"})
NO_TIERS["as_of"] = pd.to_datetime(NO_TIERS["as_of"])


def reachable(market, knobs=PARAMS):
    tables = market.canonical
    events = ibis.memtable(tables.events)
    return audience.build(events, tables.offers, tables.exposures, NO_TIERS, knobs.windows, "UTC", SETTINGS, 14)


@pytest.fixture(scope="module")
def moved():
    """A randomised audience, with a known effect (cents) on those with frequent orders and on nobody else."""
    found = reachable(simulate.market(PARAMS.dataset.simulate, 7))
    days = (found.rows["end"] - found.rows["start"]).dt.days
    orders = found.x["log orders a day"]
    effect = np.where(orders > orders.median(), 6000.0, 0.0)
    plain = found.rows["outcome"]
    rows = found.rows.assign(outcome=plain + effect * found.rows["treated"] / days)
    changed = audience.Audience(rows, found.x, found.x_placebo, found.left_out)
    return changed, pd.DataFrame({"effect": effect, "without": plain * days})


@pytest.fixture(scope="module")
def judged(moved):
    decided = campaign_log.decisions(moved[0], SETTINGS, 1)
    return policy.compare(decided, campaign_log.Costs(COST, [0.0, COST, 5000.0], False), MARGIN, SETTINGS, 1)


@pytest.mark.parametrize("estimator", ["IPS", "SNIPS", "DR"])
@pytest.mark.parametrize("name", policy.POLICIES)
def test_the_true_value_of_every_policy_is_recovered_from_randomised_arms(moved, judged, name, estimator):
    rows, truth = judged.decisions.rows, moved[1]
    assert len(rows) == len(truth)
    reached = {"everybody": 1.0, "nobody": 0.0}.get(name, MARGIN * rows["believed_DR"].to_numpy() > COST)
    true = (MARGIN * (truth["without"] + reached * truth["effect"]) - reached * COST).mean()
    table = judged.by_policy.set_index(["policy", "estimator"])
    found = table.loc[(name, estimator)]
    assert abs(found["value"] - true) < 4 * found["error"]
    assert table.loc[(name, "DR"), "error"] < table.loc[(name, "IPS"), "error"]


def test_who_is_moved_is_found_and_choosing_by_it_pays(judged):
    assert judged.ranking.p_value < 0.05
    assert judged.ranking.low > 0
    gains = judged.gains.set_index("over")
    assert gains.loc["nobody", "low"] > 0
    assert gains.loc["what was done", "low"] > 0
    assert gains.loc[["nobody", "what was done"], "verdict"].tolist() == ["more", "more"]
    assert judged.ranks_members and judged.randomised == 1
    assert dataclasses.replace(judged, confidence=1.0).ranks_members is False


def test_every_learner_is_ranked_and_the_policy_goes_by_one_of_them(judged):
    assert list(judged.rankings) == ["T", "X", "DR"]
    assert judged.ranking is judged.rankings[policy.CHOSEN]
    table = policy.by_learner(judged)
    assert table.index.tolist() == ["T", "X", "DR"]
    assert table.loc["DR", ["auuc", "qini"]].tolist() == [judged.ranking.auuc, judged.ranking.qini]


def test_nobody_is_reached_once_it_costs_more_than_anybody_can_bring(judged):
    sweep = judged.sweep.set_index("cost")
    assert sweep["treated"].is_monotonic_decreasing
    assert sweep.loc[5000.0, "treated"] < 0.1 < sweep.loc[0.0, "treated"]
    assert judged.pays_at == sweep.index[sweep["low"] > 0].tolist()


def test_arms_that_are_not_known_are_called_observational_and_their_chances_are_estimated(moved):
    found = moved[0]
    untold = audience.Audience(
        found.rows.assign(randomised=False, propensity=np.nan), found.x, found.x_placebo, found.left_out
    )
    decided = campaign_log.decisions(untold, SETTINGS, 1)
    assert decided.rows["propensity"].between(SETTINGS.trim, 1 - SETTINGS.trim).all()
    cost = campaign_log.Costs(COST, [0.0], False)
    assert policy.compare(decided, cost, MARGIN, SETTINGS, 1).randomised == 0


def test_where_arms_are_not_known_gains_are_as_unsure_as_the_placebo_is_biased(moved):
    found = moved[0]
    favoured = found.rows["placebo"] + 300.0 * found.rows["treated"]  # the reached spent more before they were reached
    for randomised in (False, True):
        rows = found.rows.assign(placebo=favoured, randomised=randomised)
        rows = rows if randomised else rows.assign(propensity=np.nan)
        told = audience.Audience(rows, found.x, found.x_placebo, found.left_out)
        now, before = (campaign_log.decisions(told, SETTINGS, 1, placebo=at) for at in (False, True))
        cost = campaign_log.Costs(COST, [0.0], False)
        plain, wide = (policy.compare(now, cost, MARGIN, SETTINGS, 1, one).gains for one in (None, before))
        wider = (wide["bootstrap_low"] < plain["bootstrap_low"]) & (wide["bootstrap_high"] > plain["bootstrap_high"])
        assert wider[wide["over"] == "nobody"].item() is not randomised
        assert wide["placebo"].isna().all() == randomised


def test_no_row_is_judged_by_a_belief_that_saw_its_own_member(moved):
    """Changing what one member spent moves no belief about that member."""
    found = moved[0]
    member = found.rows["member_id"].iloc[0]
    own = found.rows["member_id"] == member
    spent = found.rows["outcome"] + 1e5 * own
    other = audience.Audience(found.rows.assign(outcome=spent), found.x, found.x_placebo, found.left_out)
    before, after = (campaign_log.decisions(one, SETTINGS, 1).rows for one in (found, other))
    names = ["propensity", "with_it", "without", "believed_T", "believed_X", "believed_DR"]
    same = (before[names].to_numpy() == after[names].to_numpy()).all(axis=1)
    assert same[before["member_id"] == member].all()
    assert not same.all()


def test_a_cost_that_offers_tell_is_used_and_otherwise_the_range_of_params_yaml(moved):
    offers = simulate.market(PARAMS.dataset.simulate.model_copy(update={"members": 20}), 7).canonical.offers
    known = campaign_log.costs(moved[0], offers.assign(cost=200.0), SETTINGS)
    got = moved[0].rows[moved[0].rows["treated"]]
    assert known.known
    assert known.judged == pytest.approx(200 * got["redeemed"].mean())
    unredeemed = dataclasses.replace(moved[0], rows=moved[0].rows.assign(redeemed=False))  # no file says who redeemed
    assert not campaign_log.costs(unredeemed, offers.assign(cost=200.0), SETTINGS).known
    unknown = campaign_log.costs(moved[0], offers.assign(cost=np.nan), SETTINGS)
    assert not unknown.known
    assert unknown.judged == np.median(SETTINGS.reach_costs)


@pytest.mark.parametrize("members", [12, 60])
def test_few_members_are_judged_or_said_to_be_too_few(members):
    found = reachable(simulate.market(PARAMS.dataset.simulate.model_copy(update={"members": members}), 3))
    decided = campaign_log.decisions(found, SETTINGS, 1)
    judged = policy.compare(decided, campaign_log.Costs(0.0, [0.0], False), MARGIN, SETTINGS, 1)
    assert (judged is None) == decided.rows.empty
    assert members > 12 or judged is None
    shown(judged)


def test_without_campaigns_there_are_no_values_and_no_figure(moved):
    found = moved[0]
    none = audience.Audience(found.rows[:0], found.x[:0], found.x_placebo[:0], found.left_out)
    decided = campaign_log.decisions(none, SETTINGS, 1)
    offers = pd.DataFrame({"offer_id": ["1"], "cost": [np.nan]}).astype({"offer_id": "str"})
    judged = policy.compare(decided, campaign_log.costs(none, offers, SETTINGS), MARGIN, SETTINGS, 1)
    assert judged is None
    assert policy.metrics(judged) == {}
    shown(judged)
    assert figures.values(judged, "EUR") is None


def test_the_figures_name_every_policy_and_show_units_of_currency(judged):
    ax = figures.values(judged, "EUR")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*policy.POLICIES, "what was done"]
    drawn = np.concatenate([line.get_xdata() for line in ax.lines])
    assert np.sort(drawn) == pytest.approx(np.sort(judged.by_policy["value"] / 100))
    shown(judged)


def test_tiers_come_in_their_order_and_those_not_known_last(judged):
    parts = [judged.by_tier.assign(group=name) for name in ("unknown", "Gold", "Silver")]
    several = dataclasses.replace(judged, by_tier=pd.concat(parts, ignore_index=True))
    assert figures.tier_table(several, ["Member", "Silver", "Gold"]).index.tolist() == ["Silver", "Gold", "unknown"]


def shown(judged):
    """Every table, figure and text can be made; the text of the conclusion shows the share that would be reached."""
    made = [figures.gain_table(judged), figures.learner_table(judged), figures.tier_table(judged, ["Silver"])]
    assert [table is None for table in made] == [judged is None] * 3
    assert judged is None or made[0].index.tolist() == [*policy.POLICIES[1:], policy.DONE]
    figures.clipping(judged, "EUR")
    figures.choosing(judged, "EUR")
    plt.close("all")
    nothing = effects._nothing()
    told = {"effects": effects.by_kind(nothing), "overlap": nothing.overlap, "confidence": 0.95, "currency": "EUR"}
    told |= {"orders": effects.by_kind(nothing, "ordered"), "repurchase_days": 14, "arms": []}
    text = words.render("campaigns", values=judged, **told)
    assert judged is None or f"{judged.reached:.0%}" in text
    assert words.render("campaign_log", values=judged)
