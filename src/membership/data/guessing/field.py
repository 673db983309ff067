"""Where, in which money and in which field the members live, as far as files show it."""

from collections.abc import Mapping, Sequence
from zoneinfo import available_timezones

import pandas as pd

from membership.base.errors import DataError
from membership.data.guessing import rates, words
from membership.data.guessing.cells import column
from membership.data.guessing.found import Group, TableGuess, Told
from membership.data.guessing.opening import Opened

_MOST_ROWS = 50_000  # of a file that are looked at


def zone(opened: Sequence[Opened], made: Mapping[str, TableGuess], told: Told) -> tuple[str, str]:
    """Return the time zone, and what it was seen by: told, zone, country, currency or nothing (then UTC)."""
    if told.timezone:
        return told.timezone, "told"
    for _, values in _named(opened, ("timezone", "time zone", "tz", "zeitzone")):
        if (most := _most(values)) in available_timezones():
            return most, "zone"
    country = _country(opened)
    if country:
        return words.COUNTRIES[country][0], "country"
    money, _ = currency(opened, made, told)
    return (
        (words.ZONES[money], "currency")
        if money in words.ZONES and currency(opened, made, told)[1] != "nothing"
        else ("UTC", "nothing")
    )


def currency(opened: Sequence[Opened], made: Mapping[str, TableGuess], told: Told) -> tuple[str, str]:
    """Return the currency, and what it was seen by: told, rates, column, sign, name, country or nothing (then EUR).

    With rates it is that to which they lead: the one that the name of their column says, or that has none.
    """
    if told.currency:
        return told.currency, "told"
    rated: set[str] = set()
    if table := made.get("rates"):
        named = next((code for code in words.CODES if _in_name(code, table.parts["rate"].column)), None)
        if named:
            return named, "rates"
        opened = [one for one in opened if one not in table.sources]
        rated = rates.codes(table)
    for _, values in _named(opened, words.ROLES["currency"]):
        most = _most(values[~values.str.strip().str.upper().isin(rated)])
        code = words.SIGNS.get(most, str(most).upper())
        if code in words.CODES:
            return code, "column"
    for name, values in _columns(opened):
        sign = next(
            (word for word in (*words.CODES, "dollar", "euro", "pound", *words.SIGNS) if _in_name(word, name)), None
        )
        if sign:
            named = {"dollar": "USD", "euro": "EUR", "pound": "GBP"}.get(sign, words.SIGNS.get(sign, sign))
            return _of_country(named, opened), "name"
        head = values.dropna().head(200)
        if head.str.contains(r"[€$£¥₹₩₺]|\b(?:EUR|USD|GBP|CHF)\b").mean() > 0.5:
            seen = column(name, head)
            if seen.is_number and (found := seen.marks().currency):
                return _of_country(found, opened), "sign"
    country = _country(opened)
    return (words.COUNTRIES[country][1], "country") if country else ("EUR", "nothing")


def field(groups: Sequence[Group], made: Mapping[str, TableGuess], told: Told) -> tuple[str, tuple[str, ...]]:
    """Return the field that the data look like, and the names it was seen by; a shop where nothing tells."""
    if told.field:
        if told.field not in words.FIELDS:
            raise DataError(f"--field {told.field}: no such field; allowed: {', '.join(sorted(words.FIELDS))}.")
        return told.field, ()
    if "contracts" in made:
        return "subscription", ("contracts",)
    billed = made["events"].parts.get("item_id") if "events" in made else None
    if billed is not None and billed.reason == "plan":
        return "subscription", (billed.column,)
    names = [name for group in groups for name in (*group.columns, group.name)] + [
        used for group in groups for used in group.laid.used
    ]
    hits = {field: _hits(names, said) for field, said in words.FIELDS.items()}
    events = made.get("events")
    kinds = {*(events.mapping.get("kinds") or {}).values()} if events is not None else set()
    kinds |= {events.mapping.get("constants", {}).get("kind")} - {None} if events is not None else set()
    sold = events is not None and ("amount" in events.mapping["columns"] or "purchase" in kinds)
    care = _care(names)
    hits["service"] = care if sold else (*hits["service"], *care)
    if sold or care:
        hits["content"] = ()
    elif kinds & {"view", "play", "visit", "rating"}:
        looked = sorted(kinds & {"view", "play", "visit", "favourite", "rating"})
        hits["content"] = (*hits["content"], *looked, "nothing is sold")
    used = events.parts.get("measure") if events is not None else None
    if not sold and used is not None and words.likeness(used.column, words.DURATIONS) >= 1:
        hits["content"] = (*hits["content"], used.column, "nothing is sold")
    if kinds & {"renewal", "cancel"}:
        hits["subscription"] = (*hits["subscription"], *sorted(kinds & {"renewal", "cancel"}))
    best = max(hits, key=lambda one: (len(hits[one]), one == "shop"))
    return (best, hits[best]) if len(hits[best]) >= 2 else ("shop", hits["shop"])


def _hits(names: Sequence[str], said: tuple[str, ...]) -> tuple[str, ...]:
    plain = [words.plain(name) for name in names]
    return tuple(
        dict.fromkeys(
            name
            for name, text in zip(names, plain, strict=True)
            for word in said
            if word == text or set(word.split()) <= set(text.split())
        )
    )


def _care(names: Sequence[str]) -> tuple[str, ...]:
    """The names that tell of patients and of their appointments, where there are both: a provider of health care."""
    found = [next((name for name in names if set(words.plain(name).split()) & said), None)
             for said in (words.CARED_FOR, words.CARE)]  # fmt: skip
    return () if None in found else tuple(found)


def _of_country(named: str, opened: Sequence[Opened]) -> str:
    """The currency, where several countries call theirs so: that of the country of most rows."""
    country = _country(opened)
    own = words.COUNTRIES[country][1] if country else named
    return own if named == "USD" and own in ("CAD", "AUD", "MXN") else named


def _country(opened: Sequence[Opened]) -> str | None:
    for _, values in _named(opened, ("country", "land", "pays", "pais", "paese", "country code")):
        most = words.plain(str(_most(values)))
        if most in words.COUNTRIES:
            return most
    return None


def _named(opened: Sequence[Opened], said: tuple[str, ...]) -> list[tuple[str, pd.Series]]:
    return [(name, values) for name, values in _columns(opened) if words.likeness(name, said) >= 3]


def _columns(opened: Sequence[Opened]) -> list[tuple[str, pd.Series]]:
    return [
        (str(name), one.frame[name].head(_MOST_ROWS).astype(object)) for one in opened for name in one.frame.columns
    ]


def _most(values: pd.Series) -> object:
    counts = values.dropna().str.strip().value_counts()
    return counts.index[0] if len(counts) else None


def _in_name(word: str, name: str) -> bool:
    if not word.isalnum():
        return word in name
    return word.lower() in words.plain(name).split()
