"""What a better list may not cost: discounts, margin, variety and fairness, each with an interval.

Discount and margin are those that an item had before the cut-off, on recommended items that were bought: held-out
baskets, bought without the lists, so a hit costs nothing that would not have been paid anyway. They say what kind of
items a policy leads members to.
"""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import scipy.stats

from membership.base import engine
from membership.base.errors import ParamError
from membership.benefits.facts import UNKNOWN
from membership.data import purchases
from membership.settings.decide import Guardrail

DISCOUNT, MARGIN, GAP, SPREAD = "discount_cost", "margin", "fairness_gap", "fairness_spread"
COLUMNS = ["metric", "members", "control", "treatment", "difference", "low", "high"]


def lower_is_better(metric: str) -> bool:
    """Return whether a rise of `metric` is a loss."""
    return metric.startswith((DISCOUNT, GAP, SPREAD))


def in_cents(metric: str) -> bool:
    """Return whether `metric` is an amount of money, in cents, and no share."""
    return metric.startswith((DISCOUNT, f"{MARGIN}_at"))


def prices(events: ir.Table, cutoff: date) -> pd.DataFrame:
    """Return what a purchase of each item came to before `cutoff`, sorted by item_id.

    Columns: item_id, price (mean cents paid, so less any discount), discount (mean cents).
    """
    bought = purchases.basket_lines(engine.before(events, cutoff))
    means = bought.group_by("item_id").agg(price=ibis._.amount.mean(), discount=ibis._.discount.mean())
    return means.order_by("item_id").to_pandas()


def money(
    recommendations: pd.DataFrame, bought: pd.DataFrame, prices: pd.DataFrame, margin_rate: float, k: int
) -> pd.DataFrame:
    """Return expected discount and margin of the first `k` items on each list that were `bought`.

    `recommendations` has policy, member_id, rank, item_id; `bought` has member_id, item_id (of all who are judged);
    `prices` is as of `prices`; an item without a price counts as nothing. Columns: policy, member_id,
    discount_cost_at_<k> and margin_at_<k> (cents a member; margin is `margin_rate` of the price after discount), one
    row for each policy and member of `bought`, 0 where nothing was hit.
    """
    pairs = bought[["member_id", "item_id"]].drop_duplicates()
    listed = recommendations.loc[recommendations["rank"] <= k, ["policy", "member_id", "item_id"]]
    hits = listed.merge(pairs).merge(prices, on="item_id")
    found = pd.DataFrame({f"{DISCOUNT}_at_{k}": hits["discount"], f"{MARGIN}_at_{k}": margin_rate * hits["price"]})
    sums = found.groupby([hits["policy"], hits["member_id"]]).sum()
    policies, members = np.sort(recommendations["policy"].unique()), np.sort(pairs["member_id"].unique())
    everybody = pd.MultiIndex.from_product([policies, members], names=["policy", "member_id"])
    return sums.reindex(everybody, fill_value=0.0).reset_index()


def with_money(outcomes: pd.DataFrame, money: pd.DataFrame) -> pd.DataFrame:
    """Return table `outcomes` with the columns of `money`."""
    return outcomes.merge(money, on=["policy", "member_id"], how="left", validate="one_to_one")


def fairness(
    champion: pd.DataFrame,
    challenger: pd.DataFrame,
    metric: str,
    groups: pd.DataFrame,
    min_group: int,
    confidence: float,
) -> pd.DataFrame:
    """Return how `challenger` changes what lies between groups of members: two rows, COLUMNS and `between` (words).

    fairness_gap: the best served group over the worst, of the attribute where they are furthest apart.
    fairness_spread: the standard deviation between the groups of an attribute, weighted by members, of the attribute
    where it is largest; it changes by what the well served gain more than the others. The arms are as of
    `experiment.arms`; `groups` has member_id and one text column an attribute (as of `facts.facts`); groups below
    `min_group` judged members, and who is not known, are left out. Which group is served how well is read from the
    mean of both policies, so that the luck of neither picks it; a change is then a contrast of the groups' paired
    differences, with a t interval. Where no attribute has two groups members is 0 and the interval is everything.

    Source: Oldham (1962), J. of Chronic Diseases 15 (change against the mean of both, not against the start);
    Satterthwaite (1946), Biometrics 2 (degrees of freedom of a contrast).
    """
    pair = pd.DataFrame({"control": champion[metric], "treatment": challenger[metric]}).dropna()
    known = groups.set_index("member_id").reindex(pair.index)
    tables = {name: _by_group(pair, known[name], max(min_group, 2)) for name in known.columns}
    tables = {name: table for name, table in tables.items() if len(table) > 1}
    if not tables:
        nothing = {"members": 0, "control": np.nan, "treatment": np.nan, "difference": np.nan}
        rows = [{"metric": name, **nothing, "low": -np.inf, "high": np.inf, "between": "-"} for name in (GAP, SPREAD)]
        return pd.DataFrame(rows)
    apart = max(tables, key=lambda name: np.ptp(tables[name]["level"]))
    wide = max(tables, key=lambda name: _deviation(tables[name]))
    best, worst = tables[apart]["level"].idxmax(), tables[apart]["level"].idxmin()
    ends = tables[apart].loc[[best, worst]] if best != worst else tables[apart]
    named = {
        GAP: (ends, np.array([1.0, -1.0]) if best != worst else np.zeros(len(ends)), f"{apart} {best} over {worst}"),
        SPREAD: (tables[wide], _weights(tables[wide]), wide),
    }
    rows = [
        {"metric": name, **_contrast(table, weights, confidence), "between": words}
        for name, (table, weights, words) in named.items()
    ]
    return pd.DataFrame(rows)


