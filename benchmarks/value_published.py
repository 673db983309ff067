"""The published parameters and log-likelihoods, and what the models of value find on the same data.

Buying and spend: the published tenth of CDNOW, calibrated to 30 September 1997, T counted to that day, in weeks and
dollars. sBG: the survivors of 1,000 contracts after years 1 to 7.
"""

import numpy as np
import pandas as pd

from benchmarks import cdnow
from membership.data import features
from membership.lifetimes.bgnbd import BgNbd
from membership.lifetimes.pareto import ParetoNbd
from membership.lifetimes.spend import GammaGamma
from membership.lifetimes.subscription import Sbg

_WEEK = 7.0  # days
PUBLISHED = {  # Fader, Hardie & Lee (2005); Fader & Hardie (2013); Fader & Hardie (2007)
    "BG/NBD": {"r": 0.243, "alpha_weeks": 4.414, "a": 0.793, "b": 2.426, "log-likelihood": -9582.4},
    "Pareto/NBD": {"r": 0.553, "alpha_weeks": 10.578, "s": 0.606, "beta_weeks": 11.669, "log-likelihood": -9595.0},
    "Gamma-Gamma": {"p": 6.25, "q": 3.74, "gamma": 15.44, "log-likelihood": -4055.92},
    "sBG, Regular": {"alpha": 0.704, "beta": 1.182, "log-likelihood": -1680.27},
    "sBG, High End": {"alpha": 0.668, "beta": 3.806, "log-likelihood": -1611.16},
}
SURVIVORS = {
    "sBG, Regular": (1000, 631, 468, 382, 326, 289, 262, 241),
    "sBG, High End": (1000, 869, 743, 653, 593, 551, 517, 491),
}


def run() -> list[dict]:
    """Return `model`, `figure`, `published`, `found`, one row a published figure. Raises DataError without the data."""
    sample = published_sample(cdnow.read())
    models = {"BG/NBD": BgNbd, "Pareto/NBD": ParetoNbd, "Gamma-Gamma": GammaGamma}
    found = {name: _in_weeks(model.fit(sample), sample) for name, model in models.items()}
    found |= {name: _figures(Sbg.fit(contracts(left))) for name, left in SURVIVORS.items()}
    return [
        {"model": model, "figure": figure, "published": value, "found": found[model][figure]}
        for model, figures in PUBLISHED.items()
        for figure, value in figures.items()
    ]


def published_sample(data: cdnow.Cdnow) -> pd.DataFrame:
    """Return the features of the published sample in dollars, T counted to 30 September."""
    known = features.table(data.events, data.members, [cdnow.CALIBRATED]).set_index("member_id")
    return as_published(known).loc[data.sample]


def as_published(known: pd.DataFrame) -> pd.DataFrame:
    """Return features with T up to the last day that is seen, not to the cut-off after it, and spend in dollars."""
    return known.assign(age_days=known["age_days"] - 1, repeat_spend_mean=known["repeat_spend_mean"] / 100)


def contracts(survivors: tuple[int, ...]) -> pd.DataFrame:
    """Return `tenure` and `churned` of contracts of which `survivors` are left after 0, 1, ... renewals."""
    last = len(survivors) - 1
    left = -np.diff(survivors)
    tenure = np.repeat([*range(1, last + 1), last], [*left, survivors[-1]])
    return pd.DataFrame({"tenure": tenure, "churned": np.arange(len(tenure)) < left.sum()})


def in_words(rows: list[dict]) -> str:
    """Return the figures as a table."""
    return pd.DataFrame(rows).round(4).to_string(index=False)


def _figures(model) -> dict[str, float]:
    estimate = model.estimate
    return dict(zip(estimate.names, estimate.values, strict=True)) | {"log-likelihood": estimate.log_likelihood}


def _in_weeks(model, sample: pd.DataFrame) -> dict[str, float]:
    """Return the figures with times in weeks: the density of each repeat purchase is 7 times that of days."""
    found = {}
    for name, value in _figures(model).items():
        found[name.replace("_days", "_weeks")] = value / _WEEK if name.endswith("_days") else value
    if "alpha_weeks" in found:
        found["log-likelihood"] += sample["frequency"].sum() * np.log(_WEEK)
    return found
