"""What an experiment found, in sentences and Markdown tables."""

import numpy as np
import pandas as pd

from membership.base.results import markdown
from membership.evaluate import guardrails
from membership.evaluate.experiment import Experiment


def in_words(experiment: Experiment) -> str:
    """Return what the experiment shows, in words: how much, for how many members, how sure, and where."""
    row = experiment.overall(experiment.primary)
    changes = experiment.differences[experiment.primary].dropna()
    sure = "is above zero" if row["low"] > 0 else "is below zero" if row["high"] < 0 else "may be zero"
    return (
        f"{row.name} changes by {row['difference']:+.4f}, from {row['control']:.4f} to {row['treatment']:.4f}; "
        f"with {experiment.confidence:.0%} confidence the change {sure} ({interval(row)}). "
        f"{(changes > 0).mean():.0%} of {len(changes):,} members gain, {(changes < 0).mean():.0%} lose, the others see "
        f"no change. {heterogeneity(experiment)}"
    )


def result_table(experiment: Experiment, guards: pd.DataFrame | None = None) -> str:
    """Return champion against challenger on every metric over all members, and on `guards`, as a Markdown table."""
    rows = experiment.headline if guards is None else pd.concat([experiment.headline, guards])
    return markdown(_result(row, experiment.confidence) for _, row in rows.iterrows())


def shown(metric: str) -> tuple[str, str]:
    """Return the name of `metric` with its unit, if that is money, and the digits that its values are shown with."""
    return (f"{metric} (cents)", ".1f") if guardrails.in_cents(metric) else (metric, ".4f")


def _result(row: pd.Series, confidence: float) -> dict[str, str]:
    name, digits = shown(row["metric"])
    return {
        "metric": name,
        "members": f"{row['members']:,}",
        "champion": number(row["control"], digits),
        "challenger": number(row["treatment"], digits),
        "difference": number(row["difference"], "+" + digits),
        f"{confidence:.0%} interval (t)": interval(row, digits=digits),
        "interval (bootstrap)": interval(row, "bootstrap_", digits),
        "effect size d_z": number(row["effect_size"], "+.3f"),
        "p": number(row["p_value"], ".2g"),
    }


def size(experiment: Experiment) -> str:
    """Say how large the difference is beside the champion and between members, and which one could be found."""
    row = experiment.overall(experiment.primary)
    relative = f"{row['difference'] / row['control']:+.1%} of the champion's" if row["control"] else "from nothing"
    return (
        f"The difference is {relative}, {number(row['effect_size'], '+.2f')} standard deviations between members; the "
        f"smallest that this many members find is {number(row['detectable'], '.4f')}."
    )


def fairness(guards: pd.DataFrame, experiment: Experiment) -> str:
    """Say how the challenger changes what lies between groups of members, as far as the intervals tell."""
    known = guards[guards["members"] > 0]
    if known.empty:
        return "Nothing is known of groups of members, so fairness between them is not judged."
    words = {
        guardrails.GAP: "the gap between the best and the worst served group",
        guardrails.SPREAD: "the standard deviation between groups",
    }
    said = [
        f"{words[row['metric']]} ({row['between']}) goes from {row['control']:.4f} to {row['treatment']:.4f} "
        f"({row['difference']:+.4f}; {interval(row)}; {row['members']:,} members)"
        for _, row in known.iterrows()
    ]
    return (
        f"Among judged members whose group is known and not too small, {' and '.join(said)}, in {experiment.primary}."
    )


def heterogeneity(experiment: Experiment) -> str:
    """Say in one sentence whether the effect differs between tiers."""
    p_value = experiment.heterogeneity_p
    if pd.isna(p_value):
        return "Too few tiers have members whose outcomes differ, so the effect cannot be compared between tiers."
    alpha = 1 - experiment.confidence
    found = "differs between tiers" if p_value < alpha else "is not shown to differ between tiers"
    return f"The effect on {experiment.primary} {found} (Welch's analysis of variance, p = {p_value:.2g})."


def interval(row: pd.Series, kind: str = "", digits: str = ".4f") -> str:
    """Return "low to high" of a row of `effects`, "-" where there is none; `kind` is "bootstrap_" for that interval."""
    low, high = row[f"{kind}low"], row[f"{kind}high"]
    return f"{low:+{digits}} to {high:+{digits}}" if np.isfinite(low) and low < high else "-"


def number(value: float, spec: str) -> str:
    """Return `value` in format `spec`, "-" where there is none."""
    return "-" if pd.isna(value) else format(value, spec)