def of(rows: pd.DataFrame, metric: str) -> pd.Series:
    """Return the row of `metric` among `rows` (index metric). Raises ParamError, listing what there is."""
    if metric not in rows.index:
        raise ParamError(
            f"params.yaml: decide.guardrails: metric '{metric}' is unknown; there are: {', '.join(rows.index)}."
        )
    return rows.loc[metric]


def in_margins(rows: pd.DataFrame, rule: Iterable[Guardrail]) -> pd.DataFrame:
    """Return how every guardrail of `rule` moved, in margins: better is above 0, and a loss of the whole margin is -1.

    `rows` has the metrics as index (as of `decide.metrics_of`). Columns: metric, margin, difference, low, high; one
    that allows no loss (margin 0) has no such unit, and is left out.
    """
    found = []
    for each in rule:
        row = of(rows, each.metric)
        ends = ["difference", "high", "low"] if lower_is_better(each.metric) else ["difference", "low", "high"]
        sign = -1 if lower_is_better(each.metric) else 1
        if each.margin:
            moved = sign * row[ends].to_numpy(dtype=float) / each.margin
            found.append((each.metric, each.margin, *moved))
    return pd.DataFrame(found, columns=["metric", "margin", "difference", "low", "high"])


def metrics(guards: pd.DataFrame) -> dict[str, float]:
    """Return the rows of `fairness` as flat names and numbers; nothing where none is known."""
    flat = {}
    for row in guards[guards["members"] > 0].itertuples():
        flat |= {row.metric: row.treatment, f"difference_{row.metric}": row.difference}
        flat |= {f"difference_{row.metric}_low": row.low, f"difference_{row.metric}_high": row.high}
    return flat


def _by_group(pair: pd.DataFrame, groups: pd.Series, smallest: int) -> pd.DataFrame:
    """Return members, control, treatment, level (mean of both) and variance (of differences), one row a known group."""
    change = pair["treatment"] - pair["control"]
    frame = pair.assign(change=change, group=groups.where(groups != UNKNOWN))
    table = frame.groupby("group").agg(
        members=("control", "size"),
        control=("control", "mean"),
        treatment=("treatment", "mean"),
        variance=("change", "var"),
    )
    table = table[table["members"] >= smallest]
    return table.assign(level=(table["control"] + table["treatment"]) / 2)


def _deviation(table: pd.DataFrame) -> float:
    share = table["members"] / table["members"].sum()
    return float(np.sqrt(share @ (table["level"] - share @ table["level"]) ** 2))


def _weights(table: pd.DataFrame) -> np.ndarray:
    """Return the weights of the groups' means that make the weighted deviation between them; 0 where there is none."""
    share, deviation = table["members"] / table["members"].sum(), _deviation(table)
    return (share * (table["level"] - share @ table["level"]) / deviation).to_numpy() if deviation else 0.0 * share


def _contrast(table: pd.DataFrame, weights: np.ndarray, confidence: float) -> dict:
    control, treatment = float(weights @ table["control"]), float(weights @ table["treatment"])
    parts, freedom = weights**2 * table["variance"] / table["members"], table["members"] - 1
    error = parts.sum()
    half = 0.0
    if error > 0:
        half = scipy.stats.t.ppf((1 + confidence) / 2, error**2 / (parts**2 / freedom).sum()) * np.sqrt(error)
    change = treatment - control
    return {
        "members": int(table["members"].sum()),
        "control": control,
        "treatment": treatment,
        "difference": change,
        "low": change - half,
        "high": change + half,
    }
