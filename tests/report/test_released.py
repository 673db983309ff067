"""Totals with noise: a release is drawn once, what it took adds up, and what the budget does not allow is not drawn."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from meaning import meant

from membership.base import files, paths, tables
from membership.base.errors import DataError
from membership.report import released
from membership.settings import params

THERE = importlib.util.find_spec("opendp") is not None
needs_opendp = pytest.mark.skipif(not THERE, reason="OpenDP is not installed: pip install -e '.[privacy]'")


def asked(**privacy):
    return params.load("report", {f"privacy.{name}": value for name, value in privacy.items()})


@pytest.fixture
def drawn(workspace, monkeypatch):
    """Let a release be one total whose value is how many there were; return the epsilons that they took."""
    took = []

    def draw(_, epsilon):
        took.append(epsilon)
        return [dict.fromkeys(released.COLUMNS, len(took))]

    monkeypatch.setattr(released, "_drawn", draw)
    return took


def test_nothing_is_released_where_nobody_asks(drawn):
    found = released.released(asked(), draw=True)
    assert (len(found.rows), found.budget, found.spent, drawn) == (0, None, 0, [])
    assert files.read_json(paths.root() / released.FILE) == {"releases": []}


def test_the_same_again_is_kept_and_costs_nothing(drawn):
    first = released.released(asked(epsilon=2.0, releases=4), draw=True)
    again = released.released(asked(epsilon=2.0, releases=4), draw=True)
    assert (first.spent, again.spent, drawn) == (0.5, 0.5, [0.5])
    pd.testing.assert_frame_equal(first.rows, again.rows)


def test_another_day_takes_another_part_until_the_last_one_stands(drawn):
    for day in ("2017-12-01", "2017-12-08", "2017-12-15"):
        p = params.load("report", {"privacy.epsilon": 1.0, "privacy.releases": 2, "windows.as_of": day})
        found = released.released(p, draw=True)
    assert (found.spent, found.exhausted, found.of, drawn) == (1.0, True, "2017-12-08", [0.5, 0.5])
    larger = released.released(asked(epsilon=3.0, releases=2), draw=True)  # it adds to what is spent
    assert (larger.spent, larger.exhausted) == (2.5, False)


def test_by_hand_nothing_is_drawn(drawn):
    found = released.released(asked(epsilon=1.0), draw=False)
    assert (len(found.rows), found.exhausted, drawn) == (0, False, [])


def test_an_account_that_cannot_be_read_is_not_begun_anew(drawn):
    files.write_text(paths.root() / released.FILE, "{")
    with pytest.raises(DataError, match="take it back from git"):
        released.released(asked(epsilon=1.0), draw=True)


@needs_opendp
def test_with_a_huge_budget_totals_are_those_of_the_stored_tables(workspace):
    bought = [("a", "2017-01-05"), ("a", "2017-01-06"), ("a", "2017-01-07"), ("b", "2017-01-08"), ("b", "2017-02-08")]
    events = pd.DataFrame(bought, columns=["member_id", "local_at"]).assign(
        kind="purchase", item_id="milk", amount=1_000
    )
    events = meant(events.assign(at=events["local_at"], event_id=range(5), quantity=1, discount=0, currency="EUR"))
    stored = {
        "events": tables.check("events", events.assign(order_id=None, channel=None)),
        "members": pd.DataFrame({"member_id": ["a", "b", "c"]}),
        "tiers": pd.DataFrame({"tier": ["Silver", "Member", "Member"]}),
        "profile": pd.DataFrame({"stage": ["loyal", "new", "new"]}),
    }
    paths.data().mkdir()
    for name, frame in stored.items():
        frame.to_parquet(paths.data(f"{name}.parquet"))
    rows = pd.DataFrame(released._drawn(asked(most_orders=2, most_spend=3_000), 1e5))
    told = rows.set_index(["total", "group"])["value"]
    assert told["members by tier"].to_dict() == {"Member": 2, "Silver": 1, "Gold": 0, "Platinum": 0}
    assert (told["members by stage", "new"], told["members who ordered", "2017-02"]) == (2, 1)
    assert told["orders"].head(3).to_list() == [3, 1, 0]  # a counts 2 of her 3
    assert np.allclose(told["spend"].head(3), [4_000, 1_000, 0], atol=5)  # .15 are its scale
    assert np.isclose(rows.groupby("total")["epsilon"].first(), 1e5 / released.TOTALS).all()
