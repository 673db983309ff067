"""Response: known effects are recovered from simulated campaigns, and weigh against what is assumed."""

import ibis
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import ParamError
from membership.campaigns import arms, audience, effects, response
from membership.data.sources import simulate
from membership.report import words
from membership.report.figures import response as figures
from membership.settings import params

PARAMS = params.parse(
    params.read(),
    {
        "windows.start": "2017-01-01",
        "windows.calibration_end": "2017-11-01",
        "windows.validation_end": "2018-01-01",
        "windows.holdout_end": "2018-02-01",
        "dataset.simulate.members": 1500,
        "dataset.simulate.days": 365,
        "dataset.simulate.start": "2017-01-01",
        "dataset.simulate.offers": 5,
        "dataset.simulate.offer_response": 0.0,
        "dataset.simulate.views_per_order": 0.0,
    },
)
SETTINGS = PARAMS.campaigns.model_copy(update={"repeats": 1, "trees": 30})
NO_TIERS = pd.DataFrame({"member_id": [], "as_of": [], "tier": []}).astype({"member_id": "str", "tier": "str"})
NO_TIERS["as_of"] = pd.to_datetime(NO_TIERS["as_of"])
UPLIFT = 0.5  # of what those reached spend while a campaign runs


def reachable(events, offers, exposures, settings=SETTINGS):
    return audience.build(ibis.memtable(events), offers, exposures, NO_TIERS, PARAMS.windows, "UTC", settings, 14)


def with_effect(events, offers, exposures, uplift):
    """Return `events` with amounts `uplift` higher where their member had been reached by a campaign that ran."""
    got = exposures[exposures["arm"].ne(arms.CONTROL)].merge(offers, on="offer_id")
    pairs = events.reset_index()[["index", "member_id", "at"]].merge(
        got[["member_id", "starts_at", "ends_at"]], on="member_id"
    )
    during = pairs.loc[(pairs["at"] >= pairs["starts_at"]) & (pairs["at"] < pairs["ends_at"]), "index"]
    share = 1 + uplift * events.index.isin(during)
    return events.assign(amount=(events["amount"] * share).round().astype("int64"))


def chosen_by_spend(market, seed):
    """Return exposures of members drawn the likelier the more they had spent before: arms and odds are not told."""
    rng, sent = np.random.default_rng(seed), []
    for offer in market.offers.itertuples():
        before = market.events[market.events["at"] < offer.starts_at]
        spent = before.groupby("member_id")["amount"].sum().clip(lower=0)
        score = np.log1p(spent)
        odds = 1 / (1 + np.exp(-1.5 * (score - score.median())))
        who = spent.index[rng.random(len(odds)) < 0.1 + 0.6 * odds]
        sent.append(pd.DataFrame({"member_id": who, "offer_id": offer.offer_id, "at": offer.starts_at}))
    table = pd.concat(sent, ignore_index=True)
    table = table.assign(exposure_id=table.index.astype(str), arm=None, propensity=np.nan, redeemed_at=pd.NaT)
    return table.astype({"arm": "str", "redeemed_at": "datetime64[us]"})


@pytest.fixture(scope="module")
def market():
    """A market in which campaigns change nothing, so that tests can add an effect of a known size."""
    return simulate.market(PARAMS.dataset.simulate, 7).canonical


@pytest.fixture(scope="module")
def personas(market):
    members = market.members["member_id"]
    return pd.Series(np.where(np.arange(len(members)) % 2, "odd", "even"), index=members)


@pytest.fixture(scope="module")
def randomised(market, personas):
    """The audience and estimates of randomised campaigns that bring UPLIFT."""
    events = with_effect(market.events, market.offers, market.exposures, UPLIFT)
    found = reachable(events, market.offers, market.exposures)
    return found, effects.estimate(found, personas, SETTINGS, seed=1)


def whole(found):
    return found.effects[found.effects["by"] == "all"].iloc[0]


def test_the_known_effect_of_randomised_campaigns_is_recovered(randomised):
    row = whole(randomised[1])
    assert row["source"] == "randomised"
    assert abs(row["uplift"] - UPLIFT) < 3 * row["uplift_sd"] < 0.25
    assert abs(row["placebo"]) < 3 * row["placebo_sd"]
    assert row["systematic"] == 0
    assert randomised[1].overlap["kept"].item() == 1


def test_the_known_effect_on_members_chosen_by_their_spend_is_recovered_where_a_plain_comparison_is_not(
    market, personas
):
    sent = chosen_by_spend(market, 0)
    found = reachable(with_effect(market.events, market.offers, sent, UPLIFT), market.offers, sent)
    means = found.rows.groupby("treated")["outcome"].mean()
    estimates = effects.estimate(found, personas, SETTINGS, seed=1)
    row = whole(estimates)
    assert means[True] / means[False] - 1 > 2 * UPLIFT
    assert row["source"] == "observational"
    assert row["low"] < UPLIFT < row["high"]
    assert abs(row["uplift"] - UPLIFT) < 0.2
    balance = estimates.balance[["before", "after"]].abs().max()
    assert balance["after"] < 0.3 * balance["before"]


def test_where_campaigns_change_nothing_nothing_is_found(market, personas):
    for sent in (market.exposures, chosen_by_spend(market, 1)):
        row = whole(effects.estimate(reachable(market.events, market.offers, sent), personas, SETTINGS, seed=1))
        assert row["low"] < 0 < row["high"]
        assert abs(row["uplift"]) < 0.2


