"""Rules of the business that look at who a member is: the shop, an age limit."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import ParamError
from membership.settings.recommend import Rules

Fits = Callable[[np.ndarray, np.ndarray], np.ndarray]  # rows of members, columns of items (n,) -> may be listed (n,)


@dataclass(frozen=True)
class Fit:
    """To whom an item may be listed: `may(item's value, member's)`; `items` (I,), `members` by id.

    A member of whom nothing is known has the value `unknown`.
    """

    items: np.ndarray
    members: pd.Series
    unknown: float
    may: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def of(self, members: np.ndarray) -> Fits:
        """Return what says of rows of `members` (ids), -1 for anybody else, and columns, which may be listed."""
        values = of_rows(self.members, members, self.unknown)
        return lambda rows, items: self.may(self.items[items], values[rows])


def of_rows(known: pd.Series, members: np.ndarray, unknown: float) -> np.ndarray:
    """Return what is `known` of `members` (ids), (n + 1,), else `unknown`, which is also the last value: of row -1."""
    values = known.reindex(members).to_numpy(dtype=float)
    return np.append(np.where(np.isnan(values), unknown, values), unknown)


def columns(rules: Rules) -> list[str]:
    """Return the columns of table `members` that `rules` need."""
    return sorted({*rules.same, *rules.at_least.values()})


def fits(rules: Rules, described: pd.DataFrame, members: pd.DataFrame | None) -> list[Fit]:
    """Return a Fit for each rule; `described` has the attributes of each item, `members` is the canonical table.

    Raises ParamError where a column is missing, holds no numbers, or the two tables have no value in common.
    """
    if not columns(rules):
        return []
    people = pd.DataFrame() if members is None else members.set_index("member_id")
    found = [_same(name, described, people) for name in rules.same]
    return [*found, *(_at_least(*pair, described, people) for pair in rules.at_least.items())]


def _same(name: str, described: pd.DataFrame, people: pd.DataFrame) -> Fit:
    ours, theirs = (
        column("recommend.rules.same", "items", described, name),
        column("recommend.rules.same", "members", people, name),
    )
    code, _ = pd.factorize(pd.concat([ours, theirs]).astype("str"))  # an unknown value stays -1
    item, member = np.split(code, [len(ours)])
    if not np.isin(item[item >= 0], member).any():
        raise ParamError(
            f"recommend.rules.same: no item's {name!r} is that of any member; correct one of the two columns, or take "
            "the rule out."
        )
    return Fit(item, pd.Series(member, people.index), -1, lambda of, to: (of < 0) | (to < 0) | (of == to))


def _at_least(limit: str, name: str, described: pd.DataFrame, people: pd.DataFrame) -> Fit:
    ours = numbers("recommend.rules.at_least", "items", column("recommend.rules.at_least", "items", described, limit))
    theirs = numbers("recommend.rules.at_least", "members", column("recommend.rules.at_least", "members", people, name))
    return old_enough(ours.to_numpy(), theirs)


def old_enough(least: np.ndarray, ages: pd.Series) -> Fit:
    """Return the Fit of items whose `least` (I,), null for any, is not above a member's age, as of `ages` by id."""
    return Fit(least, ages, -np.inf, lambda least, has: np.isnan(least) | (has >= least))


def column(rule: str, table: str, frame: pd.DataFrame, name: str) -> pd.Series:
    """Return column `name` of `frame`, which is `table`. Raises ParamError, naming `rule` and what there is."""
    if name not in frame:
        raise ParamError(f"{rule}: table {table!r} has no column {name!r}; there are: {', '.join(frame.columns)}.")
    return frame[name]


def numbers(rule: str, table: str, values: pd.Series) -> pd.Series:
    """Return `values` of `table` as numbers, also where they are written as text. Raises ParamError, naming `rule`."""
    found = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = values[found.isna() & values.notna()]
    if len(wrong):
        raise ParamError(
            f"{rule}: {table}.{values.name} is no number in {len(wrong)} rows, e.g. "
            f"{str(wrong.iloc[0])!r}; write numbers, and nothing where it is unknown."
        )
    return found
