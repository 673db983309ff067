"""BG/BB as a candidate: opportunities are counted backwards from a cut-off, and forecasts are what comes."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import small_panel

from membership.base import engine, stored
from membership.base.errors import DataError
from membership.lifetimes.rounds import BgBb
from membership.settings.value import Value
from membership.value import candidate_models, opportunities, origins, panel, score
from membership.value.opportunities import Opportunities

MONTHS = Value(candidates=["same_rate", "bgbb"], opportunity="month", origins=2, learning_origins=1, bootstrap=20)
TRUTH = BgBb(1.2, 0.75, 0.66, 2.78)
ROUNDS, DAYS, AHEAD = 8, 30, 2


def bought(**days) -> pd.DataFrame:
    """Return purchases, 10.00 each, on those `days` after the start of `small_panel`, by member."""
    rows = [(name, day, 1000) for name, all_days in days.items() for day in all_days]
    return pd.DataFrame(rows, columns=["member_id", "day", "amount"])


def counted(rows: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return what is counted `days` after the start, by member."""
    cutoff = small_panel.START + timedelta(days=days)
    con = engine.connect()
    asked = engine.Prepared(con, opportunities.at(small_panel.events(rows, con), cutoff, MONTHS))  # as when served
    return asked().set_index("member_id").sort_index()


@pytest.fixture(scope="module")
def seldom() -> pd.DataFrame:
    """Return purchases of 1,200 members who came in the first round, each round that they buy in on 1 to 3 days."""
    rng, members = np.random.default_rng(5), 1200
    buys, stops = rng.beta(TRUTH.alpha, TRUTH.beta, members), rng.beta(TRUTH.gamma, TRUTH.delta, members)
    there = np.arange(ROUNDS + AHEAD) < rng.geometric(np.maximum(stops, 1e-9))[:, None]  # round 0 and those it stays
    comes = there & (rng.random(there.shape) < buys[:, None])
    comes[:, 0] = True
    places = np.argwhere(comes).repeat(1 + rng.binomial(2, 0.3, comes.sum()), axis=0)
    days = places[:, 1] * DAYS + rng.integers(0, DAYS, len(places))
    ids = [f"m{number:04d}" for number in places[:, 0]]
    return pd.DataFrame({"member_id": ids, "day": days, "amount": 1000}).drop_duplicates(["member_id", "day"])


def test_rounds_are_counted_backwards_from_the_cut_off_and_begin_after_the_first_purchase():
    rows = bought(first=[95], came=[0, 1, 31, 31, 60, 119], stayed_away=[29], later=[130], edges=[29, 30, 89, 90])
    found = counted(rows, 120)
    assert list(found.index) == ["came", "edges", "first", "stayed_away"]  # whose first purchase is before the cut-off
    assert found[list(opportunities.COUNTED)].to_numpy().tolist() == [
        [3, 3, 3, 3, 3],
        [3, 3, 3, 3, 3],
        [0, 0, 0, 0, 0],
        [0, 0, 3, 0, 0],
    ]
    assert counted(bought(often=[0, 30, 31, 32, 61]), 90).loc[
        "often", ["round_days_bought", "round_squares"]
    ].tolist() == [4, 10]


def test_forecasts_are_what_members_of_a_known_truth_do(seldom):
    cutoff = ROUNDS * DAYS
    now = counted(seldom[seldom["day"] < cutoff], cutoff)
    now["purchase_days"] = seldom[seldom["day"] < cutoff].groupby("member_id").size()
    model = Opportunities.fit(now, MONTHS)
    after = seldom[seldom["day"] >= cutoff].groupby("member_id").size().reindex(now.index, fill_value=0)
    expected = pd.Series(model.expected_purchases(now, AHEAD * DAYS), now.index)
    assert expected.sum() == pytest.approx(after.sum(), rel=0.1)
    often = now["rounds_bought"] > 4
    assert expected[often].sum() == pytest.approx(after[often].sum(), rel=0.1)
    assert expected[~often].sum() == pytest.approx(after[~often].sum(), rel=0.15)
    np.testing.assert_allclose(model.model.p_alive(now), TRUTH.p_alive(now), atol=0.06)
    assert model.mean == pytest.approx(1.6, abs=0.05)


