"""What campaigns changed: doubly robust effects on spend and on orders, by kind and group, beside their placebos.

The treatment is being reached by a campaign. Redeeming is never a treatment: members who were reached choose to do it.
Effects of campaigns with known arms and propensities hold by design. Those of other campaigns hold only if the
covariates explain who was reached; the placebo, the same estimate for the time just before, tests this, and the bias
that it reveals widens the interval.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from membership.base import keys, seeds
from membership.campaigns.audience import Audience
from membership.settings.campaigns import Campaigns
from membership.stats import causal, overlap, pooling

GROUPINGS = {
    "all": [],
    "stage": ["stage"],
    "persona": ["persona"],
    "tier": ["tier"],
    "cell": ["persona", "tier"],
    "campaign": ["offer_id"],
}
KEYS = ["persona", "tier", "stage", "offer_id"]  # columns that define groups, empty where they do not
# outcome -> its columns of `Audience.rows`: in the campaign, and in the placebo window
OUTCOMES = {"spend": ("outcome", "placebo"), "ordered": ("ordered", "ordered_before")}
_SUFFIX, _WORDS = {"spend": "", "ordered": "_orders"}, re.compile(r"\W+")
_EFFECTS = ("rows", "members", "effect", "error", "baseline", "uplift", "uplift_sd", "placebo", "placebo_sd", "ess")
_OVERLAP = (
    "campaigns",
    "members",
    "reached",
    "kept",
    "kept_reached",
    "ess_treated",
    "ess_control",
    "smd_before",
    "smd_after",
)


@dataclass(frozen=True)
class Estimates:
    """What campaigns tell.

    `effects`, one row an outcome (OUTCOMES), kind, source and group (`by`: GROUPINGS; KEYS empty where they do not
    define it): rows, members; effect, error and baseline (cents a day; of `ordered`: probability); uplift and
    uplift_sd (share of baseline, sampling error only); placebo and placebo_sd (the same before the campaign);
    systematic (bias that placebos reveal; 0 where randomised); low, high (interval with it); ess (effective members in
    the smaller arm); usable. `overlap`, one row a kind and source: campaigns, members, reached, kept (share compared),
    ess_treated, ess_control, smd_before, smd_after (largest). `balance`: kind, source, covariate, before, after.
    `propensities`: kind, source, treated, propensity of every row. `chances`, index of `Audience.rows`: kind, source,
    chance (of an order within repurchase_days if not reached, from other members), kept (whether it is compared).
    """

    effects: pd.DataFrame
    overlap: pd.DataFrame
    balance: pd.DataFrame
    propensities: pd.DataFrame
    chances: pd.DataFrame


def estimate(panel: Audience, personas: pd.Series, settings: Campaigns, seed: int) -> Estimates:
    """Estimate the effects of each kind of campaign of `panel`; `personas` (by member_id) describe.

    A kind with fewer than `min_ess` members in an arm gets no estimate. Raises DataError as `causal.cross_fit`.
    """
    rows = panel.rows.assign(source=np.where(panel.rows["randomised"], "randomised", "observational"))
    rows["persona"] = persona(rows, personas)
    parts = []
    for (kind, source), part in rows.groupby(["kind", "source"], sort=True):
        reached = part.groupby("treated")["member_id"].nunique()
        if reached.min() >= settings.min_ess:
            known = {"kind": kind, "source": source}
            found = _one_kind(part, panel, settings, seeds.rng(seed, f"response/{source}/{kind}"))
            parts.append([frame.assign(**known) for frame in found])
    if not parts:
        return _nothing()
    *told, chances = (list(frames) for frames in zip(*parts, strict=True))
    effects, *others = (pd.concat(frames, ignore_index=True) for frames in told)
    return Estimates(_with_intervals(effects, settings), *others, pd.concat(chances))


def persona(rows: pd.DataFrame, personas: pd.Series) -> pd.Series:
    """Return the persona (`personas` by member_id) of each of `rows`, "unknown" where there is none."""
    return rows["member_id"].map(personas).astype("str").fillna("unknown")


def _one_kind(part: pd.DataFrame, panel: Audience, settings: Campaigns, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Return effects, overlap, balance, propensities and chances of the campaigns of one kind and source."""
    treated, member, x = part["treated"].to_numpy(), part["member_id"].to_numpy(), panel.x.loc[part.index]
    during, before = zip(*OUTCOMES.values(), strict=True)
    fitted = _nuisance(part, x, during, settings, rng)
    fitted |= _nuisance(part, panel.x_placebo.loc[part.index], before, settings, rng)
    propensity = fitted["outcome"].propensity
    kept, weight = overlap.comparable(propensity, settings.trim), overlap.weights(treated, propensity)
    balance = overlap.balance(x[kept], treated[kept], propensity[kept])
    balance["before"] = overlap.balance(x, treated, np.full(len(part), 0.5))["before"]
    arms = [kept & arm for arm in (treated, ~treated)]
    sizes = [overlap.effective_size(weight[arm], member[arm]) for arm in arms]
    largest = balance[["before", "after"]].abs().max()
    numbers = (
        part["offer_id"].nunique(),
        len(np.unique(member)),
        int(treated.sum()),
        kept.mean(),
        kept[treated].mean(),
    )
    described = pd.DataFrame([(*numbers, *sizes, *largest)], columns=_OVERLAP)
    propensities = pd.DataFrame({"treated": treated, "propensity": propensity})
    effects = _by_group(part, fitted, weight, settings.trim)
    chances = pd.DataFrame({"chance": fitted["ordered"].control, "kept": kept}, index=part.index)
    return [effects, described, balance.rename_axis("covariate").reset_index(), propensities, chances]


