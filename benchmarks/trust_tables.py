"""Who is counted in published tables? An attempt on each kind of them, exact and as it is published.

The attacker compares what somebody did with the table, and knows how others behave and vary together: nobody can do
better where the numbers are normal. People fall into GROUPS groups; each group has its table, the next one are those
who are not in it, and all further ones say what is usual.

- `weekly_activity`, members who bought and orders by week: of as few members as the small market has and of as many as
  a real one; exact, and as `report/coarse` tells them.
- Shares by month and counts of one moment, stages and tiers: of the default data, in groups as small and as large.
- Totals with noise (`report/released`), where OpenDP is installed: members who ordered, orders and spend by month.

Advantage is twice the area under the curve of true against false positives, minus 1: 0 is chance, 1 is certainty.
Right is an interval that does not lie above what is allowed: `privacy.told`, or, with noise, tanh(epsilon / 2), which
is (e^epsilon - 1) / (e^epsilon + 1): the curve of two corners that no test of epsilon can pass.
Of exact tables over time it must be seen, or the attempt would be no good.
"""

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import trust_market
from membership.base import seeds, tables
from membership.data import contributions
from membership.report import coarse, few, released
from membership.stats import noise

MANY, DRAWS = 500, 500  # members of a market that is not small, draws of members
GROUPS, SHRUNK = 6, 0.1  # tables that are tried, share of correlations that is not believed
EPSILON = 1.0  # of all totals that are tried
_Table = Callable[[pd.DataFrame], tuple[pd.Series, np.ndarray]]  # members x numbers -> means as told, variance added


def measure(members: int) -> list[dict[str, Any]]:
    """Return the rows of markets of `members` and of MANY."""
    told = few.privacy().told
    rows = [_weekly(one, level) for one in (members, MANY) for level in (None, told)]
    for one in (members, None):
        rows += [row for each, what in _groups(one) for row in _shares(each, what, told)]
    if importlib.util.find_spec("opendp") is not None:
        rows += [row for one in (members, MANY) for row in _with_noise(one)]
    return rows


