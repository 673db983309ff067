from datetime import date
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import beta as beta_function

from membership.base.errors import DataError
from membership.lifetimes import markets, search
from membership.lifetimes.rounds import BgBb, in_rounds

# Fader, Hardie & Shang (2010): 11,104 donors, 6 yearly rounds: rounds bought, last round, donors. The table is printed
# in the paper; these numbers are those of lifetimes 0.11.3 (MIT licence), datasets/donations.csv.
DONATIONS = [
    (0, 0, 3464), (1, 1, 1091), (1, 2, 277), (1, 3, 129), (1, 4, 78), (1, 5, 119), (1, 6, 129), (2, 2, 613),
    (2, 3, 255), (2, 4, 155), (2, 5, 173), (2, 6, 234), (3, 3, 322), (3, 4, 181), (3, 5, 225), (3, 6, 357),
    (4, 4, 240), (4, 5, 284), (4, 6, 512), (5, 5, 335), (5, 6, 728), (6, 6, 1203),
]  # fmt: skip
TRUTH = np.array([1.2, 0.75, 0.66, 2.78])
sizes = st.floats(0.05, 20)


def histories(*rows):
    return pd.DataFrame(rows, columns=["rounds_bought", "last_round", "rounds"])


@pytest.fixture(scope="module")
def donors():
    rows = pd.DataFrame(DONATIONS, columns=["rounds_bought", "last_round", "donors"])
    return rows.loc[rows.index.repeat(rows.pop("donors"))].assign(rounds=6).reset_index(drop=True)


@pytest.fixture(scope="module")
def fitted(donors):
    return BgBb.fit(donors)


def test_published_parameters_and_likelihood_of_the_donations(fitted):
    assert np.round(fitted.estimate.values, 3).tolist() == [1.204, 0.750, 0.657, 2.783]
    assert round(fitted.estimate.log_likelihood, 1) == -33225.6
    assert fitted.estimate.agreeing == fitted.estimate.starts and fitted.estimate.doubts == ()


def test_published_predictions_of_the_donations(donors, fitted):
    """P(alive): table 6 of the paper; the others: Hardie's spreadsheet, as quoted by the tests of lifetimes."""
    shown = histories((0, 0, 6), (2, 4, 6), (6, 6, 6))
    assert np.round(fitted.p_alive(shown), 2).tolist() == [0.11, 0.59, 0.93]
    assert round(fitted.expected_purchases(donors, 5).sum(), 1) == 12884.2
    frequencies = fitted.frequencies(donors, 6)
    assert np.round(frequencies[[0, 6]], 1).tolist() == [3454.9, 1253.1]
    repeats = [0.4985, 0.9233, 1.2969, 1.6323, 1.9381, 2.2202, 2.4826, 2.7285, 2.9603, 3.1798, 3.3887]
    assert np.round(fitted.expected_repeats(11), 4).tolist() == repeats


def test_likelihood_is_the_sum_over_every_round_in_which_a_member_may_have_stopped():
    a, b, c, d = parameters = (0.8, 1.7, 0.6, 2.2)
    bought, rounds, chances = 2, 5, 0.0
    for stays in range(4, rounds + 1):  # the second purchase was in round 4
        stops = beta_function(c + (stays < rounds), d + stays) / beta_function(c, d)
        chances += stops * beta_function(a + bought, b + stays - bought) / beta_function(a, b)
    problem = BgBb.problem(histories((bought, 4, rounds)))
    assert problem.likelihood(np.log(parameters))[0] == pytest.approx(np.log(chances))


@settings(max_examples=20, deadline=None)
@given(st.tuples(sizes, sizes, sizes, sizes))
def test_chances_of_all_histories_add_up_to_the_expected_frequencies(parameters):
    chances = np.zeros(5)
    for last in range(1, 5):
        for bought in range(1, last + 1):
            problem = BgBb.problem(histories((bought, last, 4)))
            chances[bought] += comb(last - 1, bought - 1) * np.exp(problem.likelihood(np.log(parameters))[0])
    expected = BgBb(*parameters).frequencies(histories((0, 0, 4)), 4)
    np.testing.assert_allclose(expected, [1 - chances.sum(), *chances[1:], 0], atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4), st.integers(0, 99))
