"""What a request to the scorer may hold, and in words what is wrong with one that holds something else.

A row is a member: `member_id`, and, for a member whose behaviour is sent along, `events` (a list of objects with the
fields below) and `joined_at` (an ISO date). A row without `events` asks for what the batch run knows of that member.
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.base.schemas import KINDS
from membership.data import meaning, purchases
from membership.settings.clean import Clean
from membership.settings.economics import Economics
from membership.trials import log

REQUIRED = ("kind", "local_at")
TEXTS = ("item_id", "order_id", "channel")  # may be missing or null
NUMBERS = {"quantity": 1, "amount": 0, "discount": 0}  # whole; what counts where they are missing
MEASURE = "measure"  # a number, which may be missing or null
FIELDS = (*REQUIRED, *TEXTS, *NUMBERS, MEASURE)
OLDEST = 365  # days after which models are too old to answer from: habits, prices and the catalogue have changed
_MOST = 1e12  # what no line comes near
_ZONE = r"(?:Z|[+-]\d\d:?\d\d|[T ].*[+-]\d\d)$"


@dataclass(frozen=True)
class Request:
    """A checked request: `members` (n,) as asked, `sent` (n,) whether events came with it.

    `events` is a frame with the columns that the batch run reads of table `events`; `joined_at` (member_id -> time,
    null where unknown) is of those who sent events.
    """

    members: np.ndarray
    sent: np.ndarray
    events: pd.DataFrame
    joined_at: pd.Series

    def named(self, names: Callable[[str], str]) -> "Request":
        """Return it with the members called as `names` says."""
        events = self.events
        if "member_id" in events:
            events = events.assign(member_id=events["member_id"].map(names).astype("str"))
        members = np.array([names(one) for one in self.members.tolist()])
        return Request(members, self.sent, events, self.joined_at.rename(index=names))


def clock(now: Any, as_of: date, name: str = "now") -> datetime:
    """Return the moment for which members are scored: `now`, an ISO time, or the first moment of `as_of`.

    `name` is what the one who asks calls it.

    Raises DataError where it is no such time, before `as_of`, or OLDEST days or more after it.
    """
    start = datetime.combine(as_of, time())
    if now is None:
        return start
    found, given = _times([now]).iloc[0], f"{name} = {now!r}"
    if pd.isna(found):
        raise DataError(f"{given}: allowed: an ISO time on the members' wall clock, without a zone, from {as_of} on.")
    if found < start:
        raise DataError(
            f"{given}: the batch run is as of {as_of} and knows what came before; allowed: that day and later."
        )
    if (found - start).days >= OLDEST:
        raise DataError(
            f"{given}: the models were made {(found - start).days} days before it, as of {as_of}; allowed: fewer than "
            f"{OLDEST}. Set windows.as_of to a later day, run `dvc repro`, and serve the model that it registers."
        )
    return found.to_pydatetime()


def read(rows: pd.DataFrame, now: datetime, limits: Clean, economics: Economics) -> Request:
    """Check `rows` of a request at the moment `now`, before which everything is known.

    What cleaning would have dropped or corrected by `limits` is refused: the batch run never counts it as it stands.
    What the kinds of events mean is what `economics` says.

    Raises DataError, saying which member's which value is wrong and what is allowed.
    """
    if "member_id" not in rows:
        raise DataError(f"column member_id is missing; there are: {', '.join(map(str, rows.columns)) or 'none'}.")
    if rows.empty:
        raise DataError("the request holds no member; send one row a member, with its member_id.")
    members = _members(rows["member_id"].tolist())
    cells = rows["events"].tolist() if "events" in rows else [None] * len(rows)
    lists = {member: _listed(cell, member) for member, cell in zip(members, cells, strict=True)}
    sent = np.array([lists[member] is not None for member in members])
    joined = dict(zip(members, rows["joined_at"], strict=True)) if "joined_at" in rows else {}
    given = [(member, event) for member, found in lists.items() for event in found or ()]
    if not sent.any():
        return Request(np.array(members), sent, pd.DataFrame(), pd.Series(dtype="datetime64[us]"))
    asked = [member for member in members if lists[member] is not None]
    return Request(np.array(members), sent, _events(given, now, limits, economics), _joined(joined, asked, now))


def top(k: Any, most: int) -> int:
    """Return how many items are asked for. Raises DataError where that is no whole number from 1 to `most`."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= most:
        raise DataError(f"k = {k}: allowed: whole numbers, 1 to {most} (recommend.k of the batch run).")
    return int(k)


def own_id(request_id: str | None) -> str:
    """Return `request_id`, or a new one. Raises DataError where it is no text that the log of trials can hold."""
    _short("request_id", [request_id or ""])
    return request_id or uuid.uuid4().hex


def _short(name: str, given: list) -> None:
    """Raise DataError where one of `given` is no text or longer than the log of trials takes."""
    if wrong := [one for one in given if not _is_text(one) or len(one) > log.LONGEST[name]]:
        raise DataError(f"{name} = {str(wrong[0])[:80]!r}: allowed: text of at most {log.LONGEST[name]} characters.")


def _members(given: list) -> list[str]:
    wrong = [one for one in given if not _is_text(one) or not one]
    if wrong:
        raise DataError(f"member_id = {wrong[0]!r}: allowed: ids as text, as in table 'members'.")
    _short("member_id", given)
    if len(set(given)) < len(given):
        twice = Counter(given).most_common(1)[0][0]
        raise DataError(f"member_id = {twice!r} is there twice; send one row a member.")
    return given


