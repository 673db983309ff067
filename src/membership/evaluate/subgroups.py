"""For whom it changes: the paired difference by tier, persona and lifecycle stage, and whether it differs between them.

A gain in one subgroup and not in another does not mean that they differ: the interaction test says whether they do.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base import seeds
from membership.base.errors import DataError
from membership.base.member_schemas import STAGES
from membership.evaluate.experiment import ALL
from membership.settings.evaluate import Evaluate
from membership.stats import discovery, resample

FEWEST = 10  # members below which a subgroup is shown but not tested: two alike by chance would be certain


@dataclass(frozen=True)
class Subgroups:
    """One metric's difference by subgroup.

    `effects`: one row a subgroup: by, subgroup, the fields of `resample.Paired`, q_value (Benjamini-Hochberg over all
    subgroups of FEWEST members or more; 1 below). `interactions`: one row a grouping: by, compared (subgroups), p_value
    (Welch's analysis of variance of the differences; NaN where fewer than two subgroups can be compared), q_value.
    """

    metric: str
    confidence: float
    effects: pd.DataFrame
    interactions: pd.DataFrame

    @property
    def by_tier(self) -> pd.DataFrame:
        """The rows of `effects` of the tiers, from the entry tier up."""
        return self.effects[self.effects["by"] == "tier"]

    @property
    def tier_p(self) -> float:
        """The p value that the effect is the same in all tiers; NaN where fewer than two can be compared."""
        return float(self.interactions.set_index("by").loc["tier", "p_value"])


@dataclass(frozen=True)
class Shown:
    """What the tests show: how many subgroups were tested, and `gains` and `losses`, rows of `Subgroups.effects`."""

    tested: int
    gains: pd.DataFrame
    losses: pd.DataFrame


def groups(tiers: pd.DataFrame, profile: pd.DataFrame) -> pd.DataFrame:
    """Return tier, persona and stage of each member as ordered categories: member_id, tier, persona, stage."""
    order = tiers.sort_values("tier_rank")["tier"].drop_duplicates()
    found = tiers[["member_id", "tier"]].merge(profile[["member_id", "persona", "stage"]], how="left", on="member_id")
    found["tier"] = pd.Categorical(found["tier"], order)
    found["stage"] = pd.Categorical(found["stage"], STAGES)
    return found.astype({"persona": "category"})


def run(
    champion: pd.DataFrame, challenger: pd.DataFrame, metric: str, groups: pd.DataFrame, knobs: Evaluate, seed: int
) -> Subgroups:
    """Compare the arms (as of `experiment.arms`, indexed by member_id) on `metric` in every subgroup of `groups`.

    `groups` has member_id and one categorical column a grouping. A subgroup without members has a defined row, whose
    interval is everything. Raises DataError where a member that is judged has no subgroup in one of `groups`.
    """
    known = groups.set_index("member_id").reindex(champion.index)
    strangers = known.index[known.isna().any(axis=1)]
    if len(strangers):
        raise DataError(
            f"subgroups: {len(strangers)} members who are judged have no tier or no profile, e.g. {strangers[0]!r}; "
            "run stages lifecycle and tiers again."
        )
    rows, tests = [], []
    for by in known.columns:
        tests.append({"by": by, **_interaction(challenger[metric] - champion[metric], known[by])})
        for subgroup in known[by].cat.categories:
            chosen = (known[by] == subgroup).to_numpy()
            rng = seeds.rng(seed, f"bootstrap/{metric}/{by}/{subgroup}")
            arms = (arm.loc[chosen, metric].to_numpy() for arm in (champion, challenger))
            found = resample.paired(*arms, knobs.confidence, knobs.bootstrap, knobs.power, rng)
            rows.append({"by": by, "subgroup": subgroup, **vars(found)})
    effects, interactions = pd.DataFrame(rows), pd.DataFrame(tests)
    effects["q_value"] = discovery.adjusted(effects["p_value"].where(effects["members"] >= FEWEST)).fillna(1.0)
    interactions["q_value"] = discovery.adjusted(interactions["p_value"])
    return Subgroups(metric, knobs.confidence, effects, interactions)


def welch_anova(differences: pd.Series, groups: pd.Series) -> tuple[int, float]:
    """Return how many groups can be compared, and the p value that their means of `differences` are equal.

    A group needs FEWEST members and variance; p is NaN below two such groups. Source: Welch (1951), Biometrika 38.
    """
    parts = [part.dropna().to_numpy() for _, part in differences.groupby(groups.to_numpy(), observed=True)]
    parts = [part for part in parts if len(part) >= FEWEST and np.ptp(part) > 0]
    p_value = float(scipy.stats.f_oneway(*parts, equal_var=False).pvalue) if len(parts) > 1 else np.nan
    return len(parts), p_value


def shown(effects: pd.DataFrame, confidence: float) -> Shown:
    """Return where `effects` (as of `Subgroups`) show a difference, at a false discovery rate of 1 - `confidence`."""
    sure = effects[effects["q_value"] < 1 - confidence]
    gains, losses = (sure[sure["difference"] * sign > 0] for sign in (1, -1))
    return Shown(int((effects["members"] >= FEWEST).sum()), gains, losses)


def table(overall: pd.DataFrame, found: Subgroups) -> pd.DataFrame:
    """Return table `effects`: all metrics `overall` (as of `experiment.run`), and one by subgroup."""
    everybody = overall.assign(by=ALL, subgroup=ALL)
    return pd.concat([everybody, found.effects.assign(metric=found.metric)], ignore_index=True)


def _interaction(differences: pd.Series, groups: pd.Series) -> dict:
    compared, p_value = welch_anova(differences, groups)
    return {"compared": compared, "p_value": p_value}
