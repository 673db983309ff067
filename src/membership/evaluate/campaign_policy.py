"""Would other members have been better to reach? Policies of reaching members, judged on the campaigns there were.

A row is a member and a campaign that could have reached them. The policies: those for whom being reached is believed to
pay, everybody, nobody, and what was done. Beliefs, propensities (where arms are not known) and outcome models never saw
the row's member. The reward is margin on what was spent while the campaign ran, less the cost of reaching, in cents a
row. Where arms are not known every figure is observational: it holds as far as the covariates explain who was reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from membership.base import seeds
from membership.base.policy_knobs import Evaluate
from membership.base.programme_knobs import Response
from membership.programme import effects
from membership.programme.campaigns import Panel
from membership.stats import (
    bandit_log,
    causal,
    learners,
    net_value,
    offpolicy,
    offpolicy_checks,
    overlap,
    uplift_curves,
)
from membership.stats.bandit_log import BanditLog

POLICIES = ("believed to pay", "everybody", "nobody")
DRAWS = 300  # of each bootstrap: there are some fifty of them
_CLIPS = (2.0, 5.0, 10.0, np.inf)
_MULTIPLES = (0.0, 0.5, 1.0, 2.0, 4.0)  # of a cost that is known
_PENALTIES = np.logspace(0, 6, 7)  # of the model of effects, which chooses among them


@dataclass(frozen=True)
class Decisions:
    """The rows that can be compared: reached as likely as not.

    `rows`: member_id, tier, kind, source, treated, propensity (of being reached), spend (cents while the campaign ran),
    with_it, without (spend expected if reached and if not), predicted (their difference as the DR-learner believes).
    `propensities`: kind, source, treated, propensity of every row, comparable or not.
    """

    rows: pd.DataFrame
    propensities: pd.DataFrame


@dataclass(frozen=True)
class Costs:
    """What reaching one member in one campaign costs, in cents."""

    judged: float  # at which policies are compared
    swept: list[float]
    known: bool  # from the offers' cost and how often they were redeemed; else a range assumed in `params.yaml`


@dataclass(frozen=True)
class Judged:
    """What the policies are worth at `costs.judged`, cents a row; frames as in `stats.offpolicy_checks`.

    `by_policy`: policy, estimator, ...; `gains`: what the first policy is worth beyond each other one, doubly robust;
    `clipping`: of the first policy; `by_tier`: doubly robust, policy, group (tier); `sweep`: by cost, as
    `net_value.sweep`; `curve` and `ranking`: Qini of the believed effects.
    """

    decisions: Decisions
    costs: Costs
    reach: float  # share of rows that the first policy reaches
    weights: offpolicy_checks.Weights
    by_policy: pd.DataFrame
    gains: pd.DataFrame
    clipping: pd.DataFrame
    by_tier: pd.DataFrame
    sweep: pd.DataFrame
    curve: pd.DataFrame
    ranking: uplift_curves.Ranking


def decisions(panel: Panel, settings: Response, seed: int) -> Decisions:
    """Return the rows of `panel` that can be compared, with cross-fitted propensities, expectations and beliefs.

    By kind of campaign and by whether its arms are known. A kind with fewer than `settings.min_ess` members in an arm,
    before or after rows without overlap (`settings.trim`) are left out, is not judged.
    """
    rows = panel.rows.assign(source=np.where(panel.rows["randomised"], "randomised", "observational"))
    rows["spend"] = rows["outcome"] * (rows["end"] - rows["start"]).dt.days
    judged, seen = [], []
    for (kind, source), part in rows.groupby(["kind", "source"], sort=True):
        if _enough(part, settings):
            rng = seeds.rng(seed, f"campaign policy/{source}/{kind}")
            every, kept = _one_kind(part, panel.x.loc[part.index], settings, rng)
            seen.append(every)
            judged.append(kept)
    columns = ["member_id", "tier", "kind", "source", "treated", "propensity", "spend", "with_it", "without"]
    found = pd.concat(judged, ignore_index=True) if judged else pd.DataFrame(columns=[*columns, "predicted"])
    names = ["kind", "source", "treated", "propensity"]
    return Decisions(found, pd.concat(seen, ignore_index=True)[names] if seen else pd.DataFrame(columns=names))


def costs(panel: Panel, offers: pd.DataFrame, knobs: Evaluate) -> Costs:
    """Return the cost of reaching a member: offers' cost times how often they were redeemed, if every one is known.

    Otherwise `knobs.reach_costs`, compared at the median of them.
    """
    got = panel.rows[panel.rows["treated"]].merge(offers[["offer_id", "cost"]], on="offer_id")
    if len(got) and got["cost"].notna().all():
        mean = float((got["cost"] * got["redeemed"]).mean())
        return Costs(mean, [multiple * mean for multiple in _MULTIPLES], True)
    return Costs(float(np.median(knobs.reach_costs)), sorted(knobs.reach_costs), False)


def judge(found: Decisions, cost: Costs, margin: float, knobs: Evaluate, seed: int) -> Judged | None:
    """Return what the policies are worth on `found`, with `margin` on spend; None where it has no rows.

    Raises DataError as `offpolicy.estimate` and `uplift_curves.ranking`.
    """
    rows = found.rows
    if rows.empty:
        return None
    rng, level = seeds.rng(seed, "campaign policy"), knobs.confidence
    treated, member = rows["treated"].to_numpy(dtype=bool), rows["member_id"].to_numpy()
    spend, predicted, chance = (rows[name].to_numpy(dtype=float) for name in ("spend", "predicted", "propensity"))
    pays = margin * predicted > cost.judged
    expected = margin * rows[["without", "with_it"]].to_numpy(dtype=float) - [0.0, cost.judged]
    choices = dict(zip(POLICIES, (pays, np.ones(len(rows)), np.zeros(len(rows))), strict=True))
    logs = {name: _log(rows, choice, margin, cost.judged) for name, choice in choices.items()}
    robust = {name: offpolicy.doubly_robust(log, expected) for name, log in logs.items()}
    first, done = logs[POLICIES[0]], offpolicy.naive(logs[POLICIES[0]])
    by_tier = [replace(term, estimator=name) for name, term in (robust | {"what was done": done}).items()]
    makers = [offpolicy.ips, offpolicy.snips, partial(offpolicy.doubly_robust, expected=expected)]
    score = causal.scores(
        treated, spend, causal.Nuisance(chance, *(rows[n].to_numpy(float) for n in ("with_it", "without")))
    )
    return Judged(
        decisions=found,
        costs=cost,
        reach=float(pays.mean()),
        weights=offpolicy_checks.weights(first, level),
        by_policy=_by_policy(logs, robust, expected, level, rng),
        gains=_gains(robust, done, level, rng),
        clipping=offpolicy_checks.clipping(first, makers, _CLIPS, level, DRAWS, rng),
        by_tier=offpolicy_checks.by_group(by_tier, rows["tier"].to_numpy(), level, DRAWS, rng).rename(
            columns={"estimator": "policy"}
        ),
        sweep=net_value.sweep(score, predicted, margin, cost.swept, member, level),
        curve=uplift_curves.curve(predicted, treated, spend, chance),
        ranking=uplift_curves.ranking(predicted, treated, spend, level, DRAWS, rng, chance, member),
    )


def metrics(judged: Judged | None) -> dict[str, float]:
    """Return what `dvc metrics diff` follows, cents a member and campaign; nothing where there is nothing."""
    if judged is None:
        return {}
    value = judged.by_policy.set_index(["policy", "estimator"])["value"]
    return {
        "campaign_compared": float(len(judged.decisions.rows) / len(judged.decisions.propensities)),
        "campaign_effective_rows": judged.weights.effective_rows,
        "campaign_reach": judged.reach,
        "campaign_value": float(value[POLICIES[0], "DR"]),
        "campaign_gain": float(judged.gains.set_index("over").loc["what was done", "value"]),
        "campaign_qini": judged.ranking.qini,
        "campaign_qini_p_value": judged.ranking.p_value,
    }


def _enough(part: pd.DataFrame, settings: Response) -> bool:
    arms = part.groupby("treated")["member_id"].nunique()
    return len(arms) == 2 and arms.min() >= settings.min_ess


def _one_kind(
    part: pd.DataFrame, x: pd.DataFrame, settings: Response, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all rows with their propensities, and those that can be compared with expectations and beliefs."""
    columns = np.column_stack([x.to_numpy(dtype=float), pd.factorize(part["start"], sort=True)[0]])
    treated, spend, member = (part[name].to_numpy() for name in ("treated", "spend", "member_id"))
    known = part["propensity"].to_numpy() if part["randomised"].all() else None
    who, spent = effects.models(settings, rng)
    fold = causal.folds(member, settings.folds, rng)
    nuisance = causal.cross_fit(columns, treated, spend, fold, who, spent, known)
    every = part.assign(propensity=nuisance.propensity, with_it=nuisance.treated, without=nuisance.control)
    kept = overlap.comparable(nuisance.propensity, settings.trim)
    if not _enough(part[kept], settings):
        return every, every[:0].assign(predicted=np.nan)
    models = learners.Models(spent, make_pipeline(StandardScaler(), RidgeCV(_PENALTIES)), who)
    learner = partial(learners.dr_learner, folds=2, bound=max(settings.trim, 0.01))
    predicted = learners.out_of_fold(learner, columns[kept], treated[kept], spend[kept], fold[kept], models, rng)
    return every, every[kept].assign(predicted=predicted)


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
    return pd.concat([*parts, offpolicy_checks.table([done]).assign(policy="what was done")], ignore_index=True)


def _gains(robust: dict, done: offpolicy.Terms, level: float, rng: np.random.Generator) -> pd.DataFrame:
    others = {name: robust[name] for name in POLICIES[1:]} | {"what was done": done}
    found = [offpolicy.difference(robust[POLICIES[0]], other, level, DRAWS, rng) for other in others.values()]
    return offpolicy_checks.table(found).assign(over=list(others))
