"""What campaigns tell of the response to benefits, for people."""

import pandas as pd

from membership.campaigns.audience import Audience, overlapping
from membership.campaigns.effects import Estimates


def judged(panel: Audience) -> str:
    """Say in words, as Markdown, which campaigns are judged and what had to be left out."""
    left = [f"{what} ({count})" for what, count in panel.left_out.items() if count]
    out = f" Left out: {'; '.join(left)}." if left else ""
    if panel.rows.empty:
        return f"**The data have no campaign that can be judged, so the assumptions of `params.yaml` stand.**{out}"
    rows = panel.rows
    by_design = rows.loc[rows["randomised"], "offer_id"].nunique()
    campaigns = rows["offer_id"].nunique()
    how = {0: "none of them randomised", campaigns: "all of them randomised"}
    return (
        f"**{campaigns} campaigns are judged**, {how.get(by_design, f'{by_design} of them randomised')}: "
        f"they reached {rows.loc[rows['treated'], 'member_id'].nunique():,} members "
        f"{int(rows['treated'].sum()):,} times. Campaigns overlap: {overlapping(rows):.0%} of those times, the member "
        f"had another of them in the same days.{out}"
    )


def effect_table(found: Estimates) -> pd.DataFrame:
    """Return one row a kind: source, campaigns, reached, kept, ess, uplift, low, high, placebo, systematic."""
    whole = found.effects[found.effects["by"] == "all"]
    table = whole.merge(found.overlap, on=["kind", "source"], suffixes=("", "_all")).set_index("kind")
    table["ess"] = table["ess"].astype(float).round().astype(int)
    names = [
        "source",
        "campaigns",
        "reached",
        "kept",
        "ess",
        "uplift",
        "low",
        "high",
        "placebo",
        "systematic",
        "usable",
    ]
    return table[names]


def metrics(found: Estimates, after: pd.DataFrame) -> dict[str, float]:
    """Return the stage's metrics of the response: by kind (spaces as underscores) and by benefit that was updated."""
    kinds = {}
    for row in found.effects[(found.effects["by"] == "all") & found.effects["usable"]].itertuples():
        name = f"response_{row.kind.lower().replace(' ', '_')}_{row.source}"
        kinds |= {name: row.uplift, f"{name}_low": row.low, f"{name}_high": row.high, f"{name}_placebo": row.placebo}
    told = after[after["source"] != "assumed"].groupby("benefit")["uplift"].mean()
    return kinds | {f"response_{benefit}": float(uplift) for benefit, uplift in told.items()}


def conclusion(found: Estimates, before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Say in words, as Markdown, what the campaigns change of what was assumed; `before`, `after` as `assumed`."""
    told = after[after["source"] != "assumed"]
    if told.empty:
        return "No campaign says enough of any benefit: every uplift below is **an assumption, not a finding**."
    whole = found.effects[(found.effects["by"] == "all") & found.effects["usable"]]
    kinds = "; ".join(
        f"{row.kind} {row.uplift:+.1%} ({row.low:+.1%} to {row.high:+.1%}, placebo {row.placebo:+.1%})"
        for row in whole.itertuples()
    )
    unclear = int(((whole["low"] <= 0) & (whole["high"] >= 0)).sum())
    observed = "observational" in set(told["source"])
    caution = (
        " Who was reached was, as far as the data tell, not drawn by lot: beforehand they differ from the others by up "
        f"to {found.overlap['smd_before'].max():.1f} standard deviations. The estimate holds as far as earlier "
        "purchases explain who was reached; the placebo, spend just before, says how far they do, and what it reveals "
        "is counted in the intervals. It errs on the strict side, since the real estimate also knows the days that "
        "the placebo judges. "
        f"{_compared(found.overlap)} Personas are known in hindsight only, so what is said by persona is a description."
        if observed
        else " Who was reached was drawn by lot, so this is caused by the campaigns."
    )
    changes = "; ".join(
        f"{benefit.replace('_', ' ')} from {_mean(before, benefit, 'uplift'):.1%} (standard deviation "
        f"{_mean(before, benefit, 'uplift_sd'):.1%}) to {rows['uplift'].mean():.1%} ({rows['uplift_sd'].mean():.1%})"
        for benefit, rows in told.groupby("benefit")
    )
    assumed = sorted(set(after["benefit"]) - set(told["benefit"]))
    rest = f" Assumed as before: {', '.join(assumed).replace('_', ' ')}." if assumed else ""
    return (
        f"While a campaign ran, those it reached spent more than without it by: {kinds}. For {unclear} of {len(whole)} "
        f"kinds the interval holds 0.{caution} Weighed with the assumptions this moves the mean response to {changes}; "
        f"a benefit held for the whole horizon is taken to work as a campaign does in its days.{rest}"
    )


def _compared(over: pd.DataFrame) -> str:
    observed = over[over["source"] == "observational"]
    return (
        f"It speaks for those who might as well have been reached as not ({observed['kept'].min():.0%} to "
        f"{observed['kept'].max():.0%} of members, by kind), among whom, weighted, a difference of up to "
        f"{observed['smd_after'].max():.2f} standard deviations is left (0.1 is usually called balanced)."
    )


def _mean(table: pd.DataFrame, benefit: str, column: str) -> float:
    return float(table.loc[table["benefit"] == benefit, column].mean())
