"""Recovery: how often the 95 % intervals of the value models cover the truth, on simulated markets.

Every market of a setting is drawn anew from the same truth. A parameter is covered where its truth lies within the
profile-likelihood interval: twice the log-likelihood lost by holding it there, all others refitted, is below 3.84.
Times are real-valued days; a covariate is lognormal and standardised within its market, as the models do it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import pandas as pd
from scipy import stats

from membership.base import seeds
from membership.base.errors import DataError
from membership.base.progress import bar
from membership.lifetimes import markets, search
from membership.lifetimes.bgnbd import BgNbd, MbgNbd
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.rounds import BgBb
from membership.lifetimes.spend import GammaGamma
from membership.lifetimes.subscription import Sbg

CONFIDENCE = 0.95
AGES_DAYS = (182.0, 546.0)
_APART = 0.01 / 25  # chance that a parameter leaves the band where intervals hold what they promise: 1 % for 25 of them
_PROCESSES = 2
_INCOME = ("income",)


@dataclass(frozen=True)
class Setting:
    """A model, the truth that its markets are drawn from, and how many members each of them has."""

    model: type
    members: int
    draw: Callable[..., pd.DataFrame]  # (members, rng=, **truth) -> what the model is fitted to
    truth: dict[str, float]
    covariates: tuple[str, ...] = ()


def buying(simulate: Callable, members: int, rng: np.random.Generator, **truth: float) -> pd.DataFrame:
    """Return features of a market of buying at any time; members are seen for 26 to 78 weeks."""
    effects = {name: value for name, value in truth.items() if ":" in name}
    plain = {name: value for name, value in truth.items() if ":" not in name}
    return simulate(members, **plain, effects=effects, age_days=AGES_DAYS, future_days=1, rng=rng).features


def spending(members: int, rng: np.random.Generator, **truth: float) -> pd.DataFrame:
    """Return features of a BG/NBD market whose members spend as Gamma-Gamma says."""
    market = markets.bgnbd(members, **_BGNBD, age_days=AGES_DAYS, future_days=1, rng=rng)
    return markets.gamma_gamma(market, **truth, rng=rng).features


_BGNBD = {"r": 0.8, "alpha_days": 30.0, "a": 0.8, "b": 2.5}
_PARETO = {"r": 0.8, "alpha_days": 30.0, "s": 0.7, "beta_days": 120.0}
SETTINGS = {
    "BG/NBD": Setting(BgNbd, 5000, partial(buying, markets.bgnbd), _BGNBD),
    "MBG/NBD": Setting(MbgNbd, 5000, partial(buying, markets.mbgnbd), _BGNBD),
    "Pareto/NBD": Setting(ParetoNbd, 4000, partial(buying, markets.pareto_nbd), _PARETO),
    "Gamma-Gamma": Setting(GammaGamma, 5000, spending, {"p": 6.25, "q": 3.74, "gamma": 1544.0}),
    "BG/BB": Setting(
        BgBb,
        5000,
        lambda members, rng, **truth: markets.bgbb(members, **truth, rounds=(6, 12), future_rounds=1, rng=rng).features,
        {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78},
    ),
    "sBG": Setting(Sbg, 5000, partial(markets.sbg, renewals=(2, 8)), {"alpha": 0.704, "beta": 1.182}),
    "BG/NBD, one covariate": Setting(
        BgNbd,
        5000,
        partial(buying, markets.bgnbd),
        _BGNBD | {"rate:income": 0.3, "stop:income": -0.2, "stay:income": 0.2},
        _INCOME,
    ),
    "Pareto/NBD, one covariate": Setting(
        ParetoNbd,
        4000,
        partial(buying, markets.pareto_nbd),
        _PARETO | {"rate:income": 0.3, "stop:income": -0.3},
        _INCOME,
    ),
}


def run(count: int, seed: int) -> dict:
    """Return `markets` (their number, `count`, a setting), `band` (`low`, `high`) and `rows`, one a parameter.

    A row has `model`, `members`, `parameter`, `truth`, `covered` (of `markets`), `unfitted` and `in_band`. Market
    number i of a setting is the same however many are asked for.
    """
    low, high = stats.binom.interval(1 - _APART, count, CONFIDENCE)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes: they share the cores
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        rows = [row for name in SETTINGS for row in _recover(name, count, seed, pool)]
    rows = [row | {"in_band": bool(low <= row["covered"] <= high)} for row in rows]
    return {"markets": count, "band": {"low": int(low), "high": int(high)}, "rows": rows}


def ratios(name: str, seed: int, number: int) -> np.ndarray:
    """Return the likelihood ratio of each truth of a setting, in its order, in one market; NaN where nothing fits."""
    setting = SETTINGS[name]
    members = setting.draw(setting.members, rng=seeds.rng(seed, f"recovery-{name}-{number}"), **setting.truth)
    try:
        problem = setting.model.problem(members, *([setting.covariates] if setting.covariates else []))
        estimate = search.maximise(problem)
    except DataError:
        return np.full(len(setting.truth), np.nan)
    truth = np.array([setting.truth[name] for name in problem.names])
    lost = search.likelihood_ratio(problem, estimate, np.where(problem.logarithmic, np.log(np.abs(truth)), truth))
    return lost[[problem.names.index(name) for name in setting.truth]]


def in_words(found: dict) -> str:
    """Return how often each truth was covered as a table, and a sentence."""
    rows = pd.DataFrame(found["rows"])
    inside = f"{rows['in_band'].sum()} of {len(rows)} parameters are covered in {found['band']['low']} to "
    return f"{rows.to_string(index=False)}\n\n{inside}{found['band']['high']} of {found['markets']} markets."


def _recover(name: str, count: int, seed: int, pool: ProcessPoolExecutor) -> list[dict]:
    """Return the rows of one setting."""
    setting = SETTINGS[name]
    found = pool.map(partial(ratios, name, seed), range(count), chunksize=4)
    lost = np.array(list(bar(found, f"recovery {name}", total=count)))
    covered = (lost < stats.chi2.ppf(CONFIDENCE, 1)).sum(axis=0)
    common = {"model": name, "members": setting.members, "unfitted": int(np.isnan(lost).any(axis=1).sum())}
    return [
        common | {"parameter": parameter, "truth": truth, "covered": int(times)}
        for (parameter, truth), times in zip(setting.truth.items(), covered, strict=True)
    ]
