"""`make start FILES="..."`: look at people's own files, guess what they are, and write `params.yaml` and `dvc.yaml`.

Every guess stands in `params.yaml` with its reason as a comment; the earlier file is kept as `params.before.yaml`.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from membership.base import paths
from membership.base.errors import ParamError, ProjectError
from membership.base.schemas import CANCEL, KINDS, RETURN
from membership.data import ingest, purchases, suggest
from membership.data.canonical import Canonical
from membership.data.guessing import guess
from membership.data.guessing.found import Guess, Told
from membership.pipeline import started
from membership.settings import params

_PROVISIONAL = {
    "start": "1900-01-01",
    "calibration_end": "1920-01-01",
    "validation_end": "1940-01-01",
    "holdout_end": "1960-01-01",
}


_WINDOWS, _ENOUGH = 5, 7  # of a preset's repurchase_days, or of a month, that a history has at least
_MONTH = 30


@dataclass(frozen=True)
class Seen:
    """What the data hold once they are read and cleaned as mapped: counts, local days (both in), shares."""

    members: int
    events: int
    came_back: int  # orders, renewals, visits: whatever counts as coming back
    items: int  # different ones in those
    first_day: date
    last_day: date
    usual_gap_days: float | None  # median over members of their median days between two days of coming back
    with_amount: float  # share of events of coming back that have an amount
    left: int  # members who left
    had_before: float | None = None  # share of what members came back for, after their first day, had on an earlier day


def main(arguments: Sequence[str] | None = None) -> int:
    """Start on the files named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m membership.pipeline.start", description=__doc__.split("\n")[0])
    parser.add_argument("sources", nargs="*", metavar="FILE", help="files, folders, or <database url>::<table>")
    parser.add_argument(
        "--role", action="append", default=[], metavar="PART=COLUMN", help="e.g. member_id=Kunde, at=Datum"
    )
    parser.add_argument(
        "--kind", action="append", default=[], metavar="THEIRS=OURS", help="e.g. sold=purchase; sold= leaves rows out"
    )
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="FILE=TABLE",
        help="e.g. people=members (a file's name, no ending)",
    )
    parser.add_argument("--field", help="shop, subscription, content, travel, finance or service")
    parser.add_argument("--timezone", help="e.g. Europe/Berlin")
    parser.add_argument("--currency", help="e.g. EUR")
    parser.add_argument("--time-format", help="e.g. %%d/%%m/%%Y %%H:%%M, epoch_s, epoch_ms, excel_days")
    parser.add_argument("--year", type=int, help="of times that have none, with --time-format")
    parser.add_argument(
        "--begin", help="day from which times count that are hours or days since a start, e.g. 2018-07-27"
    )
    given = parser.parse_args(arguments)
    try:
        print(run(given.sources, _told(given)))
    except ProjectError as error:
        print(f"start: {error}", file=sys.stderr)
        return 1
    return 0


def run(sources: Sequence[str], told: Told) -> str:
    """Write `params.yaml` and the deps of stage ingest for `sources`; return what was guessed and seen, in words.

    Raises ProjectError where that is not possible; then nothing that was there has changed.
    """
    from membership.report import words

    if not sources:
        raise ParamError('no files; name them: make start FILES="data/raw/orders.csv data/raw/customers.csv".')
    found = guess.guess([str(Path(one).expanduser()) if "://" not in one else one for one in sources], told)
    with started.placed(found) as placed:
        field = found.field if (paths.root() / "presets" / f"{found.field}.yaml").exists() else None
        seen, instead = _seen(found, placed, field)
        fitting = _fitting(seen, found, placed, field)
        suggestions = (*instead, *fitting.suggestions)
        suggestions += _known_again(seen, started.settings(found, placed, field, _values(suggestions)))
        suggestions += _lists(seen, started.settings(found, placed, field, _values(suggestions)))
        params.parse(started.with_preset(started.settings(found, placed, field, _values(suggestions))))
        started.write(found, placed, field, suggestions, seen)
    return words.text("start", guess=found, seen=seen, fitting=fitting, paths=placed, preset=field)


def _known_again(seen: Seen, raw: dict[str, object]) -> tuple[suggest.Suggestion, ...]:
    """Lists of what members know as well, where the preset of `raw` puts new items first and the data speak against."""
    p = params.parse(started.with_preset(raw))
    return suggest.known_again(seen.had_before, p.recommend.explore, p.recommend.k, p.evaluate.primary_metric)


def _lists(seen: Seen, raw: dict[str, object]) -> tuple[suggest.Suggestion, ...]:
    """Lists that the items of the data are enough for, where those of `raw` and its preset are too long."""
    p = params.parse(started.with_preset(raw))
    return suggest.shorter_lists(seen.items, p.recommend.k, p.evaluate.primary_metric, p.decide.guardrails)


def _values(suggestions: Sequence[suggest.Suggestion]) -> dict[str, object]:
    return {one.key: one.value for one in suggestions}


