"""Members in a packed scorer: by number inside, by pseudonym at its door, by their ids nowhere.

The numbers follow the order of the ids, so that the scorer computes in the same order as the batch run and no answer
depends on the key of the pseudonyms.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.data import pseudonyms

NAMES = "pseudonyms.parquet"  # in the folder of a scorer: number, pseudonym
_MADE = ("order_id", "contract_id")
_INSIDE = "\ue000"  # begins every number: no id that is sent


def hide(folder: Path) -> None:
    """Put numbers in place of ids into all tables of the scorer in `folder`, and beside them whose number is whose."""
    known = pd.read_parquet(folder / "members.parquet", columns=["member_id"])["member_id"].astype("str")
    found = {path: pd.read_parquet(path) for path in sorted(folder.rglob("*.parquet"))}
    found = {path: frame for path, frame in found.items() if "member_id" in frame}
    ids = pd.Index(known).union(pd.unique(pd.concat([frame["member_id"] for frame in found.values()])))
    numbers = pd.Series([f"{_INSIDE}{number:09d}" for number in range(len(ids))], ids)
    for path, frame in found.items():
        rows = 20_000 if path.stem == "events" else None
        codes = {name: _codes(frame[name]) for name in _MADE if name in frame}  # these may be made of the member's id
        hidden = frame.assign(member_id=frame["member_id"].map(numbers).astype("str"), **codes)
        hidden.to_parquet(path, index=False, row_group_size=rows)
    named = pd.DataFrame({"number": numbers.to_numpy(), "pseudonym": pseudonyms.of(pd.Series(ids)).to_numpy()})
    named.sort_values("pseudonym").to_parquet(folder / NAMES, index=False)


def _codes(ids: pd.Series) -> pd.Series:
    """Return a text for each of `ids` that tells only which are equal and in which order they are; null stays null."""
    places, there = pd.factorize(ids, sort=True)
    codes = np.array([*(f"{place:09d}" for place in range(len(there))), None], dtype=object)
    return pd.Series(codes[places], ids.index).astype("str")  # place -1, of null, is the last


def numbers(folder: Path, called: set[str]) -> set[str]:
    """Return the numbers of those who are called so in the scorer in `folder`."""
    names = pd.read_parquet(folder / NAMES)
    return set(names.loc[names["pseudonym"].isin(called), "number"])


class Door:
    """Gives each member who is asked for by pseudonym the number inside, and back; without names it changes nothing."""

    def __init__(self, folder: Path):
        """Read what `hide` left, if it did."""
        path = folder / NAMES
        names = pd.read_parquet(path) if path.exists() else pd.DataFrame({"number": [], "pseudonym": []})
        self._inside = dict(zip(names["pseudonym"], names["number"], strict=True))
        self._outside = dict(zip(names["number"], names["pseudonym"], strict=True))

    def inside(self, member: str) -> str:
        """Return the number of a member, or, of whom nothing is known, the id as it was sent."""
        if member.startswith(_INSIDE):
            raise DataError(f"member_id = {member!r}: allowed: pseudonyms of the batch run, or ids of others.")
        return self._inside.get(member, member)

    def outside(self, member: str) -> str:
        """Return what `inside` was given."""
        return self._outside.get(member, member)