def test_a_part_of_a_round_is_that_part_of_what_the_round_brings(seldom):
    now = counted(seldom, 210).assign(purchase_days=5)
    model = Opportunities(TRUTH, DAYS, 2.0, np.inf)
    one, two = (model.expected_purchases(now, days) for days in (DAYS, 2 * DAYS))
    np.testing.assert_allclose(model.expected_purchases(now, 45), (one + two) / 2)
    np.testing.assert_allclose(one, 2 * TRUTH.expected_purchases(now, 1))
    assert (model.expected_purchases(now, 0) == 0).all()


def test_a_members_own_days_count_as_much_as_its_rounds():
    rows = {"rounds_bought": [2, 0], "last_round": [4, 0], "rounds": 4, "round_days_bought": [8, 0], "purchase_days": 9}
    rows, model = pd.DataFrame(rows), Opportunities(TRUTH, DAYS, 1.0, 2.0)
    days = model.expected_purchases(rows, DAYS) / TRUTH.expected_purchases(rows, 1)
    np.testing.assert_allclose(days, [(8 + 2 * 1.0) / (2 + 2), 1.0])


@pytest.fixture(scope="module")
def market(seldom):
    """Return the panel of 150 of these members and one who never bought."""
    return small_panel.build(seldom[seldom["member_id"] < "m0150"], 151, settings=MONTHS)


def test_who_has_never_bought_is_expected_to_buy_nothing_and_others_something(market):
    candidate, ever = candidate_models.seldom(market, MONTHS), (market.now["purchase_days"] > 0).to_numpy()
    orders = candidate.orders(market.now, 45)
    assert (~ever).sum() == 1 and (orders[~ever] == 0).all() and (orders[ever] > 0).all()
    np.testing.assert_allclose(candidate.spend(market.now, 45), 1000 * orders, rtol=1e-3)
    assert candidate.parameters.index.is_unique


def test_it_is_judged_used_stored_and_loaded_as_any_candidate(market, tmp_path):
    rolled = origins.roll(market, MONTHS, 1)
    assert set(rolled.judged["candidate"]) == {"same_rate", "bgbb"}
    fitted = origins.fit(market, rolled.predictions, MONTHS, 1)
    stored.save(tmp_path, fitted.candidates["bgbb"].rule)
    again = stored.load(tmp_path, score.STORED)
    np.testing.assert_array_equal(again.spend(market.now, 92), fitted.candidates["bgbb"].spend(market.now, 92))


def test_the_snapshot_of_all_has_what_the_panel_has_and_nothing_is_counted_that_no_candidate_reads(market, seldom):
    rows = market.now.drop(columns=list(opportunities.COUNTED)).reset_index()
    members = pd.DataFrame({"member_id": market.now.index, "joined_at": pd.NaT, "left_at": pd.NaT})
    events = small_panel.events(seldom[seldom["member_id"] < "m0150"])
    found = panel.snapshot(rows, market.cutoffs[-1], members, None, events, MONTHS)
    pd.testing.assert_frame_equal(found, market.now, check_dtype=False)
    assert panel.snapshot(rows, market.cutoffs[-1], members, None, events, Value()).columns.tolist() == [
        name for name in found if name not in opportunities.COUNTED
    ]


def test_too_few_rounds_are_refused_with_what_would_do(market):
    years = MONTHS.model_copy(update={"opportunity": "year"})
    with pytest.raises(DataError, match=r"value.opportunity = year.*Set a shorter one"):
        Opportunities.fit(market.now.assign(rounds=2), years)
