import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from membership.base.errors import DataError
from membership.lifetimes import discounting, markets, search, subscription
from membership.lifetimes.subscription import Sbg

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]  # survivors: Fader & Hardie (2007), table 1
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
TRUTH = np.array([0.7, 1.2])
sizes = st.floats(0.05, 20)


def contracts(*rows):
    return pd.DataFrame(rows, columns=["tenure", "churned"])


def cohort(survivors):
    """Return the contracts of a cohort that had `survivors` left after 0, 1, 2, ... periods."""
    left, last = -np.diff(survivors), len(survivors) - 1
    tenure = np.repeat([*range(1, last + 1), last], [*left, survivors[-1]])
    return pd.DataFrame({"tenure": tenure, "churned": np.arange(len(tenure)) < left.sum()})


@pytest.mark.parametrize(
    ("survivors", "published", "likelihood"),
    [(REGULAR, [0.704, 1.182], -1680.27), (HIGH_END, [0.668, 3.806], -1611.16)],
)
def test_published_parameters_and_likelihood(survivors, published, likelihood):
    estimate = Sbg.fit(cohort(survivors)).estimate
    assert np.round(estimate.values, 3).tolist() == published
    assert round(estimate.log_likelihood, 2) == likelihood
    assert estimate.agreeing == estimate.starts and estimate.doubts == ()


def test_a_few_years_of_a_cohort_project_the_rest():
    """As in the paper: fitted to the first four years, the later ones are told to a few in a hundred."""
    model = Sbg.fit(subscription.as_of(cohort(REGULAR), 4))
    np.testing.assert_allclose(model.survival(np.arange(5, 8)), np.array(REGULAR[5:]) / 1000, atol=0.02)


def test_survival_and_retention_by_hand():
    model = Sbg(1.0, 2.0)  # the chance of leaving at the first renewal is 1 / 3, at the second 1 / 4, then 1 / 5
    np.testing.assert_allclose(model.retention([1, 2, 3]), [2 / 3, 3 / 4, 4 / 5])
    np.testing.assert_allclose(model.survival([0, 1, 2, 3]), [1, 2 / 3, 2 / 4, 2 / 5])
    assert model.survival(2, tenure=1) == pytest.approx(3 / 4 * 4 / 5)


@settings(max_examples=20, deadline=None)
@given(sizes, sizes)
def test_survival_is_the_product_of_retention_and_never_grows(alpha, beta):
    model = Sbg(alpha, beta)
    np.testing.assert_allclose(model.survival(np.arange(1, 30)), np.cumprod(model.retention(np.arange(1, 30))))
    assert (np.diff(model.retention(np.arange(1, 30))) >= 0).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 99))
def test_gradient_is_the_slope_of_the_likelihood(alpha, beta, seed):
    rows = markets.sbg(60, 1, 2, renewals=(1, 9), rng=np.random.default_rng(seed)).assign(entered=0)
    rows.loc[rows["tenure"] > 2, "entered"] = 1
    problem, theta = Sbg.problem(rows), np.array([alpha, beta])
    slopes = optimize.approx_fprime(theta, lambda at: problem.likelihood(at)[0], 1e-6)
    np.testing.assert_allclose(problem.likelihood(theta)[1], slopes, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("alpha", "beta"), [(0.704, 1.182), (0.668, 3.806), (3.0, 200.0), (0.05, 22000.0)])
@pytest.mark.parametrize("period_days", [7, 30, 365])
def test_discounted_periods_are_the_discounted_sum_of_survival(alpha, beta, period_days):
    model, ahead = Sbg(alpha, beta), np.arange(25_000)
    discounts = discounting.factor(0.1, period_days) ** ahead
    assert model.discounted_lifetime(0.1, period_days) == pytest.approx(discounts @ model.survival(ahead), rel=1e-8)
    for tenure in (0, 5, 300):
        expected = discounts @ model.survival(ahead + 1, tenure)
        assert model.discounted_residual(tenure, 0.1, period_days) == pytest.approx(expected, rel=1e-8)


def test_residual_lifetime_grows_with_tenure_because_the_loyal_remain():
    residual = Sbg(0.704, 1.182).discounted_residual(np.arange(10), yearly_rate=0.1, period_days=365)
    assert (np.diff(residual) > 0).all()


def test_a_rate_a_year_is_the_same_rate_whatever_the_period():
    weekly = discounting.factor(0.1, period_days=7)
    assert weekly ** (365 / 7) == pytest.approx(discounting.factor(0.1, period_days=365)) == pytest.approx(1 / 1.1)


def test_who_came_to_be_watched_late_counts_only_from_then():
    """Members join all along, but only those who are still there after 4 periods are known: 3 of 4 are not."""
    everyone = markets.sbg(60_000, *TRUTH, renewals=(8, 8), rng=np.random.default_rng(2))
    late = np.arange(len(everyone)) % 2 == 0
    known = everyone.assign(entered=np.where(late, 4, 0))[~late | (everyone["tenure"] > 4)]
    np.testing.assert_allclose(Sbg.fit(known).estimate.values, TRUTH, rtol=0.1)
    assert Sbg.fit(known.drop(columns="entered")).survival(8) > 1.2 * Sbg(*TRUTH).survival(8)
    kept, true = subscription.kaplan_meier(known)["survival"], Sbg(*TRUTH).survival(np.arange(9))
    np.testing.assert_allclose(kept, true, atol=0.01)


