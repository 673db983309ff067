"""Champion against challenger, A/B-style and paired: both policies on every member, judged on the same next basket.

What it shows is predicted relevance under held-out logs. Nobody was shown these lists, so nothing here is caused.
"""

from dataclasses import dataclass

import pandas as pd

from membership.base import keys, seeds
from membership.base.errors import DataError, NotPossible, ParamError
from membership.evaluate import metrics
from membership.evaluate.metrics import COVERAGE, Unit
from membership.settings.evaluate import Evaluate
from membership.stats import distinct, resample

CHAMPION, CHALLENGER = "champion", "challenger"
ALL = "all"  # members: what table `effects` calls them, as grouping and as group
KEY = "params.yaml: evaluate.primary_metric"


@dataclass(frozen=True)
class Comparison:
    """What the paired comparison found, over all members; `subgroups` says for whom.

    `effects`: one row a metric with the fields of `resample.Paired`. `differences`: one row a member: member_id,
    one column a metric (challenger minus champion).
    """

    primary: str
    confidence: float
    effects: pd.DataFrame
    differences: pd.DataFrame
    aa: resample.AACheck

    @property
    def metrics(self) -> list[str]:
        """The metrics that each member has, without those that are counted over all."""
        return metrics.known(self.differences.columns)

    @property
    def changes(self) -> pd.Series:
        """The differences of the primary metric of the members who have it."""
        return self.differences[self.primary].dropna()

    def overall(self, metric: str) -> pd.Series:
        """Return the row of `effects` of `metric`. Raises ParamError, listing what there is."""
        metrics.of(metric, "comparison", self.effects["metric"])
        return self.effects.set_index("metric").astype(object).loc[metric]


def run(
    outcomes: pd.DataFrame, recommendations: pd.DataFrame, items: pd.DataFrame, evaluate: Evaluate, seed: int
) -> Comparison:
    """Compare the two policies on every metric of table `outcomes`, over all members.

    Catalogue coverage, the share of table `items` that a policy recommends to anybody, comes with them: it is no mean
    of members, so it has the interval of `stats.distinct` and no p-value.

    Raises DataError where an arm is empty or a member is missing or doubled in one, ParamError where the primary
    metric is unknown.
    """
    champion, challenger = arms(outcomes)
    names = metrics.known(champion.columns)
    primary = metrics.of(evaluate.primary_metric, KEY, names)
    if primary.unit != Unit.SHARE or not primary.higher_is_better:
        raise ParamError(
            f"{KEY} = {evaluate.primary_metric!r}: a rise of it is a loss, or it is in cents; allowed: a share that is "
            "better the higher. Make it one of decide.guardrails instead."
        )
    rows = []
    for name in names:
        rng = seeds.rng(seed, f"bootstrap/{name}/all members")
        found = resample.paired(
            champion[name].to_numpy(), challenger[name].to_numpy(),
            evaluate.confidence, evaluate.bootstrap, evaluate.power, rng,
        )  # fmt: skip
        rows.append({"metric": name, **vars(found)})
    values, shared = champion[evaluate.primary_metric].to_numpy(), (evaluate.confidence, evaluate.aa_band)
    return Comparison(
        primary=evaluate.primary_metric,
        confidence=evaluate.confidence,
        effects=pd.DataFrame([*rows, _coverage(recommendations, items, evaluate.confidence)]),
        differences=(challenger[names] - champion[names]).reset_index(),
        aa=resample.aa_check(values, evaluate.aa_repeats, *shared, seeds.rng(seed, "aa")),
    )


def arms(outcomes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return champion and challenger of table `outcomes`, indexed by the same member_ids in the same order.

    Raises DataError where an arm is empty or a member is missing or doubled in one.
    """
    found = [outcomes[outcomes["policy"] == policy].drop(columns="policy") for policy in (CHAMPION, CHALLENGER)]
    for policy, arm in zip((CHAMPION, CHALLENGER), found, strict=True):
        doubled = arm.loc[arm["member_id"].duplicated(), "member_id"]
        if len(doubled):
            raise DataError(
                f"table 'outcomes': {len(doubled)} rows of policy '{policy}' repeat a member, "
                f"e.g. {doubled.iloc[0]!r}; one row a member and policy is needed, because the member is the unit."
            )
    champion, challenger = (arm.set_index("member_id").sort_index() for arm in found)
    if champion.empty and challenger.empty:
        raise NotPossible(
            f"table 'outcomes' has no rows of '{CHAMPION}' and '{CHALLENGER}': no member bought in the holdout window, "
            "so nothing can be judged. Move windows.holdout_end in params.yaml, or bring more events."
        )
    apart = champion.index.symmetric_difference(challenger.index)
    if len(apart):
        raise DataError(
            f"table 'outcomes': {len(apart)} members have only one of the policies '{CHAMPION}' and '{CHALLENGER}', "
            f"e.g. {', '.join(apart[:5])}; both are needed for each member. Run stage evaluate again."
        )
    return champion, challenger


def flat(found: Comparison, by_tier: pd.DataFrame, heterogeneity_p: float) -> dict[str, float]:
    """Return the comparison as flat metrics, and the primary metric `by_tier` (rows as of `subgroups.run`).

    `heterogeneity_p`: the p value that the effect on the primary metric is the same in all tiers.
    """
    overall = found.overall(found.primary)
    flat = {
        "members": overall["members"],
        "p_value": overall["p_value"],
        "effect_size": overall["effect_size"],
        "detectable_difference": overall["detectable"],
        "heterogeneity_p": heterogeneity_p,
        "aa_rejection_share": found.aa.rejection_share,
    }
    for row in found.effects.itertuples():
        flat |= {f"champion_{row.metric}": row.control, f"challenger_{row.metric}": row.treatment}
        flat |= _bounded(f"difference_{row.metric}", row)
    key = keys.of(by_tier["subgroup"], lambda tier: tier.lower().replace(" ", "_"))
    for row in by_tier.itertuples():
        flat |= _bounded(f"difference_{found.primary}_{key[row.subgroup]}", row)
    return flat


def _bounded(name: str, row) -> dict[str, float]:
    return {name: row.difference, f"{name}_low": row.low, f"{name}_high": row.high}


def _coverage(recommendations: pd.DataFrame, items: pd.DataFrame, confidence: float) -> dict:
    lists = [recommendations[recommendations["policy"] == policy] for policy in (CHAMPION, CHALLENGER)]
    return {"metric": COVERAGE, **vars(distinct.paired(*lists, len(items), confidence))}
