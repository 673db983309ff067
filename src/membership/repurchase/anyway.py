"""Orders that would have come anyway: a history without those that benefits brought, as far as is assumed.

What is forecast is the chance of an order *without* a benefit, which allocation adds its effects to. So of the orders
while a member had one, those that it brought are no labels; nor are they part of the pace that later forecasts read, or
these would rise where benefits were given. Both, features and labels, are taken from the history that is left.

Who had a benefit is read from the programme's own log alone: exposures of which arm and propensity are known, of
campaigns that `campaigns.evidence` names for a benefit. Of campaigns that somebody else decided on it is not known who
would have been reached, and they go on whatever is allocated here: they are part of what comes without a benefit.

Which orders a benefit brought nobody sees. Of those who came with it, the share p / p' would have come anyway, p being
the chance without it and p' that with it, if it keeps nobody away; so orders are left out at random, at 1 - p / p'.
That is right for rates, not for the single order. The effect is the one assumed in the catalogue, since what campaigns
teach is learned from these forecasts; and an order that a benefit has only brought forward is not put back.

Source: probability of necessity under monotonicity, Tian & Pearl (2000), Annals of Mathematics and Artificial
Intelligence 28; thinning of a Poisson process, Lewis & Shedler (1979), Naval Research Logistics Quarterly 26.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.benefits import Benefit
from membership.settings.campaigns import CONTROL

_LARGEST = 0.98  # uplift: none is read as more
_GOLDEN, _MIX, _MIXED = (np.uint64(one) for one in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def given(
    exposures: pd.DataFrame, offers: pd.DataFrame, evidence: Mapping[str, Sequence[str]], catalogue: Sequence[Benefit],
    timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """Return who had a benefit, by the programme's own log: member_id, start, end (days since 1970, end out), odds.

    `odds`: what those of an order within repurchase_days are multiplied by. `evidence`: `campaigns.evidence`, benefit
    -> kinds of offers, or `<kind> / <arm>`. Offers without an end are left out: how long they ran is not known.
    """
    uplift = {one.name: min(one.uplift, _LARGEST) for one in catalogue}  # at a chance of one half
    odds = {kind: (1 + uplift[name]) / (1 - uplift[name]) for name, kinds in evidence.items() for kind in kinds}
    drawn = exposures["propensity"].notna() & exposures["arm"].notna() & (exposures["arm"].str.lower() != CONTROL)
    rows = exposures[drawn].merge(
        offers[["offer_id", "kind", "starts_at", "ends_at"]].dropna(subset="ends_at"), on="offer_id"
    )
    by_arm = (rows["kind"] + " / " + rows["arm"]).map(odds)
    began = rows[["at", "starts_at"]].max(axis=1)
    found = pd.DataFrame({"member_id": rows["member_id"], "start": _day(began, timezone)})
    last = _day(rows["ends_at"] - pd.Timedelta(microseconds=1), timezone)
    found = found.assign(end=last + 1, odds=by_arm.fillna(rows["kind"].map(odds)).astype(float))
    found = found[found["odds"].notna() & (found["end"] > found["start"])]
    return found.sort_values(["member_id", "start", "end", "odds"], ignore_index=True)


def without(history: PurchaseDays, had: pd.DataFrame, days: int, seed: int) -> PurchaseDays:
    """Return `history` without the orders that benefits brought; itself where nobody had any.

    `had`: as of `given`; `days`: repurchase_days. How likely an order was without the benefit is the member's own rate
    before it began, and of benefits at once the strongest counts. Whether an order is left out depends only on `seed`
    and on what the member had done until then, so it stays so when the history goes on.
    """
    had = had[had["member_id"].isin(history.members)]
    if had.empty:
        return history
    row = history.members.get_indexer(had["member_id"])
    start, end = had["start"].to_numpy(np.int64), had["end"].to_numpy(np.int64)
    first, last = history.from_day(row, start), history.from_day(row, end)
    rate = (first - history.starts[row] + 0.5) / (np.maximum(start - history.joined[row], 0) + 1)
    more = np.log1p(-np.expm1(-rate * days) * (had["odds"].to_numpy() - 1)) / days  # the odds within `days`, as a rate
    share = brought(-np.expm1(-rate), -np.expm1(-rate - more))  # of the orders of a single day
    orders = last - first
    entry = np.repeat(first - np.cumsum(orders) + orders, orders) + np.arange(orders.sum())
    chance = np.zeros(len(history.days))
    np.maximum.at(chance, entry, np.repeat(share, orders))
    return history.less(_uniform(history, seeds.child(seed, "repurchase.anyway")) < chance)


def brought(chance: np.ndarray, with_it: np.ndarray) -> np.ndarray:
    """Return, of those who came with a benefit, the share whom it brought; `chance` is that without it.

    >>> brought(np.array([0.5, 0.9]), np.array([0.75, 0.9])).round(3).tolist()
    [0.333, 0.0]
    """
    return 1 - chance / np.maximum(with_it, chance)


def _day(at: pd.Series, timezone: str) -> pd.Series:
    """Return the local days, since 1970, of times in UTC."""
    local = pd.to_datetime(at).dt.tz_localize("UTC").dt.tz_convert(timezone).dt.tz_localize(None)
    return (local.dt.normalize() - pd.Timestamp(0)).dt.days


def _uniform(history: PurchaseDays, seed: int) -> np.ndarray:
    """Return a number in [0, 1) for each entry, by what its member had done until then.

    Ids do not enter: a packed scorer has others, and would draw otherwise than the batch run.
    """
    first = np.repeat(history.starts[:-1], np.diff(history.starts))
    before = np.arange(len(history.days)) - first
    last = np.where(before > 0, np.roll(history.days, 1), 0)
    mixed = np.full(len(history.days), seed, np.uint64)
    for part in (history.days, history.spend, history.days[first], before, last):
        mixed = _mixed(mixed + part.astype(np.uint64) * _GOLDEN)
    return (mixed >> np.uint64(11)).astype(float) / 2**53


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Return 64 bits of which each depends on all of `bits`: the finaliser of splitmix64 (Steele et al., 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX
    bits = (bits ^ (bits >> np.uint64(27))) * _MIXED
    return bits ^ (bits >> np.uint64(31))
