import numpy as np
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.lifetimes.bgnbd import MbgNbd
from membership.lifetimes.mbg_cnbd import MbgCnbd

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
