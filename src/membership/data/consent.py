"""What members allow: table `consent`, a row a member and purpose; who said nothing has refused nothing.

- `offers`: no benefit, personal offer or item list of one's own.
- `trials`: no part in live tests, and none in the holdout.
- `profiling`: no row in `actions`.
"""

import pandas as pd

from membership.base import engine, tables
from membership.base.errors import DataError
from membership.base.schemas import PURPOSES
from membership.data.sources import aliases
from membership.data.sources.parsing import parsed
from membership.settings.dataset import Dataset

OFFERS, TRIALS, PROFILING = PURPOSES
_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_SHOWN = 3


def read(dataset: Dataset, members: pd.Series) -> pd.DataFrame:
    """Return what `members` (ids) allow, as `dataset.consent` maps it; without a mapping: no row.

    Of a member and purpose the last row stands, and of members who are united a no; rows of others are left out.
    Raises DataError, naming file, column and row, for a purpose or an answer that is none.
    """
    if dataset.consent is None:
        return tables.empty("consent")
    rows = parsed(engine.connect(), "consent", dataset.consent, dataset.timezone).order_by("file", "row").to_pandas()
    rows["purpose"] = _known(rows, "purpose", dict(zip(PURPOSES, PURPOSES, strict=True)))
    rows["allowed"] = _known(rows, "allowed", _ANSWERS)
    rows = rows.drop_duplicates(["member_id", "purpose"], keep="last")
    rows["member_id"] = rows["member_id"].replace(aliases.read(dataset))
    rows = rows.groupby(["member_id", "purpose"], as_index=False)["allowed"].all()  # of a household, each has a veto
    return tables.check("consent", rows[rows["member_id"].isin(members)])


def stored() -> pd.DataFrame:
    """Return table `consent`; no row where an earlier version has left none."""
    return tables.read("consent") if tables.ALL["consent"].path().exists() else tables.empty("consent")


def refused(consent: pd.DataFrame, purpose: str) -> pd.Series:
    """Return the ids of members who said no to `purpose`, one of PURPOSES."""
    if purpose not in PURPOSES:
        raise ValueError(f"{purpose!r} is no purpose; there are: {', '.join(PURPOSES)}")
    return consent.loc[(consent["purpose"] == purpose) & ~consent["allowed"].astype(bool), "member_id"]


def personal(consent: pd.DataFrame) -> pd.DataFrame:
    """Return who gets nothing of one's own (member_id), and whether no forecast is told of them either (profiling)."""
    no = refused(consent, PROFILING)
    members = pd.concat([refused(consent, OFFERS), no]).drop_duplicates().sort_values(ignore_index=True)
    return pd.DataFrame({"member_id": members.astype("str"), "profiling": members.isin(no)})


def respected(frame: pd.DataFrame, consent: pd.DataFrame, purpose: str) -> pd.DataFrame:
    """Return the rows of `frame` (by column or index member_id) of members who did not say no to `purpose`."""
    members = frame["member_id"] if "member_id" in frame else frame.index.to_series()
    return frame[~members.isin(refused(consent, purpose)).to_numpy()]


def _known(rows: pd.DataFrame, column: str, meant: dict) -> pd.Series:
    found = rows[column].str.strip().str.lower().map(meant)
    wrong = rows[found.isna()].head(_SHOWN)
    if len(wrong):
        cells = ", ".join(f"{one[column]!r} in row {one['row']}" for _, one in wrong.iterrows())
        raise DataError(
            f"{wrong['file'].iloc[0]}: {column} (dataset.consent): {cells}; allowed: {', '.join(meant)}. "
            "Correct the file."
        )
    return found