def _nuisance(
    part: pd.DataFrame, x: pd.DataFrame, outcomes: tuple[str, str], settings: Campaigns, rng: np.random.Generator
) -> dict[str, causal.Nuisance]:
    """Return the models' predictions of spend and of orders (`outcomes`: their columns of `part`).

    They are the mean over `repeats` divisions into folds, so that none matters much; both outcomes share the folds and
    the propensities.
    """
    known = part["propensity"].to_numpy() if part["randomised"].all() else None
    columns = np.column_stack([x.to_numpy(dtype=float), pd.factorize(part["start"], sort=True)[0]])
    member, treated, spent, ordered = (part[name].to_numpy() for name in ("member_id", "treated", *outcomes))
    fits: dict[str, list[causal.Nuisance]] = {name: [] for name in outcomes}
    for _ in range(settings.repeats):
        fold, (who, how_much) = causal.folds(member, settings.folds, rng), models(settings, rng)
        first = causal.cross_fit(columns, treated, spent, fold, who, how_much, known)
        whether = causal.cross_fit(columns, treated, ordered, fold, who, orders(), first.propensity)
        for name, fit in zip(outcomes, (first, whether), strict=True):
            fits[name].append(fit)
    parts = ("propensity", "treated", "control")
    return {
        name: causal.Nuisance(*(np.mean([getattr(fit, one) for fit in found], axis=0) for one in parts))
        for name, found in fits.items()
    }


def orders() -> Pipeline:
    """Return the model of whether a member orders: a logistic regression, so that chances are calibrated."""
    return make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky"))


def models(
    settings: Campaigns, rng: np.random.Generator
) -> tuple[HistGradientBoostingClassifier, HistGradientBoostingRegressor]:
    """Return models of who is reached and of what is spent: small boosted trees (Friedman 2001)."""
    knobs = {"max_iter": settings.trees, "max_leaf_nodes": 8, "min_samples_leaf": 40, "early_stopping": False}
    knobs["random_state"] = int(rng.integers(2**31))
    return HistGradientBoostingClassifier(**knobs), HistGradientBoostingRegressor(**knobs)


def _by_group(part: pd.DataFrame, fitted: dict, weight: np.ndarray, trim: float) -> pd.DataFrame:
    """Return effect and placebo of every group of GROUPINGS, each over the rows that can be compared.

    The placebo of a tier is that of members in it before the placebo window, since later tiers depend on spend in it.
    """
    treated, member = part["treated"].to_numpy(), part["member_id"].to_numpy()
    kept = {name: overlap.comparable(nuisance.propensity, trim) for name, nuisance in fitted.items()}
    scored = {}
    for name, nuisance in fitted.items():
        safe = causal.Nuisance(np.where(kept[name], nuisance.propensity, 0.5), nuisance.treated, nuisance.control)
        scored[name] = causal.scores(treated, part[name].to_numpy(), safe)
    before = part.assign(tier=part["tier_before"], stage=part["stage_before"])
    nobody, records = np.zeros(len(part), dtype=bool), []
    for by, columns in GROUPINGS.items():
        there = _groups(before, columns)
        for key, here in _groups(part, columns).items():
            keys = {"by": by, **dict(zip(columns, key, strict=True))}
            arms = [here & kept["outcome"] & arm for arm in (treated, ~treated)]
            ess = min(overlap.effective_size(weight[arm], member[arm]) for arm in arms)
            for outcome, (during, placebo) in OUTCOMES.items():
                main = causal.mean_effect(scored[during], member, here & kept[during])
                null = causal.mean_effect(scored[placebo], member, there.get(key, nobody) & kept[placebo])
                numbers = (main.rows, main.clusters, main.effect, main.error, main.baseline, main.uplift)
                numbers += (main.uplift_error, null.uplift, null.uplift_error, ess)
                records.append({"outcome": outcome, **keys, **dict(zip(_EFFECTS, numbers, strict=True))})
    names = ["outcome", "by", *KEYS]
    return pd.DataFrame(records, columns=[*names, *_EFFECTS]).fillna(dict.fromkeys(names, ""))


