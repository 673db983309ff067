"""The memo of one page, `reports/summary.md`: every number is made by the run, with the claim that it supports."""

from pathlib import Path

import pandas as pd

from membership.base import files, paths
from membership.base.params import Stage
from membership.evaluate.decide import Decision
from membership.evaluate.experiment import Experiment

TOTAL = "all"

_CLAIMS = {
    "champion, challenger, differences, intervals": (
        "recommendations are relevant",
        "predicted under held-out logs, never caused",
    ),
    "cost, assumed gain, assumed net": (
        "benefits pay",
        "an assumption, to be tested on campaign logs or in a randomised trial",
    ),
    "value, expected to buy again": (
        "what members do if nothing changes",
        "a forecast, checked on the holdout by stage value",
    ),
    "members, tiers": (
        "who would be in which tier",
        "counted by the rules, not yet replayed over history",
    ),
}
_LIMITS = """\
- The baskets were bought without these lists being shown: a relevant list is no proof of an extra sale.
- One holdout window, one cut-off: another season may differ.
- Only members with a next basket in the window are judged; those who stayed away are not.
- A live test with random arms is the only proof; the decision says which policy deserves it."""


def programme(value: pd.DataFrame, tiers: pd.DataFrame, allocations: pd.DataFrame) -> pd.DataFrame:
    """Return one row a tier, from the entry tier up, and a last row `all`; money in cents over the horizon.

    Columns: tier, members, value (margin forecast, summed), repurchasing (expected members with an order within
    economics.repurchase_days), with_benefits (members who get one), cost, gain (assumed), net (gain less cost).
    """
    spent = allocations.groupby("member_id")[["cost", "gain"]].sum()
    members = tiers[["member_id", "tier", "tier_rank"]].merge(value[["member_id", "value", "p_repurchase"]])
    members = members.sort_values("member_id").join(spent, on="member_id")
    members["with_benefits"] = members["cost"].notna()
    sums = {
        "members": ("member_id", "count"),
        "value": ("value", "sum"),
        "repurchasing": ("p_repurchase", "sum"),
        "with_benefits": ("with_benefits", "sum"),
        "cost": ("cost", "sum"),
        "gain": ("gain", "sum"),
    }
    by_tier = members.groupby(["tier_rank", "tier"]).agg(**sums).reset_index().drop(columns="tier_rank")
    total = by_tier.drop(columns="tier").sum().to_frame().T.assign(tier=TOTAL)
    table = pd.concat([by_tier, total], ignore_index=True).astype({"members": int, "with_benefits": int})
    return table.assign(net=table["gain"] - table["cost"])


def metrics(programme: pd.DataFrame, budget: float) -> dict[str, float]:
    """Return the programme's totals as flat names and numbers, for `results.save_metrics`."""
    total = programme.iloc[-1]
    used = total["cost"] / budget if budget else 0.0
    flat = {f"programme_{name}": total[name] for name in ("members", "value", "repurchasing", "cost", "gain", "net")}
    return flat | {"programme_budget_used": used}


def conclusion(decision: Decision, experiment: Experiment) -> str:
    """Return the decision in one sentence, with the effect and its interval."""
    row = experiment.overall(experiment.primary)
    champion, challenger = decision.champion["policy"], decision.challenger["policy"]
    verdict = f"promote '{challenger}'" if decision.verdict == "promote" else f"keep '{champion}'"
    arms = f"{row['treatment']:.4f} for '{challenger}' against {row['control']:.4f} for '{champion}'"
    return (
        f"**Decision: {verdict}.** On the {row['members']:,} members with a next basket, {row.name} is {arms}: "
        f"a difference of {row['difference']:+.4f} ({experiment.confidence:.0%} interval {_interval(row)})."
    )


def findings(experiment: Experiment) -> str:
    """Return what the experiment shows, in words: how much, for how many members, how sure, and where."""
    row = experiment.overall(experiment.primary)
    changes = experiment.differences[experiment.primary].dropna()
    sure = "is above zero" if row["low"] > 0 else "is below zero" if row["high"] < 0 else "may be zero"
    return (
        f"{row.name} changes by {row['difference']:+.4f}, from {row['control']:.4f} to {row['treatment']:.4f}; "
        f"with {experiment.confidence:.0%} confidence the change {sure} ({_interval(row)}). "
        f"{(changes > 0).mean():.0%} of {len(changes):,} members gain, {(changes < 0).mean():.0%} lose, the others see "
        f"no change. {heterogeneity(experiment)} The A/A check {'passed' if experiment.aa.passed else 'failed'}."
    )


