"""For whom models err: by hand, on what lies in the holdout, and for groups that truly differ."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.base.timeline import Window
from membership.evaluate import bias

HOLDOUT = Window(date(2020, 3, 1), date(2020, 3, 31))
FACTS = pd.DataFrame(
    {"member_id": list("abc"), "expected_spend": [300.0, 600.0, 0.0], "age": ["19-24", "65+", "unknown"]}
)
BOUGHT = [
    ("a", "o1", "purchase", "2020-02-29 23:59", 9999),  # before the holdout
    ("a", "o2", "purchase", "2020-03-01 00:00", 150),
    ("b", "o3", "purchase", "2020-03-30 23:00", 130),
    ("b", "o3", "return", "2020-03-30 23:30", -30),
    ("b", "o4", "purchase", "2020-03-31 00:00", 9999),  # after it
]


def events(rows):
    columns = ["member_id", "order_id", "kind", "local_at", "amount"]
    return ibis.memtable(
        meant(pd.DataFrame(rows, columns=columns).astype({"local_at": "datetime64[us]", "order_id": "str"}))
    )


def test_realised_over_expected_spend_by_hand():
    table = bias.of_value(FACTS, events(BOUGHT), HOLDOUT, 90, ["age"], 0.95).set_index("group")
    # 30 of 90 days: 100 is expected of a, 200 of b, nothing of c
    assert table["ratio"].drop("unknown").to_dict() == pytest.approx({"all": 250 / 300, "19-24": 1.5, "65+": 0.5})
    assert table.index.tolist() == ["all", "19-24", "65+", "unknown"]
    assert not table["apart"].any()  # of one member each, nothing is known


def test_a_horizon_shorter_than_the_holdout_is_expected_whole():
    table = bias.of_value(FACTS, events(BOUGHT), HOLDOUT, 10, ["age"], 0.95).set_index("group")
    assert table.loc["all", "ratio"] == pytest.approx(250 / 900)


def test_recall_is_of_those_who_were_judged():
    outcomes = pd.DataFrame({"member_id": ["a", "b"], "recall": [0.2, np.nan]})
    table = bias.of_recommendations(FACTS, outcomes, "recall", ["age"], 0.95).set_index("group")
    assert table["members"].to_dict() == {"all": 1, "19-24": 1}
    assert table.loc["all", "ratio"] == 0.2


def test_a_group_that_truly_differs_is_named_beside_what_chance_would_do():
    random = np.random.default_rng(4)
    facts = pd.DataFrame({"member_id": [f"{i:03d}" for i in range(400)], "age": ["young"] * 100 + ["old"] * 300})
    hit = random.uniform(0, 1, 400) * np.repeat([0.4, 1.0], [100, 300])
    outcomes = facts[["member_id"]].assign(recall=hit)
    table = bias.of_recommendations(facts, outcomes, "recall", ["age"], 0.95)
    assert table.set_index("group")["apart"].to_dict()["young"]
    found = bias.apart(table, 0.95)
    assert found.rows.set_index("group")["ratio"]["young"] == pytest.approx(hit[:100].mean())
    assert (found.overall, found.groups, found.by_chance) == (pytest.approx(hit.mean()), 2, pytest.approx(0.1))


def test_without_attributes_nothing_is_told():
    table = bias.of_recommendations(FACTS, pd.DataFrame({"member_id": ["a"], "recall": [1.0]}), "recall", [], 0.95)
    assert bias.apart(table, 0.95) is None
