"""What the monitor found, in words, and what to do about it."""

import pandas as pd

from membership.monitor import monitor
from membership.monitor.monitor import DRIFTED, NONE, STABLE, WATCH, Compared

TODO = {
    STABLE: "Nothing needs to be done beyond what every period does: models are fitted anew and the decision is made.",
    WATCH: "Look at the rows marked watch again next period; one more period like this one, and find out what changed.",
    DRIFTED: "Before acting on the decision, find out what changed: data that come in otherwise, the season, or "
    "members. Forecasts fitted before it speak of another time; this period's, fitted on newer data, may too.",
}


def compared(found: Compared) -> str:
    """Say how earlier predictions fared; that there were none where there were none."""
    if found.made is None:
        return (
            "**No earlier predictions** whose days are over: it is the first period, or none were kept (`make live`). "
            "What is expected now is stored, and the next period is held against it."
        )
    lines = [
        _overall(found),
        _hits(found.overall("listed items bought")),
        _groups(found),
    ]
    if found.gone:
        lines.append(f"{found.gone:,} members who were predicted are no longer in the data, and left out.")
    return " ".join(filter(None, lines))


def drift(table: pd.DataFrame) -> str:
    """Say what has moved beyond the thresholds, and what to do."""
    refitted = (table["kind"].eq("forecast") & table["status"].ne(STABLE)).any()
    model = " Models were fitted anew in between, and forecasts move with them, too." if refitted else ""
    return f"{_moved(table)}{model} {TODO[monitor.worst(table['status'])]}"


def calibrated(found: Compared) -> str:
    """Say whether high predictions were too high and low ones too low."""
    said = [_slope(row) for row in found.calibrated[found.calibrated["status"] != NONE].itertuples()]
    return " ".join(said) or "Without earlier predictions there is no calibration to judge."


def checks(found: Compared, moved: pd.DataFrame) -> list[dict]:
    """Return what decide may look at: name, passed and reason of "drift", "forecasts came true" and "calibration".

    Drift passes unless a feature or forecast has drifted, the second unless repurchase or spend of all members has, the
    third unless a slope has. Without earlier predictions there is only the first: what was not judged has not passed.
    """
    still = {"name": "drift", "passed": bool((moved["status"] != DRIFTED).all()), "reason": _moved(moved)}
    if found.made is None:
        return [still]
    came_true = DRIFTED not in [found.overall(name)["status"] for name in ("repurchase", "spend")]
    sloped = DRIFTED not in set(found.calibrated["status"])
    return [
        still,
        {"name": "forecasts came true", "passed": came_true, "reason": _overall(found)},
        {"name": "calibration", "passed": sloped, "reason": calibrated(found)},
    ]


def _moved(table: pd.DataFrame) -> str:
    words = []
    for word in (DRIFTED, WATCH):
        rows = table[table["status"] == word]
        if len(rows):
            names = [f"{row.name} (PSI {row.psi:.2f}, KS {row.ks:.2f})" for row in rows.itertuples(index=False)]
            words.append(f"Marked {word}: {', '.join(names)}.")
    if words:
        return " ".join(words)
    furthest = f"the furthest is {table['name'].iloc[0]}, PSI {table['psi'].iloc[0]:.2f}"
    return f"Of {len(table)} features and forecasts none has moved beyond its threshold and beyond chance; {furthest}."


def _overall(found: Compared) -> str:
    buy, spend = found.overall("repurchase"), found.overall("spend")
    return (
        f"On {found.made}, '{found.policy}' was live (version {found.version}). Of {int(buy['members']):,} members, "
        f"{buy['predicted']:.1%} were expected to buy again in time and {buy['realised']:.1%} did (ratio "
        f"{_ratio(buy)}: {buy['status']}). Spend up to {found.until} was {_ratio(spend)} of what was expected: "
        f"{spend['status']}."
    )


def _slope(row) -> str:
    if pd.isna(row.slope):
        return f"{row.outcome.capitalize()}: nothing varies, so no slope can be told."
    means = {STABLE: "within the threshold", WATCH: "to be watched", DRIFTED: "not to be relied on member by member"}
    return f"{row.outcome.capitalize()}: slope {row.slope:.2f} ({row.low:.2f} to {row.high:.2f}), {means[row.status]}."


def _ratio(row: pd.Series) -> str:
    return f"{row['ratio']:.2f}, {row['low']:.2f} to {row['high']:.2f}" if pd.notna(row["ratio"]) else "not defined"


def _hits(row: pd.Series) -> str:
    if not row["members"] > 0:
        return "Nobody who had a list bought a product, so the list cannot be judged."
    found = f"Of the listed items, {row['realised']:.2f} a member were in the next basket of {int(row['members']):,}"
    if pd.isna(row["predicted"]):
        return f"{found}; the policy states no probabilities, so none were expected."
    return f"{found}, {row['predicted']:.2f} were expected (ratio {_ratio(row)}: {row['status']})."


def _groups(found: Compared) -> str:
    rows = found.table[found.table["by"].isin(["tier", "stage"]) & found.table["status"].isin([WATCH, DRIFTED])]
    names = [f"{row.outcome} of {row.by} {row.group} {row.ratio:.2f}" for row in rows.itertuples()]
    return f"Off among tiers and stages (ratio): {'; '.join(names)}." if names else ""
