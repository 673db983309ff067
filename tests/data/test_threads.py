"""The same numbers, in the same order, however many threads the engine takes: sums are over whole numbers."""

from datetime import date

import ibis
import ibis.expr.operations as ops
import pandas as pd
import pytest

from membership.base import engine
from membership.base.timeline import Window
from membership.data import activity, features, habits
from membership.data.sources import simulate
from membership.settings import params
from membership.settings.dataset import Simulate

CUTOFFS = [date(2017, 7, 1), date(2018, 1, 1)]
WINDOW = Window(date(2017, 1, 1), date(2018, 1, 1))
ROW_GROUP = 122_880  # rows of DuckDB's, the least that two threads share
NAMES = ("events", "items", "members")


@pytest.fixture(scope="module")
def market():
    """A market whose events fill more than two row groups of DuckDB."""
    knobs = params.load("ingest").dataset.simulate.model_dump() | {"members": 1500, "churn_per_year": 0.2}
    return simulate.read(Simulate(**knobs), 7, "America/New_York", "USD")


def made(market, threads: int) -> dict[str, pd.DataFrame]:
    con = engine.connect()
    con.raw_sql(f"SET threads = {threads}")
    frames = {name: getattr(market, name) for name in NAMES}
    frames["items"] = frames["items"].assign(is_product=True)
    events, items, members = (con.create_table(name, ibis.memtable(frame)) for name, frame in frames.items())
    return {
        "features": features.table(events, members, CUTOFFS),
        "category shares": features.category_table(events, items, CUTOFFS, 0.0),
        "habits": habits.at(events, items, CUTOFFS[-1]),
        "levels": habits.levels(events, items, CUTOFFS[-1]),
        "weeks": activity.weekly(events, WINDOW),
        "repurchase": activity.repurchase(events, WINDOW, 14),
        "active": activity.active(events, CUTOFFS[-1], ["purchase", "view"]).to_frame(),
    }


def test_tables_are_identical_with_one_two_and_seven_threads(market):
    assert len(market.events) > 2 * ROW_GROUP
    one, two, seven = (made(market, threads) for threads in (1, 2, 7))
    for name, table in one.items():
        assert len(table) > 0, name
        for other in (two, seven):
            pd.testing.assert_frame_equal(table, other[name], check_exact=True, obj=name)


def test_no_feature_sums_or_averages_fractions(market):
    events, items, members = (ibis.memtable(getattr(market, name).head(5)) for name in NAMES)
    found = []
    for table in (features.at(events, members, CUTOFFS[0]), features.category_shares(events, items, CUTOFFS[0], 0.0)):
        sums = table.op().find((ops.Sum, ops.Mean, ops.Variance, ops.StandardDev, ops.CumeDist))
        assert len(sums) > 0
        found += [total for total in sums if total.arg.dtype.is_floating()]
    assert found == []
