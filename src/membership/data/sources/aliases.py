"""Ids that are one member: people of a household, accounts of one person."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import engine
from membership.base.errors import DataError
from membership.data.sources.parsing import parsed
from membership.settings.dataset import Dataset

UNITED = "aliases_members"  # in what a source found: ids that are united with another


def read(dataset: Dataset) -> dict[str, str]:
    """Return id of the source -> the member that it is, as `dataset.files.aliases` maps it."""
    if dataset.files.aliases is None:
        return {}
    return checked(parsed(engine.connect(), "aliases", dataset.files.aliases, dataset.timezone))


def member(dataset: Dataset, one: str) -> str:
    """Return the member that the id `one` of the source is."""
    return read(dataset).get(one, one)


def of_member(dataset: Dataset, member: str) -> list[str]:
    """Return the ids of the source that are `member`, its own first."""
    return [member, *(one for one, other in read(dataset).items() if other == member != one)]


def checked(rows: ir.Table) -> dict[str, str]:
    """Return the same of parsed `rows`; of an id that comes twice the last row stands.

    Raises DataError, naming file and row, for an empty cell, and for a member that is another member's alias.
    """
    found = rows.order_by("file", "row").to_pandas()
    blank = found["source_id"].isna() | found["member_id"].isna()
    _refuse(found[blank], "an empty cell", "an id in source_id and in member_id")
    found = found.drop_duplicates("source_id", keep="last")
    others = found.loc[found["source_id"] != found["member_id"], "source_id"]
    chain = found["member_id"].isin(others)
    _refuse(found[chain], "a member that is itself an alias", "the last id of each chain as member_id")
    return dict(zip(found["source_id"], found["member_id"], strict=True))


def united(rows: ir.Table, member_of: Mapping[str, str]) -> ir.Table:
    """Return `rows` with member_id of the member that each id is; ids that no alias names stay."""
    if not member_of:
        return rows
    table = ibis.memtable({"member_id": list(member_of), "united": list(member_of.values())})
    both = rows.left_join(table, "member_id").drop("member_id_right")
    return both.mutate(member_id=both.united.fill_null(both.member_id)).drop("united")


def members(rows: ir.Table, member_of: Mapping[str, str]) -> ir.Table:
    """Return `rows` of table `members` for `files._last`: united, so that a member's own row comes last.

    Who is united joined with the first of them, and left where and when all of them had.
    """
    if not member_of:
        return rows
    own = rows.member_id
    found = united(rows.mutate(own=own), member_of)
    found = found.mutate(file=(found.own == found.member_id).ifelse("1", "0") + found.file).drop("own")
    spans = {}
    if "joined_at" in found.columns:
        spans["joined_at"] = found.joined_at.min().over(group_by="member_id")
    if "left_at" in found.columns:
        left, all_of_them = (one.count().over(group_by="member_id") for one in (found.left_at, found.member_id))
        spans["left_at"] = (left == all_of_them).ifelse(found.left_at.max().over(group_by="member_id"), None)
    return found.mutate(**spans)


def _refuse(rows: pd.DataFrame, what: str, allowed: str) -> None:
    if len(rows):
        first = rows.iloc[0]
        raise DataError(
            f"{first['file']}: dataset.files.aliases: {len(rows)} rows with {what}, e.g. row {first['row']} "
            f"({first['source_id']} is {first['member_id']}). Allowed: {allowed}. Fix the file."
        )
