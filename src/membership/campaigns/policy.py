"""Would other members have been better to reach? Policies of reaching members, compared on past campaigns.

The policies: reach members for whom it is believed to pay (by the DR-learner), everybody, nobody; and what was done.
The reward is margin on spend while the campaign ran, less the cost of reaching, in cents a row of `log.decisions`.
Where arms are not known every figure is observational: it holds only if the covariates explain who was reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import scipy.stats

from membership.base import seeds
from membership.campaigns.log import BELIEVED, Costs, Decisions
from membership.settings.campaigns import Campaigns
from membership.stats import (
    bandit_log,
    causal,
    net_value,
    offpolicy,
    offpolicy_checks,
    pooling,
    uplift_curves,
)
from membership.stats.bandit_log import BanditLog

CHOSEN = "DR"  # learner by whose beliefs the first policy reaches
POLICIES = ("believed to pay", "everybody", "nobody")
DONE = "what was done"
DRAWS = 300  # of each bootstrap: there are some fifty of them
_CLIPS = (2.0, 5.0, 10.0, np.inf)


@dataclass(frozen=True)
class PolicyValues:
    """What the policies are worth at `costs.judged`, cents a row; frames as in `stats.offpolicy_checks`.

    `by_policy`: policy, estimator, ...; `gains`: what the first policy is worth beyond each other one, doubly robust,
    with placebo and verdict (more, less, unclear); `clipping`: of the first policy; `by_tier`: doubly robust, policy,
    group (tier); `sweep`: by cost, as `net_value.sweep`; `curve`: Qini of the beliefs of the first policy; `rankings`:
    of every learner's beliefs.
    """

    decisions: Decisions
    costs: Costs
    confidence: float  # of all intervals
    reached: float  # share of rows that the first policy reaches
    weights: offpolicy_checks.Weights
    by_policy: pd.DataFrame
    gains: pd.DataFrame
    clipping: pd.DataFrame
    by_tier: pd.DataFrame
    sweep: pd.DataFrame
    curve: pd.DataFrame
    rankings: dict[str, uplift_curves.Ranking]

    @property
    def ranking(self) -> uplift_curves.Ranking:
        """How well the learner behind the first policy ranks members."""
        return self.rankings[CHOSEN]

    @property
    def ranks_members(self) -> bool:
        """Whether that ranking finds members who respond more than others, beyond chance."""
        return self.ranking.p_value < 1 - self.confidence and self.ranking.low > 0

    @property
    def pays_at(self) -> list[float]:
        """The costs at which choosing is clearly better than the better of everybody and nobody."""
        return self.sweep.loc[self.sweep["low"] > 0, "cost"].tolist()

    @property
    def randomised(self) -> float:
        """Share of the decisions whose arms were randomised."""
        return float((self.decisions.rows["source"] == "randomised").mean())


def compare(
    found: Decisions, cost: Costs, margin: float, settings: Campaigns, seed: int, before: Decisions | None = None
) -> PolicyValues | None:
    """Return what the policies are worth on `found`, with `margin` on spend; None where it has no rows.

    `before`: decisions on the placebo; where arms are not known, its bias widens the intervals of the gains.

    Raises DataError as `offpolicy.estimate` and `uplift_curves.ranking`.
    """
    rows = found.rows
    if rows.empty:
        return None
    rng, level = seeds.rng(seed, "campaign policy"), settings.confidence
    treated, member = rows["treated"].to_numpy(dtype=bool), rows["member_id"].to_numpy()
    spend, chance = (rows[name].to_numpy(dtype=float) for name in ("spend", "propensity"))
    believed = {name: rows[column].to_numpy(dtype=float) for name, column in BELIEVED.items()}
    predicted = believed[CHOSEN]
    pays = margin * predicted > cost.judged
    expected = margin * rows[["without", "with_it"]].to_numpy(dtype=float) - [0.0, cost.judged]
    choices = dict(zip(POLICIES, (pays, np.ones(len(rows)), np.zeros(len(rows))), strict=True))
    logs = {name: _log(rows, choice, margin, cost.judged) for name, choice in choices.items()}
    robust = {name: offpolicy.doubly_robust(log, expected) for name, log in logs.items()}
    first, done = logs[POLICIES[0]], offpolicy.naive(logs[POLICIES[0]])
    by_tier = [replace(term, estimator=name) for name, term in (robust | {DONE: done}).items()]
    makers = [offpolicy.ips, offpolicy.snips, partial(offpolicy.doubly_robust, expected=expected)]
    score = causal.scores(
        treated, spend, causal.Nuisance(chance, *(rows[n].to_numpy(float) for n in ("with_it", "without")))
    )
    gains = _gains(robust, done, level, rng).pipe(_widened, _placebo(rows, before, cost, margin, level, rng), level)
    return PolicyValues(
        decisions=found,
        costs=cost,
        confidence=level,
        reached=float(pays.mean()),
        weights=offpolicy_checks.weights(first, level),
        by_policy=_by_policy(logs, robust, expected, level, rng),
        gains=gains.assign(verdict=_verdicts(gains)),
        clipping=offpolicy_checks.clipping(first, makers, _CLIPS, level, DRAWS, rng),
        by_tier=offpolicy_checks.by_group(by_tier, rows["tier"].to_numpy(), level, DRAWS, rng).rename(
            columns={"estimator": "policy"}
        ),
        sweep=net_value.sweep(score, predicted, margin, cost.swept, member, level),
        curve=uplift_curves.curve(predicted, treated, spend, chance),
        rankings={
            name: uplift_curves.ranking(belief, treated, spend, level, DRAWS, rng, chance, member)
            for name, belief in believed.items()
        },
    )


def by_learner(values: PolicyValues) -> pd.DataFrame:
    """Return how well each learner ranks members by their response: index learner, cents a decision.

    Columns auuc, qini, low, high, null_high, p_value, as in `uplift_curves.Ranking`.
    """
    columns = ["auuc", "qini", "low", "high", "null_high", "p_value"]
    rows = [[getattr(ranking, name) for name in columns] for ranking in values.rankings.values()]
    return pd.DataFrame(rows, pd.Index(values.rankings, name="learner"), columns)


def metrics(values: PolicyValues | None) -> dict[str, float]:
    """Return the metrics of the policies, cents a member and campaign; nothing where there is nothing."""
    if values is None:
        return {}
    value = values.by_policy.set_index(["policy", "estimator"])["value"]
    return {
        "campaign_compared": float(len(values.decisions.rows) / len(values.decisions.propensities)),
        "campaign_effective_members": values.weights.effective_units,
        "campaign_reach": values.reached,
        "campaign_value": float(value[POLICIES[0], "DR"]),
        "campaign_gain": float(values.gains.set_index("over").loc[DONE, "value"]),
        "campaign_qini": values.ranking.qini,
        "campaign_qini_p_value": values.ranking.p_value,
    }


def _verdicts(gains: pd.DataFrame) -> np.ndarray:
    """Return for each gain whether it is clearly more or less than nothing."""
    clear = [gains["bootstrap_low"] > 0, gains["bootstrap_high"] < 0]
    return np.select(clear, ["more", "less"], default="unclear")


def _log(rows: pd.DataFrame, reached: np.ndarray, margin: float, cost: float) -> BanditLog:
    """Return the log of decisions, arm 1 being reached, beside a policy that reaches with probability `reached`."""
    arm, chance = rows["treated"].to_numpy(dtype=int), rows["propensity"].to_numpy(dtype=float)
    reached = np.asarray(reached, dtype=float)
    reward = margin * rows["spend"].to_numpy(dtype=float) - cost * arm
    policy = np.column_stack([1 - reached, reached])
    return bandit_log.read(arm, reward, np.where(arm, chance, 1 - chance), policy, rows["member_id"].to_numpy())


def _by_policy(logs: dict, robust: dict, expected: np.ndarray, level: float, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for name, log in logs.items():
        terms: Sequence[offpolicy.Terms] = (
            offpolicy.ips(log),
            offpolicy.snips(log),
            offpolicy.direct(log, expected),
            robust[name],
        )
        found = [offpolicy.estimate(term, level, DRAWS, rng) for term in terms]
        parts.append(offpolicy_checks.table(found).assign(policy=name))
    done = offpolicy.estimate(offpolicy.naive(log), level, DRAWS, rng)
    return pd.concat([*parts, offpolicy_checks.table([done]).assign(policy=DONE)], ignore_index=True)


def _gains(robust: dict, done: offpolicy.Terms, level: float, rng: np.random.Generator) -> pd.DataFrame:
    others = {name: robust[name] for name in POLICIES[1:]} | {DONE: done}
    found = [offpolicy.difference(robust[POLICIES[0]], other, level, DRAWS, rng) for other in others.values()]
    return offpolicy_checks.table(found).assign(over=list(others))


def _placebo(
    rows: pd.DataFrame, before: Decisions | None, cost: Costs, margin: float, level: float, rng: np.random.Generator
) -> pd.DataFrame | None:
    """Return the gains of choosing in the same way before the campaigns, free of cost: the true gains are all 0."""
    if before is None or before.rows.empty or not (rows["source"] == "observational").any():
        return None
    expected = margin * before.rows[["without", "with_it"]].to_numpy(dtype=float)
    pays = margin * before.rows[BELIEVED[CHOSEN]].to_numpy(dtype=float) > cost.judged
    choices = zip(POLICIES, (pays, np.ones(len(pays)), np.zeros(len(pays))), strict=True)
    logs = {name: _log(before.rows, choice, margin, 0.0) for name, choice in choices}
    robust = {name: offpolicy.doubly_robust(log, expected) for name, log in logs.items()}
    return _gains(robust, offpolicy.naive(logs["nobody"]), level, rng)


def _widened(gains: pd.DataFrame, placebo: pd.DataFrame | None, level: float) -> pd.DataFrame:
    """Add placebo (cents a row; NaN without one), and to the bootstrap interval the bias that it reveals."""
    if placebo is None:
        return gains.assign(placebo=np.nan)
    bias = [pooling.systematic_error([one.value], [one.error]) for one in placebo.itertuples()]
    reach = scipy.stats.norm.ppf((1 + level) / 2) * np.array(bias)
    low = gains["value"] - np.hypot(gains["value"] - gains["bootstrap_low"], reach)
    high = gains["value"] + np.hypot(gains["bootstrap_high"] - gains["value"], reach)
    return gains.assign(placebo=placebo["value"], bootstrap_low=low, bootstrap_high=high)
