"""The log of past campaigns: who was reached, who might have been, and what each member was expected to spend.

A row is a member and a campaign that could have reached them. No belief, propensity (where arms are not known) or
outcome model was fitted on the row's own member.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from membership.base import seeds
from membership.campaigns import effects
from membership.campaigns.audience import Audience
from membership.settings.campaigns import Campaigns
from membership.stats import causal, learners, overlap

BELIEVED = {name: f"believed_{name}" for name in learners.LEARNERS}  # learner -> column of `Decisions.rows`
_MULTIPLES = (0.0, 0.5, 1.0, 2.0, 4.0)  # of a cost that is known
_PENALTIES = np.logspace(0, 6, 7)  # of the model of effects, which chooses among them


@dataclass(frozen=True)
class Decisions:
    """The rows that can be compared: members who might have been reached or not.

    `rows`: member_id, tier, kind, source, treated, propensity (of being reached), spend (cents while the campaign ran),
    with_it, without (spend expected if reached and if not), and their difference as each learner believes: BELIEVED.
    `propensities`: kind, source, treated, propensity of every row, comparable or not.
    """

    rows: pd.DataFrame
    propensities: pd.DataFrame


@dataclass(frozen=True)
class Costs:
    """What reaching one member in one campaign costs, in cents."""

    judged: float  # at which policies are compared
    swept: list[float]
    known: bool  # from the offers' cost and redemptions; else the range assumed in `params.yaml`


def decisions(panel: Audience, settings: Campaigns, seed: int, placebo: bool = False) -> Decisions:
    """Return the rows of `panel` that can be compared, with cross-fitted propensities, expectations and beliefs.

    Each kind of campaign, with and without known arms, is fitted on its own. A kind with fewer than `settings.min_ess`
    members in an arm, before or after rows without overlap (`settings.trim`) are left out, is not judged. `placebo`
    takes the spend of as many days just before each campaign, which it cannot have changed.
    """
    outcome, tier, x = ("placebo", "tier_before", panel.x_placebo) if placebo else ("outcome", "tier", panel.x)
    rows = panel.rows.assign(source=np.where(panel.rows["randomised"], "randomised", "observational"))
    rows = rows.assign(tier=rows[tier], spend=rows[outcome] * (rows["end"] - rows["start"]).dt.days)
    judged, seen = [], []
    for (kind, source), part in rows.groupby(["kind", "source"], sort=True):
        if _enough(part, settings):
            rng = seeds.rng(seed, f"campaign policy/{source}/{kind}")
            every, kept = _one_kind(part, x.loc[part.index], settings, rng)
            seen.append(every)
            judged.append(kept)
    columns = ["member_id", "tier", "kind", "source", "treated", "propensity", "spend", "with_it", "without"]
    found = pd.concat(judged, ignore_index=True) if judged else pd.DataFrame(columns=[*columns, *BELIEVED.values()])
    names = ["kind", "source", "treated", "propensity"]
    return Decisions(found, pd.concat(seen, ignore_index=True)[names] if seen else pd.DataFrame(columns=names))


def with_placebo(panel: Audience, settings: Campaigns, seed: int) -> tuple[Decisions, Decisions]:
    """Return `decisions` of the campaigns and of the time before them: what a second process can do meanwhile."""
    return decisions(panel, settings, seed), decisions(panel, settings, seed, placebo=True)


def costs(panel: Audience, offers: pd.DataFrame, settings: Campaigns) -> Costs:
    """Return the cost of reaching a member: offers' cost times how often they were redeemed, if every one is known.

    Otherwise `settings.reach_costs`; policies are compared at their median.
    """
    got = panel.rows[panel.rows["treated"]].merge(offers[["offer_id", "cost"]], on="offer_id")
    if got["redeemed"].any() and got["cost"].notna().all():
        mean = float((got["cost"] * got["redeemed"]).mean())
        return Costs(mean, [multiple * mean for multiple in _MULTIPLES], True)
    return Costs(float(np.median(settings.reach_costs)), sorted(settings.reach_costs), False)


def _enough(part: pd.DataFrame, settings: Campaigns) -> bool:
    arms = part.groupby("treated")["member_id"].nunique()
    return len(arms) == 2 and arms.min() >= settings.min_ess


def _one_kind(
    part: pd.DataFrame, x: pd.DataFrame, settings: Campaigns, rng: np.random.Generator
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
        return every, every[:0].assign(**dict.fromkeys(BELIEVED.values(), np.nan))
    models = learners.Models(spent, make_pipeline(StandardScaler(), RidgeCV(_PENALTIES)), who)
    every_learner = learners.LEARNERS | {"DR": partial(learners.dr_learner, folds=2, bound=max(settings.trim, 0.01))}
    seen = columns[kept], treated[kept], spend[kept], member[kept], fold[kept]
    believed = {
        BELIEVED[name]: learners.out_of_fold(learner, *seen, models, rng) for name, learner in every_learner.items()
    }
    return every, every[kept].assign(**believed)