def test_gradient_is_the_slope_of_the_likelihood(theta, seed):
    rows = markets.bgbb(50, *TRUTH, rounds=(1, 30), future_rounds=0, rng=np.random.default_rng(seed)).features
    problem, theta = BgBb.problem(rows.sort_values("rounds_bought").tail(40)), np.array(theta)
    slopes = optimize.approx_fprime(theta, lambda at: problem.likelihood(at)[0], 1e-6)
    np.testing.assert_allclose(problem.likelihood(theta)[1], slopes, atol=2e-4, rtol=2e-4)


def test_predictions_are_what_a_market_of_known_truth_does_next():
    market = markets.bgbb(400_000, *TRUTH, rounds=(4, 6), future_rounds=8, rng=np.random.default_rng(3))
    model, found = BgBb(*TRUTH), market.features.join(market.after)
    found["p_alive"], found["expected"] = model.p_alive(market.features), model.expected_purchases(market.features, 8)
    cells = found.groupby(["rounds_bought", "last_round", "rounds"])
    table, error = cells.mean(), np.sqrt(cells[["alive", "purchases"]].var() / cells.size().to_numpy()[:, None])
    assert (abs(table["alive"] - table["p_alive"]) < 4 * error["alive"].clip(lower=1e-3)).all()
    assert (abs(table["purchases"] - table["expected"]) < 4 * error["purchases"].clip(lower=1e-3)).all()


def test_expected_frequencies_are_those_of_a_market_of_known_truth():
    rows = markets.bgbb(100_000, *TRUTH, rounds=(2, 9), future_rounds=0, rng=np.random.default_rng(4)).features
    expected = BgBb(*TRUTH).frequencies(rows, 6)
    counts = np.bincount(rows["rounds_bought"].clip(upper=7), minlength=8)
    assert expected.sum() == pytest.approx(len(rows))
    assert (abs(counts - expected) < 4 * np.sqrt(expected)).all()


def test_discounted_purchases_are_the_discounted_sum_of_those_of_each_round():
    model, rows = BgBb(*TRUTH), histories((0, 0, 0), (0, 0, 6), (2, 4, 6), (40, 90, 100))
    ahead = np.array([model.expected_purchases(rows, rounds) for rounds in range(80)])
    discounts = 1.5 ** -np.arange(1, 80.0)
    found = model.discounted_purchases(rows, yearly_rate=0.5, round_days=365)
    np.testing.assert_allclose(found, discounts @ np.diff(ahead, axis=0), rtol=1e-8)


def test_a_new_member_is_expected_to_do_what_the_market_does():
    model, new = BgBb(*TRUTH), histories((0, 0, 0))
    assert model.expected_purchases(new, 5) == pytest.approx(model.expected_repeats(5)[-1])
    assert model.p_alive(new) == pytest.approx(2.78 / (0.66 + 2.78))
    assert model.expected_purchases(new, 0) == 0


def test_equal_rows_count_as_often_as_they_occur_and_order_does_not_matter(donors, fitted):
    shuffled = donors.sample(frac=1, random_state=1).astype(float)
    assert BgBb.fit(shuffled) == fitted


def test_members_without_a_round_are_left_out_of_the_fit(donors, fitted):
    with_new = pd.concat([donors, histories((0, 0, 0), (0, 0, 0))], ignore_index=True)
    assert BgBb.fit(with_new) == fitted


def test_profile_intervals_cover_the_truth_of_simulated_markets():
    covered = np.zeros(4)
    for seed in range(40):
        rows = markets.bgbb(2000, *TRUTH, rounds=(4, 12), future_rounds=0, rng=np.random.default_rng(seed)).features
        problem = BgBb.problem(rows)
        covered += search.likelihood_ratio(problem, search.maximise(problem), np.log(TRUTH)) < 3.84
    assert (covered >= 33).all()  # of 40, at 95 %: fewer once in 1,400


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ((1, 7, 6), "'last_round': 7"),
        ((3, 2, 6), "'rounds_bought': 3"),
        ((0, 2, 6), "'last_round': 2"),
        ((1, 0, 6), "'last_round': 0"),
        ((-1, 2, 6), "'rounds_bought': -1"),
        ((1.5, 2, 6), "1.5"),
        ((np.nan, 2, 6), "nan"),
        ((1, 2, np.inf), "inf"),
        ((1, 2, 501), "501"),
        (("one", 2, 6), "one"),
    ],
)
def test_impossible_histories_are_named(row, shown):
    rows = histories((1, 2, 6), row)
    for use in (BgBb.fit, BgBb(*TRUTH).p_alive, lambda bad: BgBb(*TRUTH).expected_purchases(bad, 3)):
        with pytest.raises(DataError, match=r"1 of 2 members have an impossible history: \{1: .*" + shown):
            use(rows)


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match=r"2 of 2 members have an impossible history: .*'rounds': nan"):
        BgBb.fit(histories((1, 2, 6), (1, 3, 6)).drop(columns="rounds"))


