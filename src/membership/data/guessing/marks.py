"""How the numbers of a table are written: the mark before the cents and the one between thousands."""

from collections.abc import Mapping

from membership.data.guessing import cells, roles
from membership.data.guessing.cells import Column, Marks
from membership.data.guessing.found import Remark
from membership.data.guessing.roles import Part

NUMBERS = ("amount", "quantity", "discount", "cost", "propensity", "measure", "rate", "limit", *roles.FLOWS)
_Pair = tuple[str, str | None]  # decimal, thousands


def of_parts(
    parts: Mapping[str, Part], columns: Mapping[str, Column], delimiter: str | None
) -> tuple[dict[str, Marks], list[Remark]]:
    """Return part -> how its numbers are written: as most columns of the file are, where that fits."""
    numeric = {role: columns[parts[role].column] for role in NUMBERS if role in parts}
    numeric = {role: one for role, one in numeric.items() if one.is_number}
    usual, remarks = _usual(columns, delimiter), []
    for one in numeric.values():
        if one.undecided:
            usual = _chosen(one, usual, delimiter)
            what = {"column": one.name, "example": one.seen[0], "thousands": usual[1] is not None}
            remarks.append(Remark("decimal", "undecided", what))
    return _alike({role: one.marks(_for(one, usual)) for role, one in numeric.items()}, numeric), remarks


def _usual(columns: Mapping[str, Column], delimiter: str | None) -> _Pair | None:
    """The marks that fit most columns whose cells leave no doubt; None where there is no such column."""
    decided = [one for one in columns.values() if one.is_number and not (one.undecided or one.is_whole or one.is_code)]
    votes = {marks: sum(_fits(one, marks) for one in decided) for marks in cells.MARKS}
    point = "," if delimiter == ";" else "."
    order = sorted(cells.MARKS, key=lambda marks: (marks[0] != point, cells.MARKS.index(marks)))
    most = max(votes.values(), default=0)
    return next((marks for marks in order if most and votes[marks] == most), None)


def _chosen(one: Column, usual: _Pair | None, delimiter: str | None) -> _Pair:
    """The marks of a column whose only mark may stand before cents or between thousands."""
    if usual is None and delimiter == ";":
        usual = (",", ".") if all("." in value for value in one.seen[:50]) else (",", None)
    if usual is None or not _fits(one, _wider(usual)):
        usual = ("." if any("." in value for value in one.seen) else ",", None)
    return usual if _fits(one, usual) else _wider(usual)


def _alike(found: dict[str, Marks], numeric: Mapping[str, Column]) -> dict[str, Marks]:
    """Let whole numbers, which any marks fit, have those of the others, and all of them the same where they can."""
    whole = {role for role in found if numeric[role].is_whole}
    shared = next((marks for role, marks in found.items() if role not in whole), None)
    if shared is None:
        return found
    pair = (shared.decimal, shared.thousands)
    found = found | {role: _with(found[role], pair) for role in whole if _fits(numeric[role], pair)}
    widest = next(((marks.decimal, marks.thousands) for marks in found.values() if marks.thousands), None)
    if widest and all(_fits(numeric[role], widest) for role in found):
        return {role: _with(marks, widest) for role, marks in found.items()}
    return found


def _with(marks: Marks, pair: _Pair) -> Marks:
    return Marks(*pair, marks.currency, marks.loose)


def _fits(column: Column, pair: _Pair) -> bool:
    return column.fits.get(pair, 0) >= cells.ENOUGH


def _wider(pair: _Pair) -> _Pair:
    return pair if pair[1] else (pair[0], "," if pair[0] == "." else ".")


def _for(column: Column, usual: _Pair | None) -> _Pair | None:
    return usual if usual is None or _fits(column, usual) else _wider(usual)
