import numpy as np
import pandas as pd
import pytest

from benchmarks import cdnow, installed, value, value_cdnow, value_published, value_recovery, value_speed
from membership.base.errors import DataError
from membership.settings import params

HALF_A_DIGIT = {"r": 5e-4, "a": 5e-4, "b": 5e-4, "s": 5e-4, "p": 5e-3, "q": 5e-3, "gamma": 5e-3, "alpha": 5e-4}


def test_every_published_figure_comes_out_to_its_printed_digits(shared_data):
    for row in value_published.run():
        allowed = 0.1 if row["figure"] == "log-likelihood" else HALF_A_DIGIT.get(row["figure"], 5e-4)
        assert abs(row["found"] - row["published"]) <= allowed, row


def test_data_that_are_missing_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"CDNOW_master\.txt\.gz and no .*sample_ids\.txt; set MEMBERSHIP_DATA"):
        cdnow.read()


def test_contracts_of_survivors_leave_when_the_counts_fall():
    table = value_published.contracts((5, 3, 2))
    assert table.sort_values(["tenure", "churned"])["tenure"].tolist() == [1, 1, 2, 2, 2]
    assert table["churned"].sum() == 3 and (table.loc[~table["churned"], "tenure"] == 2).all()


def test_a_market_is_the_same_however_many_are_drawn():
    first, again, other = (value_recovery.ratios("sBG", 1, number) for number in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()
    assert first.shape == (2,) and (first >= 0).all()


def test_the_chosen_model_is_better_where_its_error_is_smaller_and_its_gini_larger():
    rng = np.random.default_rng(3)
    actual = pd.Series(rng.poisson(3, 400).astype(float), pd.Index([f"m{i:03d}" for i in range(400)]))
    predicted = pd.DataFrame(
        {"chosen": actual + rng.normal(0, 0.5, 400), "noise": rng.permutation(actual)}, actual.index
    )
    p = params.parse(params.read())
    found = {row["metric"]: row for row in value_cdnow.differences("orders", actual, predicted, p, draws=50)}
    assert found["orders_rmse"]["high"] < 0 < found["orders_gini"]["low"]
    assert {row["verdict"] for row in (found["orders_rmse"], found["orders_gini"])} == {"better"}
    swapped = predicted.rename(columns={"chosen": "noise", "noise": "chosen"})
    found = {row["metric"]: row for row in value_cdnow.differences("orders", actual, swapped, p, draws=50)}
    assert {row["verdict"] for row in (found["orders_rmse"], found["orders_gini"])} == {"worse"}


def test_speed_targets_compare_a_million_members_only():
    row = {"members": value_speed.JUDGED, "times": value_speed.WEEKS, "wall_s": 2.0, "cpu_s": 2.0, "peak_mb": 200.0}
    peer = row | {"cpu_s": 10.0, "peak_mb": 500.0}
    rows = [row | {"task": task} for task in value_speed.OURS] + [peer | {"task": task} for task in value_speed.PEERS]
    found = {target["target"]: target["found"] for target in value_speed.targets(rows)}
    assert found["BG/NBD CPU, over lifetimes"] == pytest.approx(0.2)
    assert found["BG/NBD peak memory, over lifetimes"] == pytest.approx(0.4)
    assert found["scoring, seconds of wall"] == 2.0
    assert value_speed.targets([row | {"task": "bgnbd", "members": 10_000}]) == []


def test_peers_that_are_not_installed_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "HOME", tmp_path)
    with pytest.raises(DataError, match="run `make peers`"):
        installed.python("value")


def test_parts_are_named_and_keep_their_order():
    assert value._parts("speed,published") == ("published", "speed")
    with pytest.raises(Exception, match="no part nothing"):
        value._parts("published,nothing")