def _listed(cell: Any, member: str) -> Sequence[Any] | None:
    """Return the events of one row, None where it has no such cell."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return None
    if isinstance(cell, str):  # as a CSV has it
        try:
            cell = json.loads(cell)
        except json.JSONDecodeError as error:
            raise DataError(f"member {member!r}: events are no JSON list ({error}).") from error
    if not isinstance(cell, list | tuple | np.ndarray):
        raise DataError(f"member {member!r}: events are {type(cell).__name__}; allowed: a list of objects.")
    return cell


def _joined(given: dict[str, Any], members: list[str], now: datetime) -> pd.Series:
    texts = [given.get(member) for member in members]
    missing = np.array([one is None or isinstance(one, float) for one in texts])
    times = _times(texts)
    wrong = (times.isna() & ~missing) | (times >= now)
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        raise DataError(f"member {members[at]!r}: joined_at = {texts[at]!r}: allowed: an ISO date before {_said(now)}.")
    return times.set_axis(pd.Index(members, name="member_id"))


def _events(given: list[tuple[str, Any]], now: datetime, limits: Clean, economics: Economics) -> pd.DataFrame:
    for member, event in given:
        if not isinstance(event, dict):
            raise DataError(f"member {member!r}: event {event!r}: allowed: an object with {', '.join(FIELDS)}.")
        if lacks := [name for name in REQUIRED if event.get(name) is None]:
            raise DataError(f"member {member!r}: an event has no {' and no '.join(lacks)}: {event!r}.")
        if others := event.keys() - set(FIELDS):
            raise DataError(f"member {member!r}: event field {min(others)!r}: unknown; there are: {', '.join(FIELDS)}.")
    members = [member for member, _ in given]
    columns = {name: [event.get(name) for _, event in given] for name in FIELDS}
    _refuse([kind not in KINDS for kind in columns["kind"]], members, "kind", columns, f"one of {', '.join(KINDS)}")
    for name in TEXTS:
        wrong = [not (value is None or _is_text(value)) for value in columns[name]]
        _refuse(wrong, members, name, columns, "text, or nothing")
    found = {name: _whole(columns, name, members) for name in NUMBERS}
    wrong = [not (value is None or _is_number(value)) for value in columns[MEASURE]]
    _refuse(wrong, members, MEASURE, columns, "a number, or nothing")
    found[MEASURE] = pd.Series(columns[MEASURE], dtype="float64")
    kinds = meaning.meant(pd.DataFrame({"kind": columns["kind"]}), economics)
    bought, returned = purchases.is_purchase(kinds), purchases.is_return(kinds)
    _refuse(returned & (found["amount"] > 0), members, "amount", columns, "0 or less for a return")
    _refuse(bought & (found["quantity"] < 1), members, "quantity", columns, "1 and up for a purchase")
    _refuse(bought & (found["amount"] < 0), members, "amount", columns, "0 and up for a purchase")
    for name, most in (("quantity", limits.outlier_quantity), ("amount", limits.outlier_amount or int(_MOST))):
        _refuse(found[name].abs() > most, members, name, columns, f"at most {most} either way (clean.outlier_{name})")
    times = _times(columns["local_at"])
    wrong = times.isna() | (times >= now) | (times < pd.Timestamp(limits.earliest))
    allowed = f"an ISO time before {_said(now)}, from {limits.earliest} on, on the members' wall clock, without a zone"
    _refuse(wrong, members, "local_at", columns, allowed)
    texts = {name: pd.Series(columns[name], dtype="str") for name in ("kind", *TEXTS)}
    events = pd.DataFrame({"member_id": pd.Series(members, dtype="str"), **texts, "local_at": times, **found})
    return meaning.paid(meaning.meant(events, economics), economics)


def _said(now: datetime) -> str:
    """Return a moment as the one who asks may write it: midnight as the day."""
    return str(now.date()) if now.time() == time() else now.isoformat()


def _whole(columns: dict[str, list], name: str, members: list[str]) -> pd.Series:
    values = [NUMBERS[name] if value is None else value for value in columns[name]]
    _refuse([not _is_whole(value) for value in values], members, name, columns, "whole numbers; amounts in e.g. cents")
    return pd.Series(values, dtype="int64")


def _is_text(value: Any) -> bool:
    """Say whether `value` is text that can be stored: JSON knows halves of letters and NUL, at which text may end."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value % 1 == 0


def _times(values: list) -> pd.Series:
    """Return `values` as times; null where one is no ISO time, or has a zone."""
    texts = pd.Series(values, dtype="object").where(lambda cells: cells.map(lambda cell: isinstance(cell, str)))
    texts = texts.mask(texts.str.contains(_ZONE, na=False)) if texts.notna().any() else texts
    return pd.to_datetime(texts, format="ISO8601", errors="coerce").astype("datetime64[us]")


def _refuse(wrong: Sequence[bool], members: list[str], name: str, columns: dict[str, list], allowed: str) -> None:
    bad = np.flatnonzero(np.asarray(wrong, dtype=bool))
    if len(bad):
        value = columns[name][bad[0]]
        raise DataError(f"member {members[bad[0]]!r}: {name} = {value!r} in {len(bad)} events; allowed: {allowed}.")
