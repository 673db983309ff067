"""For whom it changes: the paired difference by tier, persona and lifecycle stage, and whether it differs between them.

A segment whose own interval leaves out zero does not differ from the others for that: the interaction test says so.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base import seeds
from membership.base.errors import DataError
from membership.base.member_schemas import STAGES
from membership.base.results import markdown
from membership.settings.evaluate import Evaluate
from membership.stats import resample

FEWEST = 10  # members below which a segment is shown but not tested: two alike by chance would be certain


@dataclass(frozen=True)
class Segments:
    """One metric's difference by segment.

    `effects`: one row a segment: by, segment, the fields of `resample.Paired`, q_value (Benjamini-Hochberg over all
    segments of FEWEST members or more; 1 below). `interactions`: one row a grouping: by, segments (compared), p_value
    (Welch's analysis of variance of the differences; NaN where fewer than two segments can be compared), q_value.
    """

    metric: str
    confidence: float
    effects: pd.DataFrame
    interactions: pd.DataFrame


def groups(tiers: pd.DataFrame, profile: pd.DataFrame) -> pd.DataFrame:
    """Return tier, persona and stage of each member as ordered categories: member_id, tier, persona, stage."""
    order = tiers.sort_values("tier_rank")["tier"].drop_duplicates()
    found = tiers[["member_id", "tier"]].merge(profile[["member_id", "persona", "stage"]], how="left", on="member_id")
    found["tier"] = pd.Categorical(found["tier"], order)
    found["stage"] = pd.Categorical(found["stage"], STAGES)
    return found.astype({"persona": "category"})


def run(
    champion: pd.DataFrame, challenger: pd.DataFrame, metric: str, groups: pd.DataFrame, knobs: Evaluate, seed: int
) -> Segments:
    """Compare the arms (as of `experiment.arms`, indexed by member_id) on `metric` in every segment of `groups`.

    `groups` has member_id and one categorical column a grouping. A segment without members has a defined row, whose
    interval is everything. Raises DataError where a member that is judged has no segment in one of `groups`.
    """
    known = groups.set_index("member_id").reindex(champion.index)
    strangers = known.index[known.isna().any(axis=1)]
    if len(strangers):
        raise DataError(
            f"segments: {len(strangers)} members who are judged have no tier or no profile, e.g. {strangers[0]!r}; "
            "run stages lifecycle and tiers again."
        )
    rows, tests = [], []
    for by in known.columns:
        tests.append({"by": by, **_interaction(challenger[metric] - champion[metric], known[by])})
        for segment in known[by].cat.categories:
            chosen = (known[by] == segment).to_numpy()
            rng = seeds.rng(seed, f"bootstrap/{metric}/{by}/{segment}")
            arms = (arm.loc[chosen, metric].to_numpy() for arm in (champion, challenger))
            found = resample.paired(*arms, knobs.confidence, knobs.bootstrap, knobs.power, rng)
            rows.append({"by": by, "segment": segment, **vars(found)})
    effects, interactions = pd.DataFrame(rows), pd.DataFrame(tests)
    effects["q_value"] = adjusted(effects["p_value"].where(effects["members"] >= FEWEST)).fillna(1.0)
    interactions["q_value"] = adjusted(interactions["p_value"])
    return Segments(metric, knobs.confidence, effects, interactions)


def adjusted(p_values: pd.Series) -> pd.Series:
    """Return `p_values` adjusted for the false discovery rate over those that are known; NaN stays NaN.

    Source: Benjamini and Hochberg (1995).
    """
    known = p_values.dropna()
    return pd.Series(scipy.stats.false_discovery_control(known) if len(known) else [], known.index).reindex(
        p_values.index
    )


def welch_anova(differences: pd.Series, groups: pd.Series) -> tuple[int, float]:
    """Return how many groups can be compared, and the p value that their means of `differences` are equal.

    A group needs FEWEST members and variance; p is NaN below two such groups. Source: Welch (1951), Biometrika 38.
    """
    parts = [part.dropna().to_numpy() for _, part in differences.groupby(groups.to_numpy(), observed=True)]
    parts = [part for part in parts if len(part) >= FEWEST and np.ptp(part) > 0]
    p_value = float(scipy.stats.f_oneway(*parts, equal_var=False).pvalue) if len(parts) > 1 else np.nan
    return len(parts), p_value


def table(found: Segments) -> str:
    """Return the difference in every segment, as a Markdown table."""
    return markdown(
        {
            "by": row.by,
            "segment": row.segment,
            "members": f"{row.members:,}",
            "difference": f"{row.difference:+.4f}" if row.members else "-",
            f"{found.confidence:.0%} interval": f"{row.low:+.4f} to {row.high:+.4f}" if row.members > 1 else "-",
            "q (false discovery)": f"{row.q_value:.2g}" if row.members >= FEWEST else "-",
            "detectable": f"{row.detectable:.4f}" if row.members > 1 else "-",
        }
        for row in found.effects.itertuples()
    )


def in_words(found: Segments) -> str:
    """Say where the difference is shown, and whether it differs between segments, as far as the tests tell."""
    alpha, effects = 1 - found.confidence, found.effects
    sure = effects[effects["q_value"] < alpha]
    up, down = (sure[sure["difference"] * sign > 0] for sign in (1, -1))
    tested = (effects["members"] >= FEWEST).sum()
    shown = f"Of {tested} segments, {len(up)} show a gain and {len(down)} a loss in {found.metric}"
    listed = f" ({', '.join(_named(sure))})" if len(sure) else ""
    parts = []
    for row in found.interactions.itertuples():
        if np.isnan(row.p_value):
            parts.append(f"between {row.by}s it cannot be compared")
        else:
            word = "differs" if row.q_value < alpha else "is not shown to differ"
            parts.append(f"between {row.by}s it {word} (p = {row.p_value:.2g}, q = {row.q_value:.2g})")
    return (
        f"{shown} with the false discovery rate held at {alpha:.0%} over all of them{listed}. That a segment shows it "
        f"and another does not is no difference between them; of the effect, {'; '.join(parts)}."
    )


def _named(rows: pd.DataFrame) -> list[str]:
    return [f"{row.by} {row.segment} {row.difference:+.4f}" for row in rows.itertuples()]


def _interaction(differences: pd.Series, groups: pd.Series) -> dict:
    compared, p_value = welch_anova(differences, groups)
    return {"segments": compared, "p_value": p_value}
