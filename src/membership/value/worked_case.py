"""The worked case of the weighted linear RFM model: a parameter table applied as printed, and what calibration changes.

    V = w1 (a1 R + b1) + w2 (a2 F + b2) + w3 (a3 M + b3)

R: day of the last purchase, counted from the start of the window (recent is high); F: days with a purchase; M: spend,
in units of currency. Customers are simulated, so that what they spend in the next window of the same length is known.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.lifetimes import markets
from membership.value import rfm, validate
from membership.value.rfm import PARTS, Rfm

_INPUTS = ("days_since_last", "purchase_days", "spend")
_BUYING = {"r": 0.243, "alpha_days": 30.9, "a": 0.793, "b": 2.426}  # CDNOW, Fader, Hardie & Lee (2005)
_SPENDING = {"p": 6.25, "q": 3.74, "gamma": 15.44}  # CDNOW, Fader & Hardie (2013)
PRINTED, CALIBRATED = "as printed", "calibrated"


@dataclass(frozen=True)
class WorkedCase:
    """The simulated market and the parameter table, in the order recency, frequency, monetary value."""

    members: int = 100_000
    days: int = 182  # of behaviour
    weights: tuple[float, ...] = (0.5, 0.3, 0.2)  # w, which add up to 1
    slopes: tuple[float, ...] = (0.01, 0.02, 0.03)  # a
    offsets: tuple[float, ...] = (0.5, 0.6, 0.7)  # b
    clip_share: float = 0.005  # of customers beyond each end of a calibrated scale


@dataclass(frozen=True)
class Case:
    """The calibrated model, and both tables on customers that it did not learn from."""

    model: Rfm
    parameters: pd.DataFrame  # rows PARTS; w, a, b as printed and calibrated, for the same R, F, M
    comparison: pd.DataFrame  # validate.compare of spend in the next window, rows PRINTED and CALIBRATED
    deciles: pd.DataFrame  # validate.deciles of each, with a column `values`


def customers(settings: WorkedCase, rng: np.random.Generator) -> pd.DataFrame:
    """Return `days_since_last`, `purchase_days`, `spend` of simulated customers, and `spend_after` in the next window.

    They buy and stop as the customers of CDNOW do (BG/NBD, Gamma-Gamma), came in the first half of the window of
    `settings.days`, and are followed for as many days again. Spend is in units of currency.
    """
    ages = (settings.days / 2, settings.days)
    market = markets.bgnbd(
        settings.members, **_BUYING, age_days=ages, future_days=settings.days, rng=rng, whole_days=True
    )
    market = markets.gamma_gamma(market, **_SPENDING, rng=rng)
    seen = market.features
    return pd.DataFrame(
        {
            "days_since_last": seen["age_days"] - seen["recency_days"],
            "purchase_days": seen["frequency"] + 1,
            "spend": seen["spend"],
            "spend_after": market.after["spend"],
        }
    )


def printed(settings: WorkedCase, known: pd.DataFrame) -> pd.Series:
    """Return V of each customer by the parameter table as it is printed, in no unit."""
    terms = np.array(settings.slopes) * _measures(settings, known) + np.array(settings.offsets)
    return pd.Series(terms @ np.array(settings.weights), known.index, name=PRINTED)


def identification(settings: WorkedCase) -> pd.DataFrame:
    """Return the nine parameters as `printed`, and `another` table of them with the same V.

    The other table has equal weights, and slopes and offsets that make up for it. Rows: w, a, b of each part, which
    data do not determine, then the three slopes w a and the intercept sum w b, which they do (`determined`).
    """
    weights = np.array(settings.weights)
    even = np.full(len(PARTS), 1 / len(PARTS))
    tables = {
        "printed": (weights, np.array(settings.slopes), np.array(settings.offsets)),
        "another": (even, weights * settings.slopes / even, weights * settings.offsets / even),
    }
    names = [f"{letter} of {part}" for letter in ("w", "a", "b") for part in PARTS]
    names += [f"slope w a of {part}" for part in PARTS] + ["intercept: sum of w b"]
    found = pd.DataFrame({name: [*w, *a, *b, *(w * a), w @ b] for name, (w, a, b) in tables.items()}, index=names)
    return found.assign(determined=np.arange(len(found)) >= 3 * len(PARTS))


def calibrate(settings: WorkedCase, known: pd.DataFrame, rng: np.random.Generator) -> Case:
    """Return what calibration changes: learned on a random half of the customers, compared with the table on the other.

    Both are read as the spend of the next window. Raises DataError where the data do not determine the weights.
    """
    mixed = known.index[rng.permutation(len(known))]
    learned, judged = known.loc[mixed[::2]], known.loc[mixed[1::2]]
    model = rfm.fit(learned, learned["spend_after"], settings.days, settings.clip_share, _INPUTS)
    calibrated = pd.Series(model.predict(judged, settings.days), judged.index, name=CALIBRATED)
    predictions = pd.concat([printed(settings, judged), calibrated], axis=1)
    actual = judged["spend_after"]
    deciles = {name: validate.deciles(actual, predicted) for name, predicted in predictions.items()}
    return Case(
        model,
        _side_by_side(settings, model),
        validate.compare(actual, predictions),
        pd.concat(deciles, names=["values", None]).reset_index("values").reset_index(drop=True),
    )


def _measures(settings: WorkedCase, known: pd.DataFrame) -> np.ndarray:
    """Return R, F, M, shape (customers, 3)."""
    return np.column_stack([settings.days - known["days_since_last"], known["purchase_days"], known["spend"]])


def _side_by_side(settings: WorkedCase, model: Rfm) -> pd.DataFrame:
    """Return w, a, b of both; the model's recency, days since the last purchase, is turned into R."""
    nine = model.nine_parameters()
    nine.loc["recency", "b"] += nine.loc["recency", "a"] * settings.days
    nine.loc["recency", "a"] *= -1
    table = pd.DataFrame({"w": settings.weights, "a": settings.slopes, "b": settings.offsets}, index=list(PARTS))
    return pd.concat({PRINTED: table, CALIBRATED: nine}, axis=1)
