"""What a better list may not cost: discounts, margin, variety and fairness, each with an interval.

Discount and margin are those that an item had before the cut-off. Held-out baskets were bought without the lists, so a
hit costs nothing that would not have been paid anyway: both say what kind of items a policy leads members to. The
margin is a sum over the listed items that were bought, and so rises with every hit. The discount is a mean over all
listed items: as a sum over hits it would rise with recall, and call a list worse for being bought from.
"""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import scipy.stats

from membership.base import engine
from membership.benefits.facts import UNKNOWN
from membership.data import purchases
from membership.evaluate import metrics
from membership.evaluate.metrics import GAP, SPREAD
from membership.settings.decide import Guardrail

KEY = "params.yaml: decide.guardrails"


def prices(events: ir.Table, cutoff: date) -> pd.DataFrame:
    """Return what a purchase of each item came to before `cutoff`, sorted by item_id.

    Columns: item_id, price (mean cents paid, so less any discount), discount (mean cents).
    """
    bought = purchases.basket_lines(engine.before(events, cutoff))
    means = bought.group_by("item_id").agg(price=ibis._.amount.mean(), discount=ibis._.discount.mean())
    return means.order_by("item_id").to_pandas()


def fairness(
    champion: pd.DataFrame,
    challenger: pd.DataFrame,
    metric: str,
    groups: pd.DataFrame,
    min_group: int,
    confidence: float,
) -> pd.DataFrame:
    """Return how `challenger` changes what lies between groups of members: two rows.

    Columns: metric, members, control, treatment, difference, low, high; attribute, best and worst (groups; "" for the
    spread, which is of all of them).

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
        unknown = {**nothing, "low": -np.inf, "high": np.inf, "attribute": "", "best": "", "worst": ""}
        return pd.DataFrame([{"metric": name, **unknown} for name in (GAP, SPREAD)])
    apart = max(tables, key=lambda name: np.ptp(tables[name]["level"]))
    wide = max(tables, key=lambda name: _deviation(tables[name]))
    best, worst = tables[apart]["level"].idxmax(), tables[apart]["level"].idxmin()
    ends = tables[apart].loc[[best, worst]] if best != worst else tables[apart]
    signs = np.array([1.0, -1.0]) if best != worst else np.zeros(len(ends))
    gap = {"metric": GAP, **_contrast(ends, signs, confidence), "attribute": apart, "best": best, "worst": worst}
    spread = _contrast(tables[wide], _weights(tables[wide]), confidence)
    return pd.DataFrame([gap, {"metric": SPREAD, **spread, "attribute": wide, "best": "", "worst": ""}])


def in_margins(rows: pd.DataFrame, rule: Iterable[Guardrail]) -> pd.DataFrame:
    """Return how every guardrail of `rule` moved, in margins: better is above 0, and a loss of the whole margin is -1.

    `rows` has the metrics as index (as of `decide.of_all_members`). Columns: metric, margin, difference, low, high; one
    that allows no loss (margin 0) has no such unit, and is left out. Raises ParamError for an unknown metric.
    """
    found = []
    for each in rule:
        better = metrics.of(each.metric, KEY, rows.index).higher_is_better
        ends = ["difference", "low", "high"] if better else ["difference", "high", "low"]
        if margin := each.allowed(rows.loc[each.metric, "control"]):
            moved = (1 if better else -1) * rows.loc[each.metric, ends].to_numpy(dtype=float) / margin
            found.append((each.metric, margin, *moved))
    return pd.DataFrame(found, columns=["metric", "margin", "difference", "low", "high"])


def flat(guards: pd.DataFrame) -> dict[str, float]:
    """Return the rows of `fairness` as flat metrics; nothing where none is known."""
    found = {}
    for row in guards[guards["members"] > 0].itertuples():
        found |= {row.metric: row.treatment, f"difference_{row.metric}": row.difference}
        found |= {f"difference_{row.metric}_low": row.low, f"difference_{row.metric}_high": row.high}
    return found


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