def result_table(experiment: Experiment) -> str:
    """Return champion against challenger on every metric over all members, as a Markdown table."""
    return _table(
        {
            "metric": row["metric"],
            "members": f"{row['members']:,}",
            "champion": f"{row['control']:.4f}",
            "challenger": f"{row['treatment']:.4f}",
            "difference": f"{row['difference']:+.4f}",
            f"{experiment.confidence:.0%} interval (t)": _interval(row),
            "interval (bootstrap)": _interval(row, "bootstrap_"),
            "effect size d_z": _number(row["effect_size"], "+.3f"),
            "p": _number(row["p_value"], ".2g"),
        }
        for _, row in experiment.headline.iterrows()
    )


def tier_table(experiment: Experiment) -> str:
    """Return the primary metric's difference in each tier, as a Markdown table."""
    return _table(
        {
            "tier": row["segment"],
            "members": f"{row['members']:,}",
            "champion": _number(row["control"], ".4f"),
            "challenger": _number(row["treatment"], ".4f"),
            "difference": _number(row["difference"], "+.4f"),
            f"{experiment.confidence:.0%} interval": _interval(row),
            "q (false discovery)": _number(row["q_value"], ".2g"),
        }
        for _, row in experiment.by_tier(experiment.primary).iterrows()
    )


def programme_table(programme: pd.DataFrame, budget: float, currency: str) -> str:
    """Return `programme` in units of `currency`, with shares of members, value and budget, as a Markdown table."""
    total = programme.iloc[-1]
    return _table(
        {
            "tier": row["tier"],
            "members": f"{row['members']:,} ({_share(row['members'], total['members'])})",
            f"value, {currency}": f"{row['value'] / 100:,.0f} ({_share(row['value'], total['value'])})",
            "expected to buy again": f"{row['repurchasing']:,.0f} ({_share(row['repurchasing'], row['members'])})",
            "with benefits": f"{row['with_benefits']:,}",
            f"cost, {currency}": f"{row['cost'] / 100:,.0f} ({_share(row['cost'], budget)} of the budget)",
            f"assumed gain, {currency}": f"{row['gain'] / 100:,.0f}",
            f"assumed net, {currency}": f"{row['net'] / 100:,.0f}",
        }
        for _, row in programme.iterrows()
    )


def write(decision: Decision, experiment: Experiment, programme: pd.DataFrame, p: Stage) -> Path:
    """Write `reports/summary.md` and return its path; the same results give the same bytes."""
    path = paths.reports("summary.md")
    files.write_text(path, _page(decision, experiment, programme, p))
    return path


def _page(decision: Decision, experiment: Experiment, programme: pd.DataFrame, p: Stage) -> str:
    row = experiment.overall(experiment.primary)
    champion, challenger = decision.champion["policy"], decision.challenger["policy"]
    budget, currency = p.benefits.budget, p.dataset.currency
    checks = _table(
        {"check": check.name, "result": "passed" if check.passed else "failed", "why": check.reason}
        for check in decision.checks
    )
    claims = _table({"numbers": name, "claim": claim, "judged": how} for name, (claim, how) in _CLAIMS.items())
    return f"""# Would we ship it?

{conclusion(decision, experiment)}
The rule is in `params.yaml`, section `decide`; all of its checks must pass.

{checks}

## How much better, and how sure
The champion is '{champion}', the challenger '{challenger}'. Both recommend to the same members as of
{p.windows.as_of}; each list is compared with the basket that the member bought next in {p.windows.holdout}.
The smallest true difference in {experiment.primary} that this finds with power {p.evaluate.power:.0%} is \
{_number(row["detectable"], ".4f")}. Coverage is counted, not estimated from members, so it has no interval.

<!-- result -->
{result_table(experiment)}
<!-- /result -->

## For whom
{heterogeneity(experiment)}

{tier_table(experiment)}

## What members are worth, and what the programme would cost
Over {p.value.horizon_days} days, with a margin of {p.economics.margin_rate:.0%} on spend and a budget of \
{currency} {budget / 100:,.0f} for benefits.
Gains rest on the responses assumed in `params.yaml`, section `benefits`: nothing here has measured them.

{programme_table(programme, budget, currency)}

## Which claim each number supports
{claims}

## Limits
{_LIMITS}
"""


def heterogeneity(experiment: Experiment) -> str:
    """Say in one sentence whether the effect differs between tiers."""
    p_value = experiment.heterogeneity_p
    if pd.isna(p_value):
        return "Too few tiers have members whose outcomes differ, so the effect cannot be compared between tiers."
    alpha = 1 - experiment.confidence
    found = "differs between tiers" if p_value < alpha else "is not shown to differ between tiers"
    return f"The effect on {experiment.primary} {found} (Welch's analysis of variance, p = {p_value:.2g})."


def _interval(row: pd.Series, kind: str = "") -> str:
    low, high = row[f"{kind}low"], row[f"{kind}high"]
    if row["low"] == row["high"]:
        return "-"
    return f"{low:+.4f} to {high:+.4f}"


def _number(value: float, spec: str) -> str:
    return "-" if pd.isna(value) else format(value, spec)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _table(rows) -> str:
    frame = pd.DataFrame(rows).astype(str)
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