def test_who_never_bought_again_cannot_be_fitted():
    with pytest.raises(DataError, match="none of 2 members has bought in a round"):
        BgBb.fit(histories((0, 0, 4), (0, 0, 6), (0, 0, 0)))
    with pytest.raises(DataError, match="none of 0 members"):
        BgBb.fit(histories())


@pytest.mark.parametrize(
    "rows",
    [
        [(3, 3, 3)] * 20,  # everybody bought in every round
        [(1, 2, 3)] * 20,  # all alike
        [(1, 1, 1)] * 8 + [(0, 0, 1)] * 12,  # one round: it cannot tell stopping from not buying
        [(0, 0, 4), (1, 1, 4), (1, 3, 4), (2, 4, 4), (3, 3, 4)],  # five members
    ],
)
def test_histories_that_say_little_give_a_doubt_and_finite_predictions(rows):
    rows = histories(*rows)
    model = BgBb.fit(rows)
    assert model.estimate.doubts and model.estimate.doubts[0].model == "BG/BB"
    for told in (model.p_alive(rows), model.expected_purchases(rows, 9), model.discounted_purchases(rows, 0.1, 30)):
        assert np.isfinite(told).all() and (told >= 0).all()
    assert (model.p_alive(rows) <= 1).all()
    assert not model.estimate.table(0.95).isna().any(axis=None)


def test_discounting_needs_a_rate():
    with pytest.raises(DataError, match="a discount of 0 a year over periods of 30 days: both must be above 0"):
        BgBb(*TRUTH).discounted_purchases(histories((1, 1, 6)), yearly_rate=0, round_days=30)


def days(*rows):
    return pd.DataFrame(rows, columns=["member_id", "day"]).assign(day=lambda frame: pd.to_datetime(frame["day"]))


def test_dated_purchases_become_rounds():
    """Rounds of 10 days from the day after the first purchase; the cut-off is on 1 February, before day 32."""
    bought = days(
        ("ann", "2024-01-01"), ("ann", "2024-01-01"),  # the day she came: no round
        ("ann", "2024-01-02"), ("ann", "2024-01-11"),  # first and last day of round 1
        ("ann", "2024-01-12"),  # round 2
        ("ann", "2024-02-01"),  # not before the cut-off
        ("bob", "2024-01-21"), ("bob", "2024-01-31"),  # round 1 ends with the last day before the cut-off
        ("eve", "2024-01-22"), ("eve", "2024-01-31"),  # her round 1 is broken off by the cut-off
    )  # fmt: skip
    found = in_rounds(bought, date(2024, 2, 1), round_days=10)
    assert found.loc["ann"].tolist() == [2, 2, 3]
    assert found.loc["bob"].tolist() == [1, 1, 1]
    assert found.loc["eve"].tolist() == [0, 0, 0]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 200)), min_size=1), st.integers(1, 40))
def test_rounds_of_any_purchases_are_possible_histories(purchases, round_days):
    start = pd.Timestamp("2024-01-01")
    bought = days(*((member, start + pd.Timedelta(days=day)) for member, day in purchases))
    found = in_rounds(bought, date(2024, 7, 20), round_days)
    assert (BgBb(*TRUTH).p_alive(found) > 0).all()
    assert set(found.index) == {member for member, day in purchases}


def test_purchases_without_a_day_and_none_before_the_cutoff_are_refused():
    with pytest.raises(DataError, match="1 of 2 purchases have no day"):
        in_rounds(days(("ann", "2024-01-01"), ("bob", None)), date(2024, 2, 1), 10)
    with pytest.raises(DataError, match="none of 1 purchases lies before 2024-01-01"):
        in_rounds(days(("ann", "2024-01-01")), date(2024, 1, 1), 10)
    with pytest.raises(DataError, match="round_days is 0"):
        in_rounds(days(("ann", "2024-01-01")), date(2024, 2, 1), 0)
