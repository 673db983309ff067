"""The mapping of each canonical table, as its files lie there, or, where that cannot be said, rows to write anew."""

from collections.abc import Mapping, Sequence

import pandas as pd

from membership.base import schemas
from membership.base.schemas import PURCHASE
from membership.data.guessing import campaigns, kinds, meanings, plans, roles, several, words, writing
from membership.data.guessing.build import Build, build
from membership.data.guessing.found import Group, Remark, TableGuess, Told
from membership.settings.dataset import ITEM_COLUMNS

_KNOWN_NONE = ("", "NULL", "null", "NaN", "nan")  # cells that the pipeline's reader takes for nothing
_NOBODY = (
    "-1",
    "guest",
    "gast",
    "anonymous",
    "unknown",
    "none",
    "n/a",
    "\\n",
    "invite",
    "invitado",
    "ospite",
    "?",
    "-",
)
_MANY = 5  # times the rows of the next member: whoever has that many under the id 0 is nobody


def tables(named: Mapping[str, Sequence[Group]], told: Told) -> dict[str, TableGuess]:
    """Return the mapping of each table; files of one table in several layouts are written anew as one."""
    joined = _joined(named.get("members", ()))
    found: dict[str, TableGuess] = {}
    for table, groups in named.items():
        builds = [build(table, group, told, joined) for group in groups]
        found[table] = meanings.with_named_kind(_mapped(builds[0])) if len(builds) == 1 else _united(builds)
        if table == "events" and (books := _books(groups[0], told)) is not None:
            found["points"] = books
        if table == "events" and builds[0].kinds is not None and builds[0].kinds.reached:
            found["exposures"] = campaigns.reached(builds[0])
    if "contracts" in found and "events" not in found:
        written = found["contracts"].converted
        rows = written if written is not None else _written(build("contracts", named["contracts"][0], told, joined))
        found = several.alone(found, rows)
    if "exposures" in found and "offers" in found and found["exposures"].converted is not None:
        found |= campaigns.by_wave(found["exposures"], found["offers"])
    return found


def _written(one: Build) -> pd.DataFrame:
    """The rows of one group of files, written anew."""
    rows = writing.rows(one, {ours: name for ours, (name, _) in _columns(one).items()})
    return plans.with_periods(one, rows) if one.table == "contracts" else rows


def _joined(groups: Sequence[Group]) -> pd.Timestamp | None:
    """The day after the last member joined: a start for times that count from one that nobody says."""
    for group in groups:
        part = roles.parts("members", group.columns, dict(group.laid.made or {})).get("joined_at")
        if part is not None:
            last = writing.moments(group.columns[part.column], group.columns[part.column].time_formats[0]).max()
            return last.normalize() + pd.Timedelta(days=1)
    return None


def _mapped(one: Build) -> TableGuess:
    """The mapping of one group of files; its rows, too, where no mapping can say what they hold."""
    why = one.group.why if not one.group.plain else _unsaid(one)
    columns, remarks = _columns(one), list(one.remarks)
    constants = {"constants": dict(one.constants)} if one.constants else {}
    extra: dict[str, object] = {**one.extra}
    if one.kinds is not None:
        extra["kinds"] = dict(one.kinds.known)
        remarks += [Remark(f"kinds.{kind}", "kind_unknown") for kind in one.kinds.unknown]
    if nobody := _nobody(one):
        extra["nobody"] = nobody
    if one.table == "contracts":
        extra |= plans.plans(one)
    remarks += [
        Remark(f"columns.{canonical}", "part", {"part": part}) for canonical, (_, part) in columns.items() if part
    ]
    parts = dict(one.parts)
    if why:
        written = _written(one)
        mapping = {"columns": {ours: ours for ours in written}} | constants | extra
        return TableGuess(
            one.table,
            one.group.sources,
            mapping,
            parts,
            (Remark("paths", "written", {"why": why, "group": one.group}), *remarks),
            written,
        )
    mapping = {"columns": {ours: name for ours, (name, _) in columns.items()}} | constants | extra | _shape(one)
    return TableGuess(one.table, one.group.sources, mapping, parts, tuple(remarks))


def _shape(one: Build) -> dict[str, object]:
    """How the files are written, where it is not what the pipeline's reader takes for granted."""
    usual = (("encoding", "utf-8"), ("delimiter", ","))
    shape = {key: value for key, value in one.group.sources[0].shape.items() if (key, value) not in usual}
    marks = next(iter(one.marks.values()), None)
    if marks is not None:
        shape |= {"decimal": marks.decimal} if marks.decimal != "." else {}
        shape |= {"thousands": marks.thousands} if marks.thousands else {}
    form = next(iter(one.formats.values()), "iso")
    return shape | ({"time_format": form} if form != "iso" else {})


