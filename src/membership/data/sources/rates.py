"""Amounts in several currencies, in that of the books: by the rate of each event's local day."""

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base.errors import DataError
from membership.data.clock import to_local
from membership.data.sources.parsing import SHOWN
from membership.settings.dataset import RateTable

_MONEY = ("amount", "discount")


def in_books(
    events: ir.Table, rates: ir.Table | None, mapping: RateTable | None, zone: str, books: str, where: str
) -> ir.Table:
    """Return `events` with amount and discount (cents) in the currency `books`, each rounded half away from zero.

    `rates` has currency, day and rate: units of `books` for one unit of the currency, on that day of `zone` and on the
    `mapping.holds_days` after it that have none of their own. Raises DataError where an amount has no rate, naming the
    files `where`, currencies and days, and where a rate is none.
    """
    events = events.mutate(day=events.local_at.date())
    foreign = events.filter((events.currency != books) & ((events.amount != 0) | (events.discount != 0)))
    known = None if rates is None else _daily(rates.mutate(day=to_local(rates.day, zone)), mapping, books)
    _refuse_missing(foreign.drop_null("day"), known, books, where)
    if known is None:
        return events.mutate(currency=ibis.literal(books)).drop("day")
    table = ibis.memtable(known, schema={"currency": "string", "day": "date", "rate": "float64"})
    both = events.left_join(table, ["currency", "day"]).drop("currency_right", "day_right")
    rate = both.rate.fill_null(1.0)
    money = {name: (both[name] * rate).round().cast("int64") for name in _MONEY}
    here = both.mutate(**{name: (both.currency == books).ifelse(both[name], value) for name, value in money.items()})
    return here.mutate(currency=ibis.literal(books)).drop("day", "rate")


def _daily(rates: ir.Table, mapping: RateTable, books: str) -> pd.DataFrame:
    """Return currency, day and rate for every day on which a rate holds; of two for one day that of the last row."""
    rows = rates.order_by("file", "row").to_pandas()
    rows["currency"], rows["day"] = rows["currency"].str.upper(), rows["day"].dt.normalize()
    own = rows["currency"] == books
    wrong = rows[~(rows["rate"] > 0) | (own & (rows["rate"] != 1))]
    if len(wrong):
        first = wrong.iloc[0]
        raise DataError(
            f"{first['file']}: rate (dataset.files.rates): {len(wrong)} bad values, e.g. {first['rate']} for "
            f"{first['currency']} in row {first['row']}. Allowed: units of {books} (dataset.currency) for one unit of "
            f"the currency, above 0, and 1 for {books} itself."
        )
    by_day = rows[~own].drop_duplicates(["currency", "day"], keep="last")[["currency", "day", "rate"]]
    held = [by_day.assign(day=by_day["day"] + pd.Timedelta(days=after)) for after in range(mapping.holds_days + 1)]
    every = pd.concat(held).drop_duplicates(["currency", "day"])  # a day's own rate, else the latest before it
    return every.assign(day=every["day"].dt.date)


def _refuse_missing(foreign: ir.Table, known: pd.DataFrame | None, books: str, where: str) -> None:
    """Raise DataError with the first currencies and days of `foreign` events that have no rate."""
    asked = foreign.group_by(["currency", "day"]).agg(rows=foreign.count()).order_by("day", "currency").to_pandas()
    if known is not None:
        there = set(zip(known["currency"], known["day"], strict=True))
        days = asked["day"].map(lambda day: pd.Timestamp(day).date())
        asked = asked[[pair not in there for pair in zip(asked["currency"], days, strict=True)]]
    if asked.empty:
        return
    shown = ", ".join(f"{one.currency} on {one.day:%Y-%m-%d}" for one in asked.head(SHOWN).itertuples())
    what = "Add these rates to the file of dataset.files.rates, or raise its holds_days" if known is not None else (
        "Map a table of rates under dataset.files.rates (currency, day, rate), or set dataset.currency"
    )  # fmt: skip
    raise DataError(
        f"{where}: {asked['rows'].sum():,} rows are not in {books} and have no rate to it: {shown} "
        f"({len(asked):,} currencies and days in all). Amounts are never added up without one. {what}."
    )
