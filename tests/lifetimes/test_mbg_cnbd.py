import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from membership.base.errors import DataError
from membership.lifetimes import mbg_cnbd
from membership.lifetimes.bgnbd import MbgNbd
from membership.lifetimes.mbg_cnbd import SUMS, MbgCnbd
from membership.stats import calibration

TRUTH = {"r": 2.0, "alpha_days": 10.0, "a": 0.5, "b": 8.0}


def market(members: int, k: float, seed: int, ahead: float = 14.0) -> pd.DataFrame:
    """Draw members gap by gap: their history over up to 300 days, and whether they buy in the `ahead` after it."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(members):
        rate, stop = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha_days"]), rng.beta(TRUTH["a"], TRUTH["b"])
        age, last, frequency, logs, back = rng.uniform(100, 300), 0.0, 0, 0.0, False
        while rng.random() > stop:
            gap = rng.gamma(k, 1 / rate)
            if last + gap > age:
                back = last + gap <= age + ahead
                break
            last, frequency, logs = last + gap, frequency + 1, logs + np.log(gap)
        rows.append((frequency, last, age, logs, back))
    return pd.DataFrame(rows, columns=["frequency", "recency_days", "age_days", "log_gaps", "back"])


@pytest.mark.parametrize("k", [0.6, 1.0, 3.0])
def test_parameters_and_chances_of_known_truth_are_recovered(k):
    drawn = market(1500, k, seed=3)
    model = MbgCnbd.fit(drawn)
    table = model.estimate.table(0.999)
    for name, value in (TRUTH | {"k": k}).items():
        assert table.loc[name, "low"] < value < table.loc[name, "high"], name
    chance = model.p_purchase(drawn, 14)
    error = np.sqrt((chance * (1 - chance)).sum()) / len(drawn)
    assert abs(chance.mean() - drawn["back"].mean()) < 4 * error
    tenth = pd.qcut(chance, 5, labels=False, duplicates="drop")
    assert np.abs(pd.Series(chance - drawn["back"]).groupby(tenth).mean()).max() < 0.07


def on_days(rng: np.random.Generator, members: int, k: float, until: int = 400, ahead: int = 14) -> pd.DataFrame:
    """Draw purchases at any moment and read them by whole days: those of one day are one."""
    rows = []
    for _ in range(members):
        rate, stop = rng.gamma(1.5, k / 18), rng.beta(0.8, 8.0)
        times = [rng.uniform(0, 200)]
        while rng.random() > stop and times[-1] < until + ahead:
            times.append(times[-1] + rng.gamma(k) / rate)
        days = np.unique(np.floor(times))
        known, later = days[days < until], days[days >= until]
        gaps = np.diff(known)
        sums = np.log(gaps).sum(), (1 / gaps).sum(), (1 / gaps**2).sum()
        rows.append((len(gaps), np.ptp(known), until - known[0], *sums, bool((later < until + ahead).any())))
    return pd.DataFrame(rows, columns=["frequency", "recency_days", "age_days", *SUMS, "back"])


@pytest.mark.parametrize(("k", "off"), [(0.5, 0.08), (1.0, 0.05), (3.0, 0.15)])
def test_regularity_and_chances_are_recovered_from_whole_days(k, off):
    drawn = on_days(np.random.default_rng(11), 1500, k)
    model = MbgCnbd.fit(drawn, whole_days=True)
    assert model.k == pytest.approx(k, abs=off)
    chance = model.p_purchase(drawn, 14)
    assert abs(chance.mean() - drawn["back"].mean()) < 4 * np.sqrt((chance * (1 - chance)).sum()) / len(drawn)
    found = calibration.of_chance(drawn["back"].to_numpy(), chance, 0.999)
    assert found.low < 1 < found.high


def test_read_as_if_times_were_exact_whole_days_look_more_regular_than_they_are():
    drawn = on_days(np.random.default_rng(12), 800, 1.0)
    assert MbgCnbd.fit(drawn).k > 1.15 > MbgCnbd.fit(drawn, whole_days=True).k


@given(st.floats(0.45, 4) | st.just(1.0), st.floats(3, 60))
def test_gaps_of_whole_days_have_the_chances_of_a_rounded_gap(k, gap):
    """With a rate known for sure, against the integral over the moment of the day at which a gap begins."""
    days, sure = np.arange(1, 9), 1e7  # purchases at that rate before: the prior is as good as a point
    rate = k / gap
    own = stats.gamma(k, scale=1 / rate)
    begins = (np.arange(2000) + 0.5) / 2000
    after = own.sf(np.arange(10)[:, None] - begins).mean(axis=1)  # P(ends on day 0 + n or later)
    exact = (after[1:-1] - after[2:]) / after[1]
    theta = np.log([sure, sure / rate, 1.0, 1.0, k])
    one = np.ones(len(days))
    told, _ = mbg_cnbd._gaps(theta, one, days * one, days + one, np.log(days), 1 / days, 1 / days**2)
    assert np.exp(told) == pytest.approx(exact, abs=1e-3 if k == 1 else 0.02)


def test_silence_on_whole_days_begins_the_day_after_a_purchase():
    rows = pd.DataFrame({"frequency": [4, 4], "recency_days": 40.0, "age_days": [41.0, 42.0], "inverse_gaps": 0.4})
    model = MbgCnbd(2.0, 10.0, 0.5, 8.0, 2.0, whole_days=True)
    alive = model.p_alive(rows)
    assert alive[0] == pytest.approx((8.0 + 4) / (8.0 + 4 + 0.5)) and alive[1] < alive[0]
    within = [model.p_purchase(rows, days)[0] for days in (0, 1, 7, 10_000)]
    assert within[0] == 0 < within[1] < within[2] < within[3] <= alive[0] + 1e-12


def test_with_a_k_of_one_it_fits_as_mbg_nbd_does():
    drawn = market(800, 1.0, seed=5)
    plain = MbgNbd.fit(drawn)
    problem = MbgCnbd.problem(drawn)
    theta = np.append(np.log(plain.estimate.values), 0.0) - problem.shift
    value = problem.likelihood(theta)[0] * problem.members + problem.constant
    assert value == pytest.approx(plain.estimate.log_likelihood, rel=1e-9)
    assert MbgCnbd.fit(drawn).estimate.log_likelihood >= value - 1e-6


def test_regular_buyers_who_are_overdue_are_doubted_more_than_random_ones():
    one = pd.DataFrame({"frequency": [10], "recency_days": [100.0], "age_days": [140.0]})
    alive = [MbgCnbd(2.0, 10.0 / k, 0.5, 8.0, k).p_alive(one).item() for k in (0.5, 1.0, 4.0)]
    assert alive[0] > alive[1] > alive[2]


def test_who_never_bought_has_no_chance_and_a_longer_wait_a_better_one():
    rows = pd.DataFrame({"frequency": [0, 3], "recency_days": [0.0, 50.0], "age_days": [0.0, 60.0]})
    model = MbgCnbd(2.0, 10.0, 0.5, 8.0, 2.0)
    assert model.p_purchase(rows, 14)[0] == 0 and model.p_alive(rows)[0] == 0
    assert model.p_purchase(rows, 7)[1] < model.p_purchase(rows, 14)[1] < model.p_alive(rows)[1] < 1


def test_without_a_second_purchase_it_says_what_is_missing():
    rows = pd.DataFrame({"frequency": [0, 0], "recency_days": 0.0, "age_days": [5.0, 9.0], "log_gaps": 0.0})
    with pytest.raises(DataError, match="none of 2 members has bought on a second day"):
        MbgCnbd.fit(rows)


def test_starts_that_climb_on_a_part_of_the_members_end_where_those_on_all_do(monkeypatch):
    drawn = market(1200, 2.0, seed=7)
    whole = MbgCnbd.fit(drawn).estimate
    monkeypatch.setattr("membership.lifetimes.mbg_cnbd._TRIED_ON", 300)
    assert MbgCnbd.problem(drawn).sample.members == 300
    np.testing.assert_allclose(MbgCnbd.fit(drawn).estimate.values, whole.values, rtol=1e-4)