def _columns(one: Build) -> dict[str, tuple[str, object]]:
    """Canonical column -> the file's column and, where guessed, its part; attributes of members and items, too."""
    known = schemas.READ[one.table].columns if one.table in schemas.READ else {}
    names = roles.canonical(one.table)
    found: dict[str, tuple[str, object]] = {}
    for role, part in one.parts.items():
        canonical = names.get(role, role)
        if (
            not known
            or canonical in known
            or (one.table == "events" and canonical in ITEM_COLUMNS)
            or one.table in ("members", "items")
        ):
            found[canonical] = (part.column, part)
    if one.table in ("members", "items"):
        used = {column for column, _ in found.values()} | set(one.group.laid.used)
        for name, column in one.group.columns.items():
            attribute = words.plain(name).replace(" ", "_") or "column"
            if (
                name not in used
                and column.distinct > 1
                and not name.endswith(" (made)")
                and attribute not in found
                and attribute not in known
            ):
                found[attribute] = (name, None)
    return found


def _unsaid(one: Build) -> str:
    """Why no mapping can say what the files hold; nothing where one can."""
    if any(marks.loose for marks in one.marks.values()):
        return "signs"
    if len({(marks.decimal, marks.thousands) for marks in one.marks.values()}) > 1:
        return "several_marks"
    if len(set(one.formats.values())) > 1:
        return "several_times"
    if "relative" in one.formats.values():
        return "relative"
    if "period" in one.parts and plans.spelled(one.group.columns[one.parts["period"].column]):
        return "periods"
    typed = [one.parts[role].column for role in (*one.formats, *one.marks) if role in one.parts]
    for name in typed:
        cells = one.group.columns[name].cells.dropna().str.strip()
        odd = set(cells[cells.str.lower().isin({"?", "-", "n/a", "na", "nat", "none", "\\n"})]) - set(_KNOWN_NONE)
        if odd:
            return "odd_nothing"
    return ""


def _nobody(one: Build) -> list[str]:
    """Member ids that stand for nobody: words that say so, and 0 where it has far more rows than any other."""
    part = one.parts.get("member_id")
    if part is None or one.table != "events":
        return []
    counts = one.group.columns[part.column].cells.str.strip().value_counts()
    found = [value for value in counts.index if value.lower() in _NOBODY]
    others = counts.drop(index=["0", *found], errors="ignore")
    zero = len(others) > 1 and counts.get("0", 0) > _MANY * others.iloc[0] + 1
    return [*found, *(["0"] if zero else [])]


def _united(builds: Sequence[Build]) -> TableGuess:
    """Several layouts of one table, written anew as one; a file of events of no kind has the one that its name says."""
    frames, columns = [], {}
    for one in builds:
        mine = _columns(one)
        rows = writing.rows(one, {ours: name for ours, (name, _) in mine.items()})
        if one.table == "events":
            happened = meanings.kind_of(one.group.name) or PURCHASE
            if one.kinds is not None and one.kinds.known:  # empty: they are called as here
                rows["kind"] = rows["kind"].str.strip().map(dict(one.kinds.known)).replace(kinds.HAPPENED, happened)
                rows = rows[rows["kind"].notna()]
            elif "kind" not in rows:
                rows["kind"] = happened
            if one.extra.get("amount") == "unit_price":
                rows["amount"] = (
                    pd.to_numeric(rows["amount"], errors="coerce") * pd.to_numeric(rows["quantity"], errors="coerce")
                ).map(lambda value: None if pd.isna(value) else f"{value:.4f}")
        frames.append(rows)
        columns |= mine
    whole = pd.concat(frames, ignore_index=True)
    remarks = [Remark("paths", "written", {"why": "several", "group": builds[0].group})]
    remarks += [Remark(f"columns.{ours}", "part", {"part": part}) for ours, (_, part) in columns.items() if part]
    parts = {role: part for one in reversed(builds) for role, part in one.parts.items()}
    extra = {"negative_amounts": "returns"} if any(one.extra.get("negative_amounts") for one in builds) else {}
    sources = tuple(source for one in builds for source in one.group.sources)
    return TableGuess(
        builds[0].table,
        sources,
        {"columns": {name: name for name in whole.columns}} | extra,
        parts,
        tuple(remarks),
        whole,
    )


def _books(group: Group, told: Told) -> TableGuess | None:
    """The books of points, where the rows of events have what was earned and what was redeemed."""
    parts = roles.parts("points", group.columns, dict(group.laid.made or {}))
    whole = {"member_id", "at", "earned", "redeemed"} <= set(parts)
    return _mapped(build("points", group, told, None)) if whole else None
