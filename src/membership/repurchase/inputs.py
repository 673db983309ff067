"""The rhythm as learned models read it: logarithms, counts as if all windows were observed, one number a column."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.repurchase.dated import Dated
from membership.repurchase.rhythm import WEEKDAYS, WINDOWS

PLAIN = ("bought", "gap_spread", "ended_7", "ended_14", "ended_28")
LOGARITHMIC = (
    "since", "age_days", "observed", "purchase_days", *(f"days_{days}" for days in WINDOWS), "gap_mean", "gap_last",
    "gap_three", "gap_recent", "gap_median", "silence_mean", "silence_recent", "spend_7", "spend_28", "spend_90",
    "last_basket", "visits_7", "visits_28", "visit_since",
)  # fmt: skip


def of(rhythm: pd.DataFrame) -> pd.DataFrame:
    """Return the inputs of each row, NaN where the rhythm is null; columns are in the same order for the same data."""
    observed = rhythm["observed"].to_numpy()
    columns = {name: rhythm[name].to_numpy() for name in LOGARITHMIC}
    for days in WINDOWS:  # data that begin later than the window show a part of it
        columns[f"days_{days}"] = columns[f"days_{days}"] * (days / np.minimum(days, observed))
    found = {name: np.log1p(np.maximum(column, 0)) for name, column in columns.items()}
    last = rhythm["days_28"].to_numpy()
    found["trend"] = rhythm["trend"].to_numpy() / np.sqrt(np.maximum(2 * last - rhythm["trend"].to_numpy(), 0) + 1)
    found |= {name: rhythm[name].to_numpy() for name in PLAIN}
    found["main_weekday"] = rhythm[list(WEEKDAYS)].to_numpy().max(axis=1)
    return pd.DataFrame(found, index=rhythm.index)


def named(rhythm: pd.DataFrame, names: Sequence[str], dated: Dated | None = None, day: int = 0) -> np.ndarray:
    """Return the inputs `names`, (rows, k), of which a model was made, on `day`.

    Raises DataError where one is not there.
    """
    known = _dated(of(rhythm), dated, day)
    if missing := [name for name in names if name not in known]:
        raise DataError(
            f"models/repurchase was made of inputs that are gone: {', '.join(missing)}; run `dvc repro repurchase`."
        )
    return known[list(names)].to_numpy()


def taught(rhythm: pd.DataFrame, dated: Dated | None = None, day: np.ndarray | int = 0) -> pd.DataFrame:
    """Return `of(rhythm)` and what is `dated`, each row on its `day`, for models to learn from.

    It is 0 in a column of which nothing at all is known.
    """
    known = _dated(of(rhythm), dated, day)
    return known.assign(**dict.fromkeys(known.columns[known.isna().all()], 0.0))


def _dated(known: pd.DataFrame, dated: Dated | None, day: np.ndarray | int) -> pd.DataFrame:
    if dated is None:
        return known
    values = np.broadcast_to(dated.at(day), (len(known), len(dated.names)))
    return known.assign(**dict(zip(dated.names, values.T, strict=True)))
