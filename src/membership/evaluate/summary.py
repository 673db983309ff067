"""The memo of one page, `reports/summary.md`: every number is made by the run, with the claim that it supports."""

from pathlib import Path

import pandas as pd

from membership.base import files, paths
from membership.base.params import Stage
from membership.base.results import markdown
from membership.evaluate import findings
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
        "an assumption, weighed with campaign logs where there are any; to be tested in a randomised trial",
    ),
    "value, expected to buy again": (
        "what members do if nothing changes",
        "a forecast, checked on the holdout by stage value",
    ),
    "members, tiers": (
        "who would be in which tier",
        "replayed month by month over the history; nobody has lived under these rules",
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
        f"a difference of {row['difference']:+.4f} ({experiment.confidence:.0%} interval {findings.interval(row)})."
    )


def programme_table(programme: pd.DataFrame, budget: float, currency: str) -> str:
    """Return `programme` in units of `currency`, with shares of members, value and budget, as a Markdown table."""
    total = programme.iloc[-1]
    return markdown(
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
    checks = markdown(
        {"check": check.name, "result": "passed" if check.passed else "failed", "why": check.reason}
        for check in decision.checks
    )
    claims = markdown({"numbers": name, "claim": claim, "judged": how} for name, (claim, how) in _CLAIMS.items())
    return f"""# Would we ship it?

{conclusion(decision, experiment)}
The rule is in `params.yaml`, section `decide`; all of its checks must pass.

{checks}

## How much better, and how sure
The champion is '{champion}', the challenger '{challenger}'. Both recommend to the same members as of
{p.windows.as_of}; each list is compared with the basket that the member bought next in {p.windows.holdout}.
The smallest true difference in {experiment.primary} that this finds with power {p.evaluate.power:.0%} is \
{findings.number(row["detectable"], ".4f")}. Coverage is counted, not estimated from members, so it has no interval.

<!-- result -->
{findings.result_table(experiment)}
<!-- /result -->

## For whom
{findings.heterogeneity(experiment)}

{findings.tier_table(experiment)}

## What members are worth, and what the programme would cost
Over {p.value.horizon_days} days, with a margin of {p.economics.margin_rate:.0%} on spend and a budget of \
{currency} {budget / 100:,.0f} for benefits.
Gains rest on responses: assumed in `params.yaml`, section `benefits`, and moved by what campaigns told of some of
them, as far as that goes (notebook 50, which also says from which response each benefit pays, and what is even).

{programme_table(programme, budget, currency)}

## Which claim each number supports
{claims}

## Limits
{_LIMITS}
"""


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "-"
