"""Champion against challenger, A/B-style and paired: both policies on every member, judged on the same next basket.

What it shows is predicted relevance under held-out logs. Nobody was shown these lists, so nothing here is caused.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.base.errors import DataError, ParamError
from membership.evaluate import guardrails, segments
from membership.settings.evaluate import Evaluate
from membership.stats import distinct, resample

CHAMPION, CHALLENGER = "champion", "challenger"
ALL = "all members"
COVERAGE = "catalogue_coverage"


@dataclass(frozen=True)
class Experiment:
    """What the comparison found.

    `effects`: one row a metric and segment (all members, or a tier) with the fields of `resample.Paired`
    (p values as they are: `segments.run` adjusts them over all segments).
    `differences`: one row a member: member_id, tier, one column a metric (challenger minus champion).
    `heterogeneity_p`: Welch's analysis of variance of the primary metric's differences over tiers; NaN where
    fewer than two tiers can be compared.
    """

    primary: str
    confidence: float
    effects: pd.DataFrame
    differences: pd.DataFrame
    aa: resample.AACheck
    heterogeneity_p: float

    @property
    def headline(self) -> pd.DataFrame:
        """The rows of `effects` over all members, one a metric."""
        return self.effects[self.effects["segment"] == ALL]

    @property
    def metrics(self) -> list[str]:
        """The metrics that each member has, without those that are counted over all."""
        return [name for name in self.differences.columns if name not in ("member_id", "tier")]

    def overall(self, metric: str) -> pd.Series:
        """Return the row of `headline` of `metric`. Raises ParamError, listing what there is."""
        rows = self.headline.set_index("metric")
        if metric not in rows.index:
            raise ParamError(f"metric '{metric}' is unknown; there are: {', '.join(rows.index)}.")
        return rows.loc[metric]

    def by_tier(self, metric: str) -> pd.DataFrame:
        """Return the rows of `effects` of `metric`, one a tier, from the entry tier up."""
        return self.effects[(self.effects["metric"] == metric) & (self.effects["segment"] != ALL)]


def run(
    outcomes: pd.DataFrame,
    recommendations: pd.DataFrame,
    items: pd.DataFrame,
    tiers: pd.DataFrame,
    evaluate: Evaluate,
    seed: int,
) -> Experiment:
    """Compare the two policies on every metric of table `outcomes`, over all members and within each tier.

    Catalogue coverage, the share of table `items` that a policy recommends to anybody, comes with them: it is no mean
    of members, so it has the interval of `stats.distinct` and no p-value.

    Raises DataError where an arm is empty or a member is missing or doubled in one, ParamError where the primary
    metric is unknown.
    """
    champion, challenger = arms(outcomes)
    metrics = [column for column in champion.columns if column != "tier"]
    if evaluate.primary_metric not in metrics:
        there = ", ".join(metrics)
        raise ParamError(f"evaluate.primary_metric = {evaluate.primary_metric!r}: unknown metric; there are: {there}.")
    if guardrails.lower_is_better(evaluate.primary_metric) or guardrails.in_cents(evaluate.primary_metric):
        raise ParamError(
            f"evaluate.primary_metric = {evaluate.primary_metric!r}: a rise of it is a loss, or it is in cents; "
            "allowed: a share that is better the higher. Make it one of decide.guardrails instead."
        )
    order = tiers.sort_values("tier_rank")["tier"].drop_duplicates().tolist()
    rows = []
    for metric, segment in product(metrics, [ALL, *order]):
        chosen = (champion["tier"] == segment).to_numpy() | (segment == ALL)
        rng = seeds.rng(seed, f"bootstrap/{metric}/{segment}")
        result = _paired(champion.loc[chosen, metric], challenger.loc[chosen, metric], evaluate, rng)
        rows.append({"metric": metric, "segment": segment, **vars(result)})
    differences = (challenger[metrics] - champion[metrics]).assign(tier=champion["tier"]).reset_index()
    primary = champion[evaluate.primary_metric].to_numpy()
    return Experiment(
        primary=evaluate.primary_metric,
        confidence=evaluate.confidence,
        effects=pd.DataFrame([*rows, _coverage(recommendations, items, evaluate.confidence)]),
        differences=differences,
        aa=resample.aa_check(
            primary, evaluate.aa_repeats, evaluate.confidence, evaluate.aa_band, seeds.rng(seed, "aa")
        ),
        heterogeneity_p=segments.welch_anova(differences[evaluate.primary_metric], differences["tier"])[1],
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
        raise DataError(
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


def metrics(experiment: Experiment) -> dict[str, float]:
    """Return the experiment as flat names and numbers, for `results.save_metrics`; tiers for the primary metric."""
    overall = experiment.overall(experiment.primary)
    flat = {
        "members": overall["members"],
        "p_value": overall["p_value"],
        "effect_size": overall["effect_size"],
        "detectable_difference": overall["detectable"],
        "heterogeneity_p": experiment.heterogeneity_p,
        "aa_rejection_share": experiment.aa.rejection_share,
    }
    for row in experiment.headline.itertuples():
        flat |= {f"champion_{row.metric}": row.control, f"challenger_{row.metric}": row.treatment}
        flat |= _bounded(f"difference_{row.metric}", row)
    for row in experiment.by_tier(experiment.primary).itertuples():
        flat |= _bounded(f"difference_{row.metric}_{row.segment.lower().replace(' ', '_')}", row)
    return flat


def _bounded(name: str, row) -> dict[str, float]:
    return {name: row.difference, f"{name}_low": row.low, f"{name}_high": row.high}


def _paired(control: pd.Series, treatment: pd.Series, evaluate: Evaluate, rng: np.random.Generator) -> resample.Paired:
    knobs = evaluate.confidence, evaluate.bootstrap, evaluate.power
    return resample.paired(control.to_numpy(), treatment.to_numpy(), *knobs, rng)


def _coverage(recommendations: pd.DataFrame, items: pd.DataFrame, confidence: float) -> dict:
    lists = [recommendations[recommendations["policy"] == policy] for policy in (CHAMPION, CHALLENGER)]
    return {"metric": COVERAGE, "segment": ALL, **vars(distinct.paired(*lists, len(items), confidence))}
