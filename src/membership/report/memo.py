"""The memo of one page, `reports/summary.md`: every number in it was computed and stored by another stage."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from membership.base import absent, graph, paths, tables
from membership.evaluate import experiment, metrics, programme, subgroups
from membership.evaluate.decide import Decision
from membership.evaluate.verdicts import Kind
from membership.report import language, words
from membership.settings import params
from membership.settings.params import Stage


def rows(effects: pd.DataFrame, guards: list[Mapping[str, Any]]) -> pd.DataFrame:
    """Return every metric over all members, in the order of the registry, with its unit.

    `effects` is the table; `guards` are the rows of `guardrails.fairness`, as data/decision.json holds them.
    """
    overall = effects[effects["by"] == experiment.ALL]
    parts = [part.dropna(axis=1, how="all") for part in (overall, pd.DataFrame(guards)) if len(part)]
    return metrics.in_order(pd.concat(parts, ignore_index=True))


def doubts(quality: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of table `quality` that must be seen before anything else is read."""
    return quality[quality["loud"]].to_dict("records")


def not_possible() -> str:
    """Return the page in place of the memo where data are too few for a decision: what was possible, or why not."""
    stages = [node.name for node in graph.nodes()]
    reasons, stored = absent.reasons(paths.reports("metrics"), stages), tables.ALL["actions"].path()
    due = stored.exists() and absent.reason(stored) is None
    first = {why: stage for stage, why in reversed(reasons.items())}  # the stage that a reason is of
    with language.spoken(params.load("report").report.language):
        return words.render("memo_not_possible", stages=stages, reasons=reasons, first=first, due=due) + "\n"


def render(values: Mapping[str, Any], spoken: str) -> str:
    """Return the memo, filled with `values`, in the language `spoken`."""
    with language.spoken(spoken):
        return words.render("memo", **values) + "\n"


def values(
    effects: pd.DataFrame,
    compared: Mapping[str, Any],
    decision: Decision,
    guards: list[Mapping[str, Any]],
    table: pd.DataFrame,
    costs: Mapping[str, float],
    p: Stage,
    field: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the memo is filled with.

    `compared` is the content of data/comparison.json, `table` the table `programme`, `costs` the metrics of the tiers
    and benefits, `field` what the field itself is judged by, as data/decision.json holds it.
    """
    everybody, every = effects["by"] == experiment.ALL, rows(effects, guards)
    decides = {check.numbers["metric"] for check in decision.checks if check.kind in (Kind.PRIMARY, Kind.GUARDRAIL)}
    return {
        "decision": decision,
        "row": effects[everybody].set_index("metric").loc[compared["metric"]],
        "rows": every[every["metric"].isin(decides)],
        "others": every[~every["metric"].isin(decides)],
        "guards": guards,
        "field": field,
        **{name: compared[name] for name in ("metric", "confidence", "readings", "interactions", "plan")},
        "shown": subgroups.shown(effects[~everybody], compared["confidence"]),
        "power": p.evaluate.power,
        "as_of": p.windows.as_of,
        "holdout": p.windows.holdout,
        "programme": table,
        "total": programme.total(table),
        "costs": costs,
        "budget": costs["benefit_budget"],
        "currency": p.dataset.currency,
        "days": p.value.horizon_days,
        "margin_rate": p.economics.margin_rate,
        "confidence_value": p.value.confidence,
    }
