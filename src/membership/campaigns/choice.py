"""Which of several arms would have been best for whom? Campaigns that drew members for several arms and a control.

Nothing but the draw is relied on: what a policy is worth is estimated from the propensities of the arms that members
got. Predictions of the gain from an arm come from models that did not see the member.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.stats
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from membership.base import seeds
from membership.campaigns import arms, effects
from membership.campaigns.audience import Audience
from membership.campaigns.reaction import Reaction
from membership.settings.campaigns import Campaigns
from membership.stats import causal, learners, multi_armed

DRAWS = 200  # of each bootstrap and of shuffled predictions
_PENALTIES = np.logspace(0, 6, 7)  # of the model of effects, which chooses among them


@dataclass(frozen=True)
class Log:
    """One randomised campaign of several arms; money in cents a member, of margin on spend while the campaign ran.

    `rows`: those of `Audience.rows`, one a member, by member_id; `names` (arms,) beside the control; `arm` (rows,) got,
    0 the control; `gain` (rows, arms): estimate of what each arm brings over the control, by inverse propensity and
    expectations from other members; `predicted` (rows, arms): the same as believed of others like the member; `cost`
    (arms,).
    """

    campaign: str
    names: tuple[str, ...]
    rows: pd.DataFrame
    arm: np.ndarray
    gain: np.ndarray
    predicted: np.ndarray
    cost: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The arm with the best predicted net for each row, 0 where none pays: (rows,)."""
        net = np.column_stack([np.zeros(len(self.arm)), self.predicted - self.cost])
        return net.argmax(axis=1)


@dataclass(frozen=True)
class Judged:
    """What a log says of choosing among its arms; `policies`: `by_policy`; other frames: the functions named so."""

    log: Log
    ranking: multi_armed.Ranking  # the multi-armed Qini, of net worth
    curve: pd.DataFrame  # worth at each budget
    calibration: pd.DataFrame
    by_arm: pd.DataFrame
    policies: pd.DataFrame


def logs(
    panel: Audience, settings: Campaigns, cost: float | Mapping[str, float], margin: float, seed: int
) -> list[Log]:
    """Return the randomised campaigns of `panel` with several treated arms, judged, by name.

    cost: cents of reaching a member, by arm or the same for all. An arm with fewer than `settings.min_ess` members is
    left out, as is a campaign without as many in its control, or of which one arm is left.
    """
    rows, found = panel.rows[panel.rows["randomised"].astype(bool)], []
    for campaign, part in rows.groupby("campaign", sort=True):
        held = part.loc[~part["treated"], "member_id"].nunique()
        sizes = part[part["treated"]].groupby("arm")["member_id"].nunique()
        names = sorted(sizes.index[sizes >= settings.min_ess]) if held >= settings.min_ess else []
        if len(names) > 1:
            kept = part[part["arm"].isin([*names, arms.CONTROL])].drop_duplicates("member_id")
            rng = seeds.rng(seed, f"campaign arms/{campaign}")
            known = [cost[name] if isinstance(cost, Mapping) else cost for name in names]
            found.append(_judged(campaign, names, kept, panel.x, settings, np.array(known, float), margin, rng))
    return found


def judged(found: list[Log], confidence: float, seed: int) -> list[Judged]:
    """Return how well the predictions of each of `logs` choose among its arms, by the draw of the arms alone."""
    results = []
    for log in found:
        rng = seeds.rng(seed, f"campaign arms judged/{log.campaign}")
        given = (log.predicted, log.cost, log.gain, confidence, DRAWS, rng)
        results.append(
            Judged(
                log=log,
                ranking=multi_armed.ranking(*given),
                curve=multi_armed.curve(*given),
                calibration=calibration(log, confidence),
                by_arm=by_arm(log, confidence),
                policies=by_policy(log, {}, confidence),
            )
        )
    return results


def calibration(log: Log, confidence: float, groups: int = 10) -> pd.DataFrame:
    """Return predicted beside observed gains of each arm in tenths: arm, and as `multi_armed.calibration`."""
    member = log.rows["member_id"].to_numpy()
    parts = [
        multi_armed.calibration(log.predicted[:, at], log.gain[:, at], member, confidence, groups).assign(arm=name)
        for at, name in enumerate(log.names)
    ]
    return pd.concat(parts, ignore_index=True)


def by_arm(log: Log, confidence: float) -> pd.DataFrame:
    """Return the mean gain of each arm over the control: index arm; members, gain, error, low, high, slope, slope_sd.

    slope: by how much the gain rises where one more is predicted; 1 where predictions are calibrated.
    """
    half, member = scipy.stats.norm.ppf((1 + confidence) / 2), log.rows["member_id"].to_numpy()
    records = []
    for at in range(len(log.names)):
        gain, error = log.gain[:, at].mean(), causal.clustered_error(log.gain[:, at], member)
        ends = (gain - half * error, gain + half * error)
        slope = multi_armed.slope(log.predicted[:, at], log.gain[:, at], member)
        records.append((int((log.arm == at + 1).sum()), gain, error, *ends, *slope))
    names = ["members", "gain", "error", "low", "high", "slope", "slope_sd"]
    return pd.DataFrame(records, pd.Index(log.names, name="arm"), names)