def test_kaplan_meier_by_hand():
    """Of 4 one leaves at once, one is censored after two periods, one leaves in the third and one stays."""
    found = subscription.kaplan_meier(contracts((1, True), (2, False), (3, True), (3, False)))
    assert found["at_risk"].tolist() == [4, 4, 3, 2]
    np.testing.assert_allclose(found["survival"], [1, 3 / 4, 3 / 4, 3 / 8])


def test_a_cohort_without_censoring_survives_as_counted():
    regular = cohort(REGULAR)
    assert len(regular) == 1000 and regular["churned"].sum() == 1000 - 241
    np.testing.assert_allclose(subscription.kaplan_meier(regular)["survival"], np.array(REGULAR) / 1000)


def test_as_of_an_earlier_day_nobody_has_left_later():
    seen = subscription.as_of(contracts((1, True), (5, True), (7, False)).assign(entered=[0, 2, 4]), 3)
    assert seen[["tenure", "churned"]].to_numpy().tolist() == [[1, True], [3, False]]


def test_profile_intervals_cover_the_truth_of_simulated_markets():
    covered = np.zeros(2)
    for seed in range(40):
        problem = Sbg.problem(markets.sbg(2000, *TRUTH, renewals=(1, 9), rng=np.random.default_rng(seed)))
        covered += search.likelihood_ratio(problem, search.maximise(problem), np.log(TRUTH)) < 3.84
    assert (covered >= 33).all()  # of 40, at 95 %: fewer once in 1,400


@pytest.fixture
def telco(shared_data):
    rows = pd.read_csv(shared_data / "telco_churn" / "Telco-Customer-Churn.csv.gz")
    return rows.assign(churned=rows["Churn"] == "Yes")


def test_telco_taken_for_cohorts_is_followed_for_three_years_and_flattered_after(telco):
    """Fitted to the first 24 months; after 36 a beta-geometric cannot follow a survival that falls ever faster."""
    assert (telco["tenure"] == 0).sum() == telco["TotalCharges"].str.isspace().sum() == 11
    observed = subscription.kaplan_meier(telco)["survival"]
    off = Sbg.fit(subscription.as_of(telco, 24)).survival(observed.index) - observed
    assert off[:37].abs().max() < 0.025
    assert 0.04 < off[25:].abs().mean() < 0.06
    assert 0.12 < off[72] < 0.15


def test_telco_read_as_the_losses_of_one_quarter_tells_another_story(telco):
    """If `Churn` is who left in the last quarter, members were watched for three months only, whatever their tenure."""
    watched = telco[telco["tenure"] > 0].assign(entered=(telco["tenure"] - 3).clip(lower=0))
    observed = subscription.kaplan_meier(watched)["survival"]
    model = Sbg.fit(subscription.as_of(watched, 24))
    assert observed[24] < 0.04
    np.testing.assert_allclose(model.survival(np.arange(25)), observed[:25], atol=0.06)
    assert 0.10 < model.survival(12, tenure=24) - observed[36] / observed[24] < 0.13  # flattered again, and sooner


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ((0, True), "'tenure': 0"),  # left before it paid for a period
        ((-1, False), "'tenure': -1"),
        ((2.5, False), "2.5"),
        ((np.nan, False), "nan"),
        ((np.inf, False), "inf"),
        ((2, "Yes"), "Yes"),
        ((2, None), "None"),
        ((2, 2), "'churned': 2"),
    ],
)
def test_impossible_contracts_are_named(row, shown):
    for use in (Sbg.fit, subscription.kaplan_meier, lambda rows: subscription.as_of(rows, 1)):
        with pytest.raises(DataError, match=r"1 of 2 members have an impossible contract: \{1: .*" + shown):
            use(contracts((3, True), row))


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match=r"1 of 1 members have an impossible contract: .*'churned': nan"):
        Sbg.fit(contracts((3, True)).drop(columns="churned"))


def test_who_entered_after_leaving_is_impossible():
    with pytest.raises(DataError, match="'entered': 3"):
        Sbg.fit(contracts((3, True), (4, False)).assign(entered=[3, 0]))


def test_where_nobody_left_nothing_is_fitted():
    with pytest.raises(DataError, match="none of 2 members has left"):
        Sbg.fit(contracts((3, False), (0, False)))
    with pytest.raises(DataError, match="0 of 0 members"):
        Sbg.fit(contracts())


def test_a_member_without_a_renewal_so_far_says_nothing():
    rows = cohort(REGULAR)
    with_new = pd.concat([rows, contracts((0, False))], ignore_index=True)
    np.testing.assert_allclose(Sbg.fit(with_new).estimate.values, Sbg.fit(rows).estimate.values, rtol=1e-5)


@pytest.mark.parametrize(
    "rows",
    [
        [(1, True)] * 20,  # everybody left at once
        [(4, True)] * 20,  # all alike
        [(1, True)] * 6 + [(1, False)] * 14,  # one renewal only
        [(1, True), (2, True), (4, False), (4, False), (5, True)],  # five members
    ],
)
def test_contracts_that_say_little_give_a_doubt_and_finite_answers(rows):
    model = Sbg.fit(contracts(*rows))
    assert model.estimate.doubts and model.estimate.doubts[0].model == "sBG"
    told = [*model.survival(np.arange(9)), *model.discounted_residual(np.arange(9), 0.1, 30)]
    assert np.isfinite(told).all() and np.min(told) >= 0
    assert not model.estimate.table(0.95).isna().any(axis=None)


def test_discounting_needs_a_rate():
    with pytest.raises(DataError, match="both must be above 0"):
        Sbg(*TRUTH).discounted_lifetime(yearly_rate=0, period_days=30)