def _groups(part: pd.DataFrame, columns: list[str]) -> dict[tuple, np.ndarray]:
    """Return each group's values of `columns` -> its rows, (rows,) bool."""
    if not columns:
        return {(): np.ones(len(part), dtype=bool)}
    place = pd.Series(np.arange(len(part)), index=part.index)
    groups = {key: place[rows.index] for key, rows in part.groupby(columns, sort=True)}
    return {key: np.isin(place, rows) for key, rows in groups.items()}


def _with_intervals(effects: pd.DataFrame, settings: Campaigns) -> pd.DataFrame:
    """Add usable, systematic, low and high.

    The bias of estimates by persona, by tier, ... is what the placebos of the same grouping reveal, and never less than
    what the placebos of the kind as a whole and of its campaigns reveal.
    """
    usable = (effects["ess"] >= settings.min_ess) & effects["uplift_sd"].gt(0)
    table = effects.assign(usable=usable, systematic=0.0)
    for (kind, outcome), rows in table[usable & (table["source"] == "observational")].groupby(["kind", "outcome"]):
        here = (table["kind"] == kind) & (table["outcome"] == outcome) & (table["source"] == "observational")
        whole = rows[rows["by"].isin(["all", "campaign"])]
        least = pooling.systematic_error(whole["placebo"], whole["placebo_sd"])
        for by in GROUPINGS:
            same = rows[rows["by"] == by]
            bias = max(least, pooling.systematic_error(same["placebo"], same["placebo_sd"]))
            table.loc[here & (table["by"] == by), "systematic"] = bias
    half = scipy.stats.norm.ppf((1 + settings.confidence) / 2) * np.hypot(table["uplift_sd"], table["systematic"])
    return table.assign(low=table["uplift"] - half, high=table["uplift"] + half)


def by_kind(found: Estimates, outcome: str = "spend") -> pd.DataFrame:
    """Return the effects on all members, one row a kind: source, the size of the comparison, and the estimates.

    Columns source, campaigns, reached, kept, ess, uplift, low, high, placebo, systematic, usable, clear (the interval
    does not include 0).
    """
    whole = found.effects[(found.effects["by"] == "all") & (found.effects["outcome"] == outcome)]
    table = whole.merge(found.overlap, on=["kind", "source"], suffixes=("", "_all")).set_index("kind")
    table["ess"] = table["ess"].astype(float).round().astype(int)
    size = ["source", "campaigns", "reached", "kept", "ess"]
    table["clear"] = (table["low"] > 0) | (table["high"] < 0)
    return table[[*size, "uplift", "low", "high", "placebo", "systematic", "usable", "clear"]]


def metrics(found: Estimates) -> dict[str, float]:
    """Return uplift, low, high and placebo of every kind that is usable, on spend and on orders (`_orders`)."""
    kinds, key = {}, keys.of(found.effects["kind"].unique(), lambda kind: _WORDS.sub("_", kind.lower()))
    for row in found.effects[(found.effects["by"] == "all") & found.effects["usable"].astype(bool)].itertuples():
        name = f"response_{key[row.kind]}_{row.source}{_SUFFIX[row.outcome]}"
        kinds |= {name: row.uplift, f"{name}_low": row.low, f"{name}_high": row.high, f"{name}_placebo": row.placebo}
    return kinds


def _nothing() -> Estimates:
    """Return estimates without rows, for data without campaigns that can be judged."""
    known = ["kind", "source"]
    effects = ["outcome", "by", *KEYS, *_EFFECTS, "systematic", "low", "high", "usable", *known]
    columns = [
        effects,
        [*_OVERLAP, *known],
        ["covariate", "before", "after", *known],
        ["treated", "propensity", *known],
        ["chance", "kept", *known],
    ]
    return Estimates(*(pd.DataFrame(columns=names).astype({"kind": "str"}) for names in columns))
