"""The memo of one page, `reports/summary.md`: every number is made by the run, with the claim that it supports."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from membership.base import files, paths
from membership.base.results import markdown
from membership.evaluate import segments
from membership.evaluate.decide import Decision
from membership.evaluate.experiment import Experiment
from membership.evaluate.segments import Segments
from membership.report.old_words import findings
from membership.settings.params import Stage

TOTAL = "all"

_CLAIMS = {
    "1. Recommendations are relevant": (
        "champion, challenger, differences, intervals; discount and margin of hits; coverage; fairness",
        "predicted under held-out logs, never caused: nobody was shown these lists",
    ),
    "2. Benefits pay": (
        "cost, assumed gain and net of benefits",
        "assumed responses, weighed with campaign logs where there are any (observational, unless arms were drawn); "
        "to be tried at random",
    ),
    "3. Tiers and the programme pay": (
        "members by tier; cost, assumed gain and net of tiers; value and expected to buy again (forecasts)",
        "replayed month by month over the history and tried on simulated markets; nobody has lived under these rules",
    ),
}
_RISKS = """\
- The baskets were bought without these lists being shown: a relevant list is no proof of an extra sale.
- One holdout window, one cut-off, and only members with a next basket in it: another season, and those who stayed \
away, may differ.
- The intervals are over members, with both policies as they were trained: training anew would add to them."""


@dataclass(frozen=True)
class Memo:
    """What the page is made of.

    `guards` as of `guardrails.fairness`; `trial` is the content of data/trial.json (readings, gate, plan); `programme`
    as of `programme`; `costs` are the metrics of stage tiers.
    """

    decision: Decision
    experiment: Experiment
    guards: pd.DataFrame
    segments: Segments
    trial: Mapping[str, Any]
    programme: pd.DataFrame
    costs: Mapping[str, float]


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


def checks(decision: Decision) -> str:
    """Say how many checks passed, and list the reasons of those that did not."""
    table = decision.table
    counts = table["result"].value_counts().reindex(["passed", "failed", "warning"], fill_value=0)
    said = f"Of {len(table)} checks {counts['passed']} passed, {counts['failed']} failed, {counts['warning']} warn"
    lines = [f"- **{row.result}: {row.check}.** {row.reason}" for row in table.itertuples() if row.result != "passed"]
    return "\n".join([f"{said} (notebook 80 has each with its reason).", *lines])


def readings(trial: Mapping[str, Any], confidence: float) -> str:
    """Say what the randomised reading makes of the primary metric, beside the paired one."""
    said = []
    for row in trial["readings"]:
        if row["reading"] == "paired":
            continue
        if row["low"] is None or row["high"] is None:
            said.append(f"{row['reading']}: withheld or not defined")
            continue
        sure = "does not hold 0" if row["low"] > 0 or row["high"] < 0 else "holds 0"
        said.append(
            f"{row['reading']}: {row['difference']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f}, which {sure})"
        )
    return (
        "The interval above is paired, both lists on every member. Read as a live test of this size would be, each "
        f"member in one arm, the same lists give ({confidence:.0%} intervals) {'; '.join(said)}. The rule decides on "
        "the paired one; the other says how little a live test of this size would see."
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


def programme_words(costs: Mapping[str, float], p: Stage) -> str:
    """Say what tiers and benefits would cost and bring if members respond as assumed, by the metrics of stage tiers."""
    tiers, benefits = ([_money(costs[f"{what}_{name}"]) for name in ("cost", "net")] for what in ("tiers", "benefit"))
    low, high = _money(costs["benefit_net_low"]), _money(costs["benefit_net_high"])
    return (
        f"Over {p.value.horizon_days} days, at a margin of {p.economics.margin_rate:.0%} on spend and **if members "
        f"respond as assumed**: the tiers would cost {p.dataset.currency} {tiers[0]} and bring {tiers[1]} beyond that; "
        f"the benefits would cost {benefits[0]} of a budget of {_money(p.benefits.budget)} and bring {benefits[1]} "
        f"beyond that ({low} to {high} by how unsure the responses are; {costs['benefit_p_pays']:.0%} likely to pay at "
        "all). Campaigns moved the responses as far as they tell; notebook 50 has what is even, and from which "
        "response each benefit pays."
    )


def next_steps(decision: Decision, trial: Mapping[str, Any]) -> str:
    """Say what to do now, and what a live test would take."""
    challenger = decision.challenger["policy"]
    kept = "`make live` keeps what is expected now, to be held against what happens next"
    do = f"First {kept}; then `make promote` makes '{challenger}' the champion, and `make rollback` takes that back."
    if decision.verdict == "keep":
        do = f"'{decision.champion['policy']}' stays live, and {kept}; `make promote` would be refused, as above."
    return (
        f"{do} What lists cause, a live test with random arms can tell, and nothing before it: {trial['plan']} "
        "Load `reports/actions.csv`."
    )


def write(memo: Memo, p: Stage) -> Path:
    """Write `reports/summary.md` and return its path; the same results give the same bytes."""
    path = paths.reports("summary.md")
    files.write_text(path, _page(memo, p))
    return path


def _page(memo: Memo, p: Stage) -> str:
    decision, experiment = memo.decision, memo.experiment
    claims = markdown({"claim": name, "numbers": what, "judged": how} for name, (what, how) in _CLAIMS.items())
    return f"""# Would we ship it?

{conclusion(decision, experiment)}
{readings(memo.trial, experiment.confidence)}

The rule is in `params.yaml`, section `decide`. {checks(decision)}

## How much better, and how sure
The champion is '{decision.champion["policy"]}', the challenger '{decision.challenger["policy"]}'. Both recommend to \
the same members as of {p.windows.as_of}; each list is compared with the basket that the member bought next in \
{p.windows.holdout}. {findings.size(experiment)}

<!-- result -->
{findings.result_table(experiment, memo.guards)}
<!-- /result -->

## For whom
{segments.in_words(memo.segments)}
{findings.fairness(memo.guards, experiment)}

## What members are worth, and what the programme would cost and bring
{programme_words(memo.costs, p)}

{programme_table(memo.programme, p.benefits.budget, p.dataset.currency)}

## Three claims, never merged
{claims}

## Risks
{_RISKS}

## What next
{next_steps(decision, memo.trial)}
"""


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _money(cents: float) -> str:
    return f"{cents / 100:,.0f}"