def by_policy(log: Log, choices: Mapping[str, np.ndarray], confidence: float) -> pd.DataFrame:
    """Return what policies are worth beyond reaching nobody, cents a member: index policy.

    choices: name -> the arm (rows,) that it gives, 0 for none; beside them the best predicted arm, and each arm for
    everybody. Columns reached (share), cost, worth, error, low, high. A policy must not have seen the outcomes of the
    log, or it is judged by the luck that made it.
    """
    half, every = scipy.stats.norm.ppf((1 + confidence) / 2), len(log.arm)
    alike = {f"all: {name}": np.full(every, at) for at, name in enumerate(log.names, start=1)}
    padded, records = np.column_stack([np.zeros(every), log.gain]), {}
    costs = np.concatenate([[0.0], log.cost])
    for name, arm in {"best predicted": log.best, **choices, **alike}.items():
        worth = padded[np.arange(every), arm] - costs[arm]
        error = causal.clustered_error(worth, log.rows["member_id"].to_numpy())
        mean = worth.mean()
        records[name] = ((arm > 0).mean(), costs[arm].mean(), mean, error, mean - half * error, mean + half * error)
    names = ["reached", "cost", "worth", "error", "low", "high"]
    return pd.DataFrame.from_dict(records, "index", columns=names).rename_axis("policy")


def by_belief(
    log: Log, rows: pd.DataFrame, belief: Reaction, kinds: Mapping[str, list[str]], margin: float
) -> np.ndarray:
    """Return the arm (rows,) that brings most net by `belief`, 0 where none pays: how the allocation chooses.

    rows: `evidence.members`, kinds: `campaigns.evidence`. An arm that speaks for no benefit is never taken; of several
    benefits the first of the belief counts.
    """
    own = rows[rows["campaign"].astype(str) == log.campaign].drop_duplicates("member_id").set_index("member_id")
    people = own.reindex(log.rows["member_id"]).reset_index()
    uplift, kind = belief.uplifts(people)[0], rows.drop_duplicates("kind")["kind"]
    net = np.zeros((len(people), len(log.names) + 1))
    for at, name in enumerate(log.names):
        of = [one for one in kind if one.endswith(f" / {name}")]
        speaks = [number for number, benefit in enumerate(belief.benefits) if set(of) & set(kinds.get(benefit, []))]
        gain = margin * uplift[:, speaks[0]] * people["expected_spend"].to_numpy() if speaks else -np.inf
        net[:, at + 1] = gain - log.cost[at]
    return net.argmax(axis=1)


def subset(log: Log, rows: np.ndarray) -> Log:
    """Return `log` with some of its `rows`, a mask."""
    frames = {name: getattr(log, name)[rows] for name in ("arm", "gain", "predicted")}
    return replace(log, rows=log.rows[rows].reset_index(drop=True), **frames)


def metrics(found: list[Judged]) -> dict[str, float]:
    """Return the mean multi-armed Qini over campaigns, and the smallest p-value; nothing where there are none."""
    if not found:
        return {}
    return {
        "campaign_arms_qini": float(np.mean([one.ranking.qini for one in found])),
        "campaign_arms_qini_p_value": min(one.ranking.p_value for one in found),
    }


@threadpool_limits.wrap(limits=1)
def _judged(campaign, names, part, x, settings: Campaigns, cost: np.ndarray, margin: float, rng) -> Log:
    part = part.sort_values("member_id")
    columns, member = x.loc[part.index].to_numpy(dtype=float), part["member_id"].to_numpy()
    arm = part["arm"].map({arms.CONTROL: 0} | {name: at for at, name in enumerate(names, start=1)}).to_numpy(dtype=int)
    spend = margin * part["outcome"].to_numpy() * (part["end"] - part["start"]).dt.days.to_numpy()
    fold, (_, model) = causal.folds(member, settings.folds, rng), effects.models(settings, rng)
    expected = _expected(columns, arm, spend, fold, model, len(names) + 1)
    given = part["given"].to_numpy(dtype=float)
    gain = multi_armed.scores(arm, spend, _share(given, arm), len(names), expected)
    prior = DummyClassifier(strategy="prior")
    models = learners.Models(model, make_pipeline(StandardScaler(), RidgeCV(_PENALTIES)), prior)
    predicted = np.empty((len(arm), len(names)))
    for number in np.unique(fold):
        here = fold == number
        for at in range(len(names)):
            seen = ~here & ((arm == 0) | (arm == at + 1))
            told = (part_[seen] for part_ in (columns, arm > 0, spend, member))
            predicted[here, at] = learners.dr_learner(*told, models, rng, folds=2).predict(columns[here])
    predicted = _level(predicted, fold)
    return Log(str(campaign), tuple(names), part.reset_index(drop=True), arm, gain, predicted, cost)


def _level(predicted: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return predictions with the same mean in all folds.

    A fold that responds less than the others is predicted to respond more, by models of the others: without this, rows
    would be ranked by the opposite of their own fold's luck.
    """
    levelled = predicted.copy()
    for number in np.unique(fold):
        levelled[fold == number] += predicted.mean(axis=0) - predicted[fold == number].mean(axis=0)
    return levelled


def _share(given: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """Return the propensities among the arms that are left: each arm has one (`arms.checked`)."""
    first = [given[arm == at][0] for at in range(arm.max() + 1)]
    return given / sum(first)


def _expected(
    x: np.ndarray, arm: np.ndarray, outcome: np.ndarray, fold: np.ndarray, model: BaseEstimator, arms: int
) -> np.ndarray:
    """Return each row's expected outcome in each arm, (rows, arms), by models of the other folds."""
    found = np.empty((len(arm), arms))
    for number in np.unique(fold):
        here = fold == number
        for at in range(arms):
            seen = ~here & (arm == at)
            found[here, at] = clone(model).fit(x[seen], outcome[seen]).predict(x[here])
    return found
