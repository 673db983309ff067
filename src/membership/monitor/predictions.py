"""Table `predictions`: what was expected of each member on a day by what was live then, to be compared with outcomes.

Nothing here has a run id or a clock in it: the same data, code and parameters give the same version.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from membership.base import files, paths, tables
from membership.base.errors import DataError
from membership.data import pseudonyms
from membership.recommend.chances import PROBABLE

SCORES = ("p_repurchase", "next_order_days", "expected_orders", "expected_spend", "value")  # what is forecast

_ADDED = pd.Index(["next_order_days"])


def version(champion: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    """Return the name of the live policy and a digest of its settings and of the fitted value model.

    `champion` is the content of champion.json, `value` that of models/value.json.
    """
    content = json.dumps([champion["policy"], champion["settings"], value], sort_keys=True, default=str)
    return f"{champion['policy']}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def assemble(
    facts: pd.DataFrame,
    recommendations: pd.DataFrame,
    champion: Mapping[str, Any],
    model_version: str,
    as_of: date,
    days: Mapping[str, int],
) -> pd.DataFrame:
    """Return table `predictions` as of `as_of`, one row a member of `facts`.

    `facts`: member_id, tier, stage and SCORES, of tables `value` and `repurchase`. `recommendations`: the lists of the
    policy that is live on `as_of` (of `champion`), not of the one that the decision makes live from the next period on.
    `days`: repurchase_days and horizon_days. Raises DataError where a member of the lists is not in `facts`.
    """
    strangers = sorted(set(recommendations["member_id"]) - set(facts["member_id"]))
    if strangers:
        raise DataError(
            f"tables 'recommendations' and 'value': {len(strangers)} members have a list but no value, e.g. "
            f"{strangers[0]!r}; run `dvc repro`, which makes both from the same members."
        )
    lists = recommendations.sort_values(["member_id", "rank"]).groupby("member_id")
    items = lists["item_id"].agg(list).map(json.dumps)
    frame = facts[["member_id", "tier", "stage", *SCORES]].assign(
        as_of=pd.Timestamp(as_of), model_version=model_version, policy=champion["policy"], **days
    )
    frame["items"] = frame["member_id"].map(items).fillna("[]")
    hits = lists["score"].sum() if champion["policy"] in PROBABLE else pd.Series(dtype=float)
    frame["expected_hits"] = frame["member_id"].map(hits).astype("float64")
    return tables.check("predictions", frame)


def stored() -> Path:
    """Return where the predictions of earlier periods are kept; the file is not there before the first is over."""
    return paths.reports("live", "predictions.parquet")


def read(path: Path) -> pd.DataFrame:
    """Return the predictions in `path`, none where there is no such file.

    Raises DataError where it is broken, or its pseudonyms are of another key. In a file of an earlier version, which
    did not keep them, _ADDED are null.
    """
    if not path.exists():
        columns = tables.ALL["predictions"].columns
        return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in columns.items()})
    try:
        frame = pd.read_parquet(path)
    except Exception as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); bring it back, or delete it.") from error
    added = dict.fromkeys(_ADDED.difference(frame.columns), np.nan)
    return tables.check("predictions", pseudonyms.unmasked(frame.assign(**added), path), path)


def write(path: Path, log: pd.DataFrame) -> None:
    """Store `log`, checked, in `path`, whole or not at all: members by their pseudonyms."""
    checked = tables.check("predictions", pseudonyms.masked(log))
    with files.whole(path) as temporary:
        checked.to_parquet(temporary, index=False, compression="zstd")


def earlier(as_of: date, path: Path | None = None) -> pd.DataFrame:
    """Return `over` of the predictions kept in `path`.

    Raises DataError where those of one day are of more than one version, as two runs were kept as if both were live.
    """
    latest = over(read(path or stored()), as_of)
    versions = sorted(latest["model_version"].unique())
    if len(versions) > 1:
        raise DataError(
            f"{path or stored()}: predictions of {latest['as_of'].iloc[0].date()} are of {len(versions)} versions, "
            f"{', '.join(versions)}; allowed: the one that was live. Keep one with `make live`."
        )
    return latest


def over(every: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the latest predictions that can be judged on `as_of`: their repurchase_days are over; else no rows."""
    before = every[every["as_of"] + pd.to_timedelta(every["repurchase_days"], unit="D") <= pd.Timestamp(as_of)]
    return before[before["as_of"] == before["as_of"].max()].reset_index(drop=True)


def kept(log: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return `log` with `new` added; what it held of the same days is replaced."""
    if new.empty:
        return log
    rest = log[~log["as_of"].isin(new["as_of"].unique())]
    return tables.check("predictions", pd.concat([rest, new], ignore_index=True) if len(rest) else new)
