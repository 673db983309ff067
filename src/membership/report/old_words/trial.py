"""What the randomised reading found, in sentences, Markdown tables and flat metrics."""

import numpy as np
import pandas as pd

from membership.base.results import markdown
from membership.evaluate import experiment
from membership.evaluate.arms import CONTROL, TREATMENT
from membership.evaluate.randomised import ADJUSTED, PLAIN, Trial
from membership.report.old_words import findings

BALANCED = 0.1  # standardised difference that is commonly taken for balance


def effect_table(trial: Trial) -> str:
    """Return both methods on every measure, as a Markdown table."""
    return markdown(_effect(row, trial.confidence) for _, row in trial.effects.iterrows())


def _effect(row: pd.Series, confidence: float) -> dict[str, str]:
    name, digits = findings.shown(row["measure"])
    return {
        "measure": name,
        "method": row["method"],
        "members": f"{row['members']:,}",
        CONTROL: findings.number(row["control"], digits),
        TREATMENT: findings.number(row["treatment"], digits),
        "difference": findings.number(row["difference"], "+" + digits),
        f"{confidence:.0%} interval": findings.interval(row, digits=digits),
        "p": findings.number(row["p_value"], ".2g"),
        "correlation with before": findings.number(row["correlation"], ".2f"),
        "detectable": findings.number(row["detectable"], digits),
    }


def reading_table(readings: pd.DataFrame, confidence: float) -> str:
    """Return the primary metric as each reading has it, as a Markdown table."""
    paired = readings["width"].iloc[0] or np.nan  # a policy beside itself never varies
    return markdown(
        {
            "reading": row["reading"],
            "members": f"{row['members']:,}",
            "difference": findings.number(row["difference"], "+.4f"),
            f"{confidence:.0%} interval": findings.interval(row),
            "width": findings.number(row["width"], ".4f"),
            "times the paired": findings.number(row["width"] / paired, ".1f"),
            "detectable": findings.number(row["detectable"], ".4f"),
        }
        for _, row in readings.iterrows()
    )


def gate(trial: Trial) -> str:
    """Say whether the arms have the sizes that were planned, and so may be read."""
    sizes = trial.members["arm"].value_counts().reindex([CONTROL, TREATMENT], fill_value=0)
    words = "may be read" if trial.readable else "may **not** be read, and their differences are withheld"
    return (
        f"{sizes[CONTROL]:,} members of arm '{CONTROL}' and {sizes[TREATMENT]:,} of arm '{TREATMENT}' came back: "
        f"sample-ratio p = {trial.sample_ratio_p:.2g}, and the gate shuts below {trial.gate:g}. The arms {words}."
    )


def why_wider(outcomes: pd.DataFrame, readings: pd.DataFrame, metric: str) -> str:
    """Say how much wider the randomised interval is than the paired one, and why, from the two lists of each member."""
    champion, challenger = (arm[metric] for arm in experiment.arms(outcomes))
    together = champion.corr(challenger)
    width = readings.set_index("reading")["width"]
    times = width.get(f"randomised, {PLAIN}", np.nan) / (width["paired"] or np.nan)
    if not np.isfinite(together) or not np.isfinite(times):
        return "The two readings cannot be compared: a metric does not vary, an arm has too few, or the gate is shut."
    own, both = champion.var() + challenger.var(), (challenger - champion).var()
    return (
        f"The randomised interval is {times:.1f} times as wide as the paired one, because it sees one list of each "
        f"member instead of two and each list on half of the members: what both lists find of one basket correlates by "
        f"{together:.2f}, which only the paired reading takes out; by that, {np.sqrt(2 * own / both):.1f} times is to "
        f"be expected. To be as sure, a live test needs about {times**2:.0f} times as many members. It is the reading "
        f"that a live test would give; the paired one says more of these baskets, and no more of what lists cause."
    )


def cuped(trial: Trial, metric: str) -> str:
    """Say how far CUPED cut the variance, and how far it should have, by the correlation."""
    methods = set(trial.effects.loc[trial.effects["measure"] == metric, "method"])
    if not trial.readable:
        return "The sample-ratio gate is shut: what CUPED takes out is not read."
    if ADJUSTED not in methods:
        return "Without a window before that knows something of the metric, there is nothing for CUPED to take out."
    plain, adjusted = trial.of(metric), trial.of(metric, ADJUSTED)
    together = adjusted["correlation"]
    cut = 1 - ((adjusted["high"] - adjusted["low"]) / (plain["high"] - plain["low"])) ** 2
    takes = f"takes {cut:.1%} off" if cut >= 0 else f"adds {-cut:.1%} to"
    return (
        f"In {metric} a member's basket of the window before and this one correlate by {together:.2f}, "
        f"so CUPED {takes} the variance (the square of the correlation is {together**2:.1%})."
    )


def balanced(table: pd.DataFrame, confidence: float) -> str:
    """Say whether the arms were alike before the test, from `arms.balance`."""
    if table.empty:
        return "Nothing that varies is known of members from before."
    worst = table.loc[table["apart"].abs().idxmax()]
    odd = (table["p_value"] < 1 - confidence).sum()
    chance = len(table) * (1 - confidence)
    words = "are balanced" if abs(worst["apart"]) < BALANCED else "are **not** balanced"
    return (
        f"The arms {words} before the test: of {len(table)} known numbers, {worst['known']} is furthest apart, by "
        f"{worst['apart']:+.2f} standard deviations (common limit {BALANCED}); {odd} have p below "
        f"{1 - confidence:.2g}, where chance alone would give about {chance:.1f}."
    )


def metrics(trial: Trial, metric: str) -> dict[str, float]:
    """Return the primary metric's randomised reading as flat names and numbers, for `results.save_metrics`."""
    flat = {"randomised_sample_ratio_p_value": trial.sample_ratio_p}
    for row in trial.effects[trial.effects["measure"] == metric].to_dict("records"):
        name = f"randomised_{row['method'].lower()}_{metric}"
        flat |= {name: row["difference"], f"{name}_low": row["low"], f"{name}_high": row["high"]}
    return flat
