from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from benchmarks import parity, postgres
from membership.base import engine
from membership.data import clock
from membership.data.canonical import Canonical
from membership.data.clean import clean
from membership.data.sources import simulate
from membership.settings import params
from membership.settings.dataset import Simulate
from membership.settings.engine import Engine

ON_POSTGRES = [  # of all tables, which the benchmark makes: those of most expressions
    "cleaned quality", "features", "habits", "spells", "basket lines", "points earned", "campaign panel", "realised",
]  # fmt: skip
OF_THE_DEFAULT_DATA = [name for name in parity.TABLES if name.startswith("source ")]


def frame(**changes) -> pd.DataFrame:
    columns = {"id": ["a", "b"], "n": [1, 2], "share": [0.5, None], "day": pd.to_datetime(["2020-01-01", "2020-02-01"])}
    return pd.DataFrame(columns | changes).set_index("id")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, None),
        ({"n": np.array([1, 2], dtype="int32")}, None),
        ({"day": [date(2020, 1, 1), date(2020, 2, 1)]}, None),
        ({"share": [0.5 + 1e-12, None]}, None),
        ({"share": [0.5 + 1e-8, None]}, "share: up to 1e-08 apart"),
        ({"share": [0.5, 0.0]}, "share: 1 are missing in one"),
        ({"n": [1, 3]}, "n: 1 values, e.g. .* in row 1"),
        ({"id": ["b", "a"]}, "id: 2 values"),
        ({"more": [1, 2]}, "columns"),
    ],
)
def test_what_differs_is_named_and_types_alone_do_not_count(other, told):
    found = parity.difference(frame(), frame(**other))
    assert found is None if told is None else pd.Series(found).str.match(told).all()


def abused(data: Canonical) -> Canonical:
    """Let three accounts buy the same two items in the same minute: chance makes no sign of abuse of so few members."""
    events = data.held().events
    bought = events[events["kind"] == "purchase"].drop_duplicates("item_id").head(2)
    same = bought.assign(at=bought["at"].iloc[0], local_at=bought["local_at"].iloc[0])
    parts = [
        same.assign(member_id=one, event_id=same["event_id"] + f"-{one}", order_id=f"abused-{one}")
        for one in data.members["member_id"].head(3)
    ]
    return replace(data, events=pd.concat([events, *parts]))


def test_spark_reads_skipped_and_repeated_hours_as_duckdb_does(workspace, spark):
    times = ["2017-03-12 02:30", "2017-11-05 00:59", "2017-11-05 01:30", "2017-11-05 02:00", "2017-03-11 02:30", None]
    walls = pd.DataFrame({"wall": pd.to_datetime(times).astype("datetime64[us]")})
    found = []
    for con in (engine.connect(), engine.connect(spark)):
        wall = engine.keep(con, "walls", walls).wall
        asked = {zone: clock.to_utc(wall, zone) for zone in ("America/New_York", "Australia/Lord_Howe")}
        asked |= {f"{zone} local": clock.to_local(utc, zone) for zone, utc in asked.items()}
        found.append(wall.as_table().select(wall, **asked).to_pandas().sort_values("wall", ignore_index=True))
    assert parity.difference(*found) is None
    assert found[0]["America/New_York"].max() == pd.Timestamp("2017-11-05 07:00")


def test_spark_makes_the_tables_that_duckdb_makes(workspace, spark):
    p = params.parse(params.read(), {"recommend.min_baskets": 1})
    simulated = simulate.read(Simulate(members=40), 1, "America/New_York", "USD")
    abused(clean(simulated, p.clean, p.economics).data).save()
    wanted = {name: make for name, make in parity.made().items() if name not in OF_THE_DEFAULT_DATA}
    rows = list(parity.compared(parity.Market.on(Engine(), p), parity.Market.on(spark, p), wanted))
    assert {row["table"]: row["differs"] for row in rows if row["differs"]} == {}
    assert {row["table"] for row in rows if not row["rows"]} <= {"cleaned quality"}


def test_postgres_makes_the_tables_that_duckdb_makes_and_touches_no_table_of_others(workspace):
    if postgres.local_postgres.programs() is None:
        pytest.skip("no PostgreSQL here; install one (`apt install postgresql`) to try it as an engine")
    p = params.parse(params.read(), {"recommend.min_baskets": 1})
    clean(simulate.read(Simulate(members=20), 1, "America/New_York", "USD"), p.clean, p.economics).data.save()
    with postgres.Server(disk=False) as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE events AS SELECT 7 AS theirs")
        other = Engine(name=server.url())
        markets = parity.Market.on(Engine(), p), parity.Market.on(other, p)
        rows = list(parity.compared(*markets, {name: parity.TABLES[name] for name in ON_POSTGRES}))
        kept = [engine.keep(markets[1].con, "numbers", pd.DataFrame({"n": [n]})).to_pandas().n[0] for n in (1, 2)]
        with server.connect() as connection:
            assert connection.execute("SELECT theirs FROM events").fetchall() == [(7,)]
    assert {row["table"]: row["differs"] for row in rows if row["differs"]} == {} and kept == [1, 2]