def test_campaigns_that_follow_hidden_plans_are_betrayed_by_the_placebo(market, personas):
    """Reached are those who happen to spend much in the month before: the placebo cannot be told apart from that."""
    sent = []
    for offer in market.offers.itertuples():
        since = offer.starts_at - (offer.ends_at - offer.starts_at)
        recent = market.events[(market.events["at"] >= since) & (market.events["at"] < offer.starts_at)]
        sent.append(market.exposures[market.exposures["offer_id"].eq(offer.offer_id)
                                     & market.exposures["member_id"].isin(recent["member_id"])])  # fmt: skip
    sent = pd.concat(sent).sample(frac=0.6, random_state=0).assign(arm=None, propensity=np.nan).astype({"arm": "str"})
    row = whole(effects.estimate(reachable(market.events, market.offers, sent), personas, SETTINGS, seed=1))
    assert row["placebo"] > 5 * row["placebo_sd"]
    assert row["systematic"] > 0.5 * row["placebo"]
    assert row["high"] - row["low"] > 2 * 1.96 * row["systematic"]


def test_the_same_seed_gives_the_same_estimates_and_rows_do_not_depend_on_their_order(market, randomised, personas):
    found, first = randomised
    again = effects.estimate(found, personas.sample(frac=1, random_state=0), SETTINGS, seed=1)
    pd.testing.assert_frame_equal(again.effects, first.effects)


def test_too_few_members_in_an_arm_get_no_estimate(randomised, personas):
    strict = SETTINGS.model_copy(update={"min_ess": 5000})
    found = effects.estimate(randomised[0], personas, strict, seed=1)
    assert found.effects.empty


def test_redemption_is_counted_among_those_reached_only(randomised, personas):
    found, _ = randomised
    table = response.redemption(found, personas, 0.95)
    reached = found.rows[found.rows["treated"]]
    all_of_them = table[table["by"] == "all"].iloc[0]
    assert all_of_them["reached"] == len(reached)
    assert all_of_them["rate"] == pytest.approx(reached["redeemed"].mean())
    assert (table["low"] <= table["rate"]).all()
    assert (table["rate"] <= table["high"]).all()
    by_persona = table[table["by"] == "persona"]
    assert by_persona["reached"].sum() == len(reached)


def test_nobody_redeeming_still_leaves_an_interval():
    rows = pd.DataFrame({"member_id": ["a", "b", "c"], "kind": "Mail", "treated": True, "redeemed": False, "tier": "x"})
    table = response.redemption(audience.Audience(rows, rows, rows, pd.Series()), pd.Series(dtype="str"), 0.95)
    z2 = 1.959964**2
    np.testing.assert_allclose(table["low"], 0, atol=1e-12)
    np.testing.assert_allclose(table["high"], z2 / (3 + z2), rtol=1e-5)  # Wilson's, of 0 in 3


def test_evidence_for_a_benefit_that_is_not_in_the_catalogue_is_refused():
    with pytest.raises(ParamError, match=r"campaigns\.evidence: cake: no such benefit"):
        params.parse(params.read(), {"campaigns.evidence": {"cake": ["Mail"]}})


def test_tables_and_metrics_of_what_was_found(randomised):
    found, estimates = randomised
    counts, row = found.counts, whole(estimates)
    assert counts["campaigns"] == counts["randomised"] == found.rows["offer_id"].nunique()
    assert counts["reached"] == found.rows["treated"].sum() > counts["members"]
    table = effects.by_kind(estimates)
    assert table.loc["discount", ["campaigns", "uplift", "clear"]].tolist() == [
        counts["campaigns"],
        row["uplift"],
        True,
    ]
    assert effects.metrics(estimates)["response_discount_randomised"] == row["uplift"]


def test_words_and_figures_of_what_was_found(randomised, personas):
    found, estimates = randomised
    assert str(found.counts["campaigns"]) in words.render(
        "campaign_audience", counts=found.counts, left_out=found.left_out
    )
    assert f"{whole(estimates)['uplift']:.1%}" in conclusion(estimates)
    ax = figures.effects(estimates.effects, "persona")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["even", "odd"]
    assert len(figures.overlap(estimates.propensities, 0.05)) == 1
    assert figures.balance(estimates.balance).get_title()
    ordered = figures.redemption(response.redemption(found, personas, 0.95), "persona", ["odd", "even"])
    assert [label.get_text() for label in ordered.get_yticklabels()] == ["odd", "even"]
    plt.close("all")


def test_without_campaigns_there_are_no_effects_and_nothing_is_drawn(market, personas, workspace):
    nothing = reachable(market.events, market.offers[:0], market.exposures[:0])
    estimates = effects.estimate(nothing, personas, SETTINGS, seed=1)
    tables.write("campaign_effects", estimates.effects)
    assert tables.read("campaign_effects").empty
    assert nothing.counts["campaigns"] == 0
    assert effects.metrics(estimates) == {}
    assert effects.by_kind(estimates).empty
    assert words.render("campaign_audience", counts=nothing.counts, left_out=nothing.left_out)
    assert conclusion(estimates)
    redeemed = response.redemption(nothing, personas, 0.95)
    drawn = [
        figures.effects(estimates.effects, "all"),
        figures.balance(estimates.balance),
        figures.overlap(estimates.propensities, 0.05),
        figures.redemption(redeemed, "tier"),
    ]
    assert drawn == [None] * 4
    plt.close("all")


def conclusion(estimates):
    """Render the conclusion on campaigns without any policies."""
    told = {"effects": effects.by_kind(estimates), "overlap": estimates.overlap, "confidence": 0.95, "currency": "EUR"}
    told |= {"orders": effects.by_kind(estimates, "ordered"), "repurchase_days": 14, "arms": []}
    return words.render("campaigns", values=None, **told)
