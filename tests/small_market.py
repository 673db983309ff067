"""A small market with known habits: everybody has a few staples, and one item that is due every third basket."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
from meaning import meant

START = date(2024, 1, 1)
SMALL = {
    "device": "cpu",
    "windows.start": "2024-01-01",
    "windows.calibration_end": "2024-06-01",
    "windows.validation_end": "2024-07-01",
    "windows.holdout_end": "2024-08-01",
    "recommend.min_item_purchases": 2,
    "recommend.min_baskets": 2,
    "recommend.k": 5,
    "train.origins": 3,
    "train.candidates": 5,
    "train.negative_share": 1.0,
    "train.epochs": 2,
    "train.batch_size": 256,
    "tune.trials": 4,
    "tune.workers": 1,
}


def purchases(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Events of kind purchase from (member, item, local time)."""
    frame = pd.DataFrame(rows, columns=["member_id", "item_id", "local_at"])
    frame = frame.assign(
        local_at=pd.to_datetime(frame["local_at"], format="ISO8601").astype("datetime64[us]"),
        kind="purchase",
        quantity=1,
    )
    return meant(frame)


def market(members: int = 60, items: int = 40, days: int = 213, seed: int = 0) -> pd.DataFrame:
    """Events of members who shop every third to eighth day: staples nearly always, one item every third basket."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(members):
        staples = rng.choice(items, size=5, replace=False)
        day = int(rng.integers(8))
        visit = 0
        while day < days:
            basket = {int(item) for item in staples[:4] if rng.random() < 0.8} | {int(rng.integers(items))}
            basket |= {int(staples[4])} if visit % 3 == number % 3 else set()
            at = str(START + timedelta(days=day)) + " 12:00"
            rows += [(f"m{number:02d}", f"i{item:02d}", at) for item in sorted(basket)]
            day, visit = day + int(rng.integers(3, 9)), visit + 1
    return purchases(rows)


def table(frame: pd.DataFrame) -> ibis.Table:
    """Events as the library takes them."""
    return ibis.duckdb.connect().create_table("events", ibis.memtable(frame))
