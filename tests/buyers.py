"""A tiny market with known truth, and CDNOW, as rows of the table `features`."""

import gzip
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class Truth:
    r: float = 0.8
    alpha_days: float = 20.0
    a: float = 1.2
    b: float = 6.0
    p: float = 5.0
    q: float = 4.0
    gamma: float = 1500.0


@dataclass(frozen=True)
class Market:
    features: pd.DataFrame  # at the cut-off, indexed by member
    purchases: pd.Series  # repeat purchases in the `days` after it
    truth: Truth
    days: int


@pytest.fixture(scope="session")
def market():
    """4,000 members who buy and stop as BG/NBD says, and spend as Gamma-Gamma says; 90 days follow the cut-off."""
    rng, truth, days, count = np.random.default_rng(7), Truth(), 90, 4000
    rate, stop = rng.gamma(truth.r, 1 / truth.alpha_days, count), rng.beta(truth.a, truth.b, count)
    age = rng.integers(100, 300, count).astype(float)
    x, recency, after = np.zeros(count, int), np.zeros(count), np.zeros(count, int)
    clock, alive = np.zeros(count), np.ones(count, bool)
    while alive.any():
        clock = clock + rng.exponential(1 / rate)
        before = alive & (clock < age)
        x, recency = x + before, np.where(before, clock, recency)
        after = after + (alive & (clock >= age) & (clock < age + days))
        alive = alive & (clock < age + days) & (rng.random(count) >= stop)
    nu = rng.gamma(truth.q, 1 / truth.gamma, count)
    mean = rng.gamma(truth.p * np.maximum(x, 1), 1 / nu) / np.maximum(x, 1)
    features = pd.DataFrame(
        {
            "frequency": x,
            "recency_days": recency,
            "age_days": age,
            "days_since_last": age - recency,
            "purchase_days": x + 1,
            "repeat_spend_mean": np.where(x > 0, mean, np.nan),
        },
        index=pd.Index([f"m{number:04d}" for number in range(count)], name="member_id"),
    )
    return Market(features, pd.Series(after, features.index), truth, days)


@dataclass(frozen=True)
class Cdnow:
    features: pd.DataFrame  # at 1997-09-30, indexed by customer; money in dollars
    holdout: pd.DataFrame  # purchase_days and spend in the 39 weeks after it
    sample: list[int]  # customers of the published sample


@pytest.fixture
def cdnow(shared_data):
    """CDNOW, purchases of one day merged, calibrated to 1997-09-30 as published."""
    folder = shared_data / "cdnow"
    with gzip.open(folder / "CDNOW_master.txt.gz", "rt") as lines:
        rows = pd.read_csv(lines, sep=r"\s+", skiprows=1, header=None, names=["customer", "day", "discs", "spend"])
    rows["day"] = pd.to_datetime(rows["day"].astype(str), format="%Y%m%d")
    days = rows.groupby(["customer", "day"], as_index=False)["spend"].sum()
    end = pd.Timestamp("1997-09-30")
    seen, later = days[days["day"] <= end], days[days["day"] > end]
    by = seen.groupby("customer")
    first, last = by["day"].min(), by["day"].max()
    repeats = seen[seen["day"] > seen["customer"].map(first)]
    features = pd.DataFrame(
        {
            "frequency": by.size() - 1,
            "recency_days": (last - first).dt.days.astype(float),
            "age_days": (end - first).dt.days.astype(float),
            "repeat_spend_mean": repeats.groupby("customer")["spend"].mean(),
        }
    )
    held = later.groupby("customer").agg(purchase_days=("day", "size"), spend=("spend", "sum"))
    sample = [int(line) for line in (folder / "sample_ids.txt").read_text().split()]
    return Cdnow(features, held.reindex(features.index, fill_value=0), sample)
