"""Attributes of members as covariates: numbers as they are, texts as one column for each frequent value."""

from collections.abc import Sequence

import pandas as pd

from membership.base.errors import ParamError

VALUES = 8  # of a text attribute that get a column of their own, the most frequent


def columns(members: pd.DataFrame, names: Sequence[str], who: pd.Series) -> pd.DataFrame:
    """Return the attributes `names` of table `members` for each of `who` (rows,), index of `who`; unknown: the mean.

    Raises ParamError for an attribute that the table does not have.
    """
    found = pd.DataFrame(index=who.index)
    for name in names:
        if name not in members:
            raise ParamError(
                f"params.yaml: campaigns.attributes: {name}: no such column of members; allowed: "
                f"{', '.join(column for column in members if column != 'member_id')}. Map it in dataset.files.members."
            )
        values = members.set_index("member_id")[name].reindex(who)
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.notna().sum() == values.notna().sum():
            found[name] = numbers.fillna(numbers.mean()).fillna(0.0).to_numpy(dtype=float)
            continue
        frequent = values.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:VALUES]
        for value in frequent:
            found[f"{name}={value}"] = values.eq(value).to_numpy(dtype=float)
    return found