def _fitting(seen: Seen, found: Guess, placed: dict[str, list[str]], field: str | None) -> suggest.Suggested:
    """Windows and day counts that fit the data; what the field's preset says of them stands where the data allow it.

    A preset's repurchase_days is the convention of its field: windows are then as long at least.
    """
    below = started.with_preset(started.settings(found, placed, field, {}))
    days, history = below.get("economics", {}).get("repurchase_days"), (seen.last_day - seen.first_day).days + 1
    if days is None or _WINDOWS * days > history:
        fitting = suggest.suggest(seen.first_day, seen.last_day, seen.usual_gap_days)
        left = fitting.changes["economics.repurchase_days"]
        if days is None or left >= days:
            return fitting
        short = suggest.shorter_than_usual(left, days, history, _WINDOWS * days)
        told = [
            replace(one, reason=f"{one.reason}; {days} as usual in this field need {_WINDOWS * days} days of history")
            if one.key == "economics.repurchase_days"
            else one
            for one in fitting.suggestions
        ]
        return suggest.Suggested(tuple(told), (*fitting.not_possible, short))
    fitting = suggest.suggest(seen.first_day, seen.last_day, days / 1.5)
    window, end = max(days, min(_MONTH, history // _ENOUGH)), seen.last_day + timedelta(days=1)
    moved = {
        "windows.validation_end": (end - timedelta(days=window), f"{window} days before holdout_end"),
        "windows.calibration_end": (end - timedelta(days=2 * window), f"{window} days before validation_end"),
        "train.origin_step_days": (window, "as long as the validation"),
    }
    horizon = below.get("value", {}).get("horizon_days")
    fits = horizon is not None and 2 * horizon + 3 * window <= history - window  # it can be judged twice
    said = ["economics.repurchase_days", *(["value.horizon_days"] if fits else [])]
    said += ["lifecycle.lapsed_days"] if "lapsed_days" in below.get("lifecycle", {}) else []
    kept = [one for one in fitting.suggestions if one.key not in said]
    new = {key: {"value": value, "reason": reason} for key, (value, reason) in moved.items()}
    return replace(fitting, suggestions=tuple(replace(one, **new.get(one.key, {})) for one in kept))


def _seen(found: Guess, placed: dict[str, list[str]], field: str | None) -> tuple[Seen, tuple[suggest.Suggestion, ...]]:
    """What the pipeline will read, and what counts as coming back where nothing that usually does is there."""

    def read(**instead: object) -> tuple[Canonical, date]:
        provisional = {f"windows.{key}": day for key, day in _PROVISIONAL.items()} | instead
        p = params.parse(started.with_preset(started.settings(found, placed, field, provisional)))
        return ingest.known(p, None)

    data, end = read()
    kinds = data.events.loc[~data.events["kind"].isin([RETURN, CANCEL]), "kind"].value_counts()
    if purchases.is_purchase(data.events).any() or kinds.empty:
        return _counted(data, end), ()
    why = f"nothing that usually counts is in the data; {kinds.index[0]} is what most events are"
    instead = suggest.Suggestion("economics.comes_back", [kinds.index[0]], why)
    return _counted(*read(**{instead.key: instead.value})), (instead,)


def _counted(data: Canonical, end: date) -> Seen:
    back = data.events[purchases.is_purchase(data.events)]
    days = back.assign(day=back["local_at"].dt.normalize())[["member_id", "day"]].drop_duplicates()
    days = days.sort_values(["member_id", "day"])
    gaps = days.groupby("member_id")["day"].diff().dt.days.dropna()
    usual = gaps.groupby(days["member_id"]).median().median()
    orders = len(back.assign(order=purchases.order)[["member_id", "order"]].drop_duplicates()) if len(back) else 0
    return Seen(
        members=len(data.members),
        events=len(data.events),
        came_back=orders,
        items=back["item_id"].nunique(),
        first_day=data.events["local_at"].min().date(),
        last_day=end - timedelta(days=1),
        usual_gap_days=None if pd.isna(usual) else float(usual),
        with_amount=float((back["amount"] != 0).mean()) if len(back) else 0.0,
        left=int(data.members["left_at"].notna().sum()) if "left_at" in data.members else 0,
        had_before=_had_before(back),
    )


def _had_before(back: pd.DataFrame) -> float | None:
    """See `Seen.had_before`: in the first half of the days, which no window judges; None where nothing tells it."""
    day = back["local_at"].dt.normalize()
    early = back.assign(day=day)[day <= day.min() + (day.max() - day.min()) / 2]
    had = early.dropna(subset=["item_id"])[["member_id", "item_id", "day"]].drop_duplicates().sort_values("day")
    later = had["day"] > had.groupby("member_id")["day"].transform("min")
    return float(had.duplicated(["member_id", "item_id"])[later].mean()) if later.any() else None


def _told(given: argparse.Namespace) -> Told:
    kinds = {theirs: ours or None for theirs, ours in _pairs(given.kind, "--kind")}
    wrong = [f"--kind {theirs}={ours}" for theirs, ours in kinds.items() if ours is not None and ours not in KINDS]
    if wrong:
        raise ParamError(
            f"{wrong[0]}: no such kind of event; allowed: {', '.join(KINDS)}, or nothing for rows to leave out."
        )
    begin = pd.to_datetime(given.begin, errors="coerce") if given.begin else None
    if begin is pd.NaT:
        raise ParamError(f"--begin {given.begin}: no date; allowed: a day such as 2018-07-27.")
    told = Told(
        kinds=kinds,
        field=given.field,
        timezone=given.timezone,
        currency=given.currency,
        time_format=given.time_format,
        year=given.year,
        begin=begin,
    )
    return replace(told, roles=dict(_pairs(given.role, "--role")), tables=dict(_pairs(given.table, "--table")))


def _pairs(given: Sequence[str], option: str) -> list[tuple[str, str]]:
    for one in given:
        if "=" not in one:
            raise ParamError(f"{option} {one}: two words with = between them are needed, e.g. --role member_id=Kunde.")
    pairs = dict.fromkeys(tuple(one.split("=", 1)) for one in given)
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        both = " and ".join(f"{option} {name}={value}" for name, value in pairs if name == twice)
        raise ParamError(f"{both}: {twice} can be one of them alone; take the others out.")
    return list(pairs)


if __name__ == "__main__":
    sys.exit(main())