def _weekly(members: int, told: float | None) -> dict[str, Any]:
    whole = _weeks(trust_market.market(GROUPS * members).events)
    step, weeks = 0.0, whole.columns.get_level_values("week")
    if told is not None:
        length, step = coarse.plan(weeks.max() + 1, whole.shape[1] // (weeks.max() + 1), members, told)
        whole = whole.T.groupby([whole.columns.get_level_values(0), weeks // length * length]).mean().T

    def published(inside: pd.DataFrame) -> tuple[pd.Series, np.ndarray]:
        wide = step * inside.mean() * np.sqrt(len(inside))  # as `coarse` takes a standard error
        return _rounded(inside, wide), np.full(inside.shape[1], step**2 / 12)

    return _tried(f"orders and members by week of {members:,} members", whole, published, told)


def _groups(members: int | None) -> Iterator[tuple[pd.DataFrame, str]]:
    """Yield who was in which stage, and in which tier, on each day: members x (as_of, group), 0 or 1, and what it is.

    `members`: of a group of the default data; None: as many as there are.
    """
    for table, column in (("lifecycle_history", "stage"), ("tier_history", "tier")):
        history = tables.read(table)
        each = pd.crosstab(history["member_id"], [history["as_of"], history[column]])
        each = each.head(GROUPS * members) if members else each
        yield each, f"by {column} of {len(each) // GROUPS:,} members"


def _shares(each: pd.DataFrame, what: str, told: float) -> list[dict[str, Any]]:
    days, size = each.columns.get_level_values("as_of"), len(each) // GROUPS
    months = days.unique().get_indexer(days)
    length, step = coarse.plan(months.max() + 1, days.value_counts().max() - 1, size, told, periods=coarse.MONTHS)
    periods = each.T.groupby([months // length, each.columns.get_level_values(1)]).mean().T

    def published(inside: pd.DataFrame) -> tuple[pd.Series, np.ndarray]:
        share = inside.mean()
        wide = step * np.sqrt(share * (1 - share) * len(inside))  # as `coarse` takes a standard error
        return _rounded(inside, wide), np.full(inside.shape[1], step**2 / 12)

    return [
        _tried(f"shares by month {what}", each, _exact, None),
        _tried(f"shares by month {what}", periods, published, told),
        _tried(f"counts of one day {what}", each.loc[:, days == days.max()], _exact, told),
    ]


def _with_noise(members: int) -> list[dict[str, Any]]:
    """Return attempts on totals by month of a market, exact and with noise of EPSILON for all of them together."""
    events = trust_market.market(GROUPS * members).events
    events = events[events["kind"] == "purchase"].assign(month=lambda found: found["local_at"].dt.to_period("M"))
    by_month = events.groupby(["member_id", "month"])
    each = {"orders": by_month["order_id"].nunique(), "spend": by_month["amount"].sum()}
    each = {name: found.unstack(fill_value=0) for name, found in each.items()}  # noqa: PD010
    each["members"] = (each["orders"] > 0).astype("int64")
    limits = {name: int(np.ceil(found.sum(axis=1).quantile(released.SHARE))) for name, found in each.items()}
    cut = {name: contributions.limited(found.to_numpy(), limits[name]) for name, found in each.items()}
    whole = pd.concat({name: pd.DataFrame(found, each[name].index) for name, found in cut.items()}, axis=1)
    scales = np.repeat([noise.scale(limits[name], EPSILON / len(cut)) for name in cut], each["orders"].shape[1])

    def published(inside: pd.DataFrame) -> tuple[pd.Series, np.ndarray]:
        sums = [noise.sums(inside[name].sum().to_numpy(), limits[name], EPSILON / len(cut)) for name in cut]
        variance = np.maximum(len(inside) * inside.var(ddof=0).to_numpy(), 1e-9)
        return pd.Series(np.concatenate(sums) / len(inside), inside.columns), 2 * scales**2 / variance

    what = f"members, orders and spend by month of {members:,} members"
    allowed = float(np.tanh(EPSILON / 2))
    return [
        _tried(what, whole, _exact, None),
        _tried(f"{what}, with noise of epsilon {EPSILON:g}", whole, published, allowed),
    ]


def _tried(what: str, whole: pd.DataFrame, published: _Table, allowed: float | None) -> dict[str, Any]:
    """Return the row of an attempt on the tables of GROUPS groups of `whole`, members x numbers.

    `allowed`: advantage; None: it must be seen.
    """
    groups, sides = [whole.iloc[place::GROUPS] for place in range(GROUPS)], []
    for place, inside in enumerate(groups):
        others, usual = groups[place - 1], pd.concat(groups[place + 1 :] + groups[: max(place - 1, 0)])
        means, added = published(inside)
        toward = _weights(usual, added) @ (means - usual.mean()).to_numpy()
        sides.append([((part - usual.mean()).to_numpy() @ toward) for part in (inside, others)])
    if allowed is not None:
        return row(f"{what}, as they are told", sides, allowed)
    found = row(f"{what}, exact: it must be seen", sides)
    return found | {"right": 1 - found["right"]}


def _rounded(inside: pd.DataFrame, wide: pd.Series) -> pd.Series:
    """Return the means of `inside`, their sums rounded to steps that are `wide`, one for each number."""
    steps = np.maximum(wide, 1e-9)
    return (inside.sum() / steps).round() * steps / len(inside)


def _weights(usual: pd.DataFrame, added: np.ndarray) -> np.ndarray:
    """Return the inverse of the covariance of what is usual and of what the table adds, a little towards independence.

    `added`: the variance that rounding or noise adds to each number, over that of the sum.
    """
    spread = usual.std(ddof=0).replace(0, np.inf).to_numpy()
    together = np.nan_to_num(usual.corr().to_numpy())
    np.fill_diagonal(together, 1)
    known = (1 - SHRUNK) * together + np.diag(SHRUNK + added)
    return np.linalg.inv(known) / np.outer(spread, spread)


def _weeks(events: pd.DataFrame) -> pd.DataFrame:
    """Return orders, and whether there was any, of each member (rows) in each week (columns: what, week)."""
    bought = events[events["kind"] == "purchase"]
    week = (bought["local_at"] - bought["local_at"].min().normalize()).dt.days // 7
    orders = bought.assign(week=week).pivot_table("order_id", "member_id", "week", aggfunc="nunique", fill_value=0)
    orders = orders.reindex(columns=range(orders.columns.max() + 1), fill_value=0)
    return pd.concat({"orders": orders, "members": (orders > 0).astype(int)}, axis=1, names=["what", "week"])


def _exact(inside: pd.DataFrame) -> tuple[pd.Series, np.ndarray]:
    return inside.mean(), np.zeros(inside.shape[1])


def row(what: str, sides: list[list[np.ndarray]], allowed: float = 0.0) -> dict[str, Any]:
    """Return the row of an attempt: `sides` are the scores of who is inside and outside, a pair for each group."""
    rng = seeds.rng(DRAWS, "benchmark.trust.inference")
    drawn = [np.mean([advantage(*(rng.choice(one, len(one)) for one in pair)) for pair in sides]) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = np.mean([advantage(*pair) for pair in sides])
    told = f"inference: advantage {found:+.3f} ({low:+.3f} to {high:+.3f}) on {what}"
    return {"what": told, "tried": 1, "right": int(low <= allowed)}


def advantage(inside: np.ndarray, outside: np.ndarray) -> float:
    """Return by how much more often than chance the larger of two scores, one of each side, is of who is inside.

    >>> advantage(np.array([2, 3]), np.array([0, 1])), advantage(np.array([1, 2]), np.array([1, 2]))
    (1.0, 0.0)
    """
    wins = stats.mannwhitneyu(inside, outside).statistic
    return float(2 * wins / (len(inside) * len(outside)) - 1)
