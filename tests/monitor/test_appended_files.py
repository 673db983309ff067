"""A new period arrives as files beside the old ones: counted once, and compared with what was predicted."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from membership.base import engine, tables
from membership.base.errors import DataError
from membership.data import ingest
from membership.monitor import monitor, predictions
from membership.settings import params
from membership.settings.params import Stage

MEMBERS = [f"m{number:02d}" for number in range(40)]
COLUMNS = {"member_id": "who", "item_id": "what", "at": "when", "amount": "paid"}
OVERRIDES = {
    "dataset.source": "files",
    "dataset.timezone": "UTC",
    "dataset.files": {"events": {"paths": ["shop-*.csv"], "columns": COLUMNS, "constants": {"kind": "purchase"}}},
    "windows.start": "2020-01-01",
    "windows.calibration_end": "2020-03-01",
    "windows.validation_end": "2020-04-01",
    "windows.holdout_end": "2020-04-23",
}


def visits(month: int, every: int) -> pd.DataFrame:
    """Each member buys tea on every `every`-th day of the month, at an hour of their own."""
    days = pd.date_range(f"2020-{month:02d}-01", periods=28, freq="D")[::every]
    rows = [(m, "tea", day + pd.Timedelta(minutes=n), 5.0) for n, m in enumerate(MEMBERS) for day in days]
    return pd.DataFrame(rows, columns=["who", "what", "when", "paid"])


@pytest.fixture
def shop(workspace):
    """The files of January to April."""
    for month in (1, 2, 3, 4):
        visits(month, 7).to_csv(workspace / f"shop-{month}.csv", index=False)
    return workspace


def run(as_of: str | None = None) -> tuple[Stage, pd.DataFrame]:
    p = params.parse(params.read(), OVERRIDES | {"windows.as_of": as_of})
    data = ingest.ingest(p).data
    data.save()
    return p, tables.read("events")


def expect(p: Stage, chance: float) -> pd.DataFrame:
    facts = pd.DataFrame({"member_id": MEMBERS, "tier": "Member", "stage": "active", "p_repurchase": chance})
    facts = facts.assign(expected_orders=12.0, expected_spend=6000.0, value=1500.0, next_order_days=4.0)
    lists = pd.DataFrame({"member_id": MEMBERS, "rank": 1, "item_id": "tea", "score": 0.5})
    live = {"policy": "model", "settings": {}}
    days = {"repurchase_days": p.economics.repurchase_days, "horizon_days": p.value.horizon_days}
    return predictions.assemble(facts, lists, live, predictions.version(live, {}), p.windows.as_of, days)


def test_appended_files_are_counted_once_and_the_last_period_is_judged(shop):
    p, before = run()
    made = expect(p, np.nextafter(1, 0))
    predictions.write(predictions.stored(), made)

    visits(4, 7).tail(50).to_csv(shop / "shop-4-again.csv", index=False)  # exports overlap
    visits(5, 2).to_csv(shop / "shop-5.csv", index=False)
    p, after = run("2020-04-28")
    new = after[~after["event_id"].isin(before["event_id"])]
    assert set(before["event_id"]) < set(after["event_id"])
    assert len(after) == len(before) + len(visits(5, 2)) and (new["local_at"].dt.month == 5).all()
    pd.testing.assert_frame_equal(after[after["event_id"].isin(before["event_id"])].reset_index(drop=True), before)

    earlier = predictions.earlier(p.windows.as_of)
    events = engine.load(engine.connect(), "events")
    members, items = tables.read("members")["member_id"], tables.read("items")
    found = monitor.compare(earlier, members, events, items, p.windows.as_of, p.monitor)
    assert (found.made, found.until) == (date(2020, 4, 1), date(2020, 4, 28))
    buy, orders = found.overall("repurchase"), found.overall("orders")
    assert (buy["members"], buy["realised"], buy["status"]) == (40, 1, "stable")
    assert orders["realised"] == 4  # days 1, 8, 15 and 22 of April, none of them twice
    assert orders["predicted"] == pytest.approx(12 * 27 / 90)


def test_without_the_new_files_the_next_period_is_refused(shop):
    run()
    with pytest.raises(DataError, match="holdout_end at most 2020-04-23"):
        run("2020-04-28")
