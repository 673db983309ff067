"""The user's own data: CSV or Parquet files that a mapping in `params.yaml` turns into the canonical tables.

Files may overlap and may be given twice. An event's id is the hash of its content and the number of equal rows before
it in its file, and files are united by id. So equal rows within one file are different events (repeated clicks), while
a row that comes again in another file is the same event. Where the data have an id of their own, the last file's row
stands; the same goes for the key of every other table.
"""

from collections.abc import Mapping
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from membership.base import engine, tables
from membership.base.errors import DataError
from membership.base.schemas import CANCEL, MEANING, PURCHASE, RATING, READ, RENEWAL, RETURN
from membership.data.canonical import Canonical, empty
from membership.data.clock import to_local
from membership.data.sources import aliases, plans, rates
from membership.data.sources.parsing import MOST, SHOWN, parsed, types
from membership.settings.dataset import ITEM_COLUMNS, Files, FileTable, derived

EMPTY = ("member_id", "answer")  # where empty, a row outside events says nothing: it is left out and counted


def read(files: Files, timezone: str, currency: str, con: ibis.BaseBackend | None = None) -> Canonical:
    """Return the canonical tables of `files`, uncleaned, with local times in `timezone`.

    They are read by DuckDB: by `con`, where events lie afterwards; without it they are a frame.

    Money is rounded to cents, half away from zero, without floating point. A quantity that is no whole number (a
    weight) is rounded up. `currency` holds where events have no column for theirs. Members and items that only events
    know are added; without a table of items, an item has the name, category and so on that most of its events give it
    (ties: the first in alphabetical order). Raises DataError naming file, column and first bad rows.
    """
    if con is None:
        found = read(files, timezone, currency, engine.connect())
        return replace(found, events=found.events.to_pandas())
    rows = {name: parsed(con, name, mapping, timezone) for name, mapping in files if mapping is not None}
    found = {f"same_key_{name}": _united(table, list(READ[name].key)) for name, table in rows.items()}
    member_of = aliases.checked(rows.pop("aliases")) if "aliases" in rows else {}
    for name, column in ((name, column) for name in rows if name != "events" for column in EMPTY):
        found[f"no_{column.removesuffix('_id')}_{name}"] = _left_out(rows, name, column)
    for name, table in rows.items():
        _all_there(name, table, getattr(files, name))
    found[aliases.UNITED] = _of_one_member(rows, member_of)
    deals = plans.read(rows["contracts"], files.contracts, timezone) if "contracts" in rows else empty("contracts")
    events = engine.keep(con, "events", _all_events(rows, files, timezone, currency, deals, member_of))
    items = _own("items", rows["items"]) if "items" in rows else _described(rows.get("events", events))
    items = _with_all(items, "item_id", events)
    if "left_at" in (rows["members"].columns if "members" in rows else ()):
        rows["members"] = rows["members"].mutate(left_at=to_local(rows["members"].left_at, timezone))
    members = _own("members", rows["members"]) if "members" in rows else events.select("member_id").distinct()
    if "item_rules" in rows:
        rows["item_rules"] = _in_shops(rows["item_rules"], timezone)
    others = ("survey", "offers", "exposures", "item_rules")
    return Canonical(
        events=events,
        members=plans.joined(_complete("members", _with_all(members, "member_id", events)).to_pandas(), deals),
        items=_complete("items", items).mutate(name=lambda t: t["name"].fill_null(t.item_id)).to_pandas(),
        contracts=deals,
        points=_ledger(rows["points"], timezone).to_pandas() if "points" in rows else empty("points"),
        **{name: _own(name, rows[name]).to_pandas() if name in rows else empty(name) for name in others},
        found={rule: count for rule, count in found.items() if count},
    )


def _of_one_member(rows: dict[str, ir.Table], member_of: Mapping[str, str]) -> int:
    """Let the rows of every table but events be those of the member that each id is; return how many ids are united.

    Events keep the ids of the source until they have ids of their own, which no alias changes.
    """
    if not member_of:
        return 0
    of_members = {name: table for name, table in rows.items() if "member_id" in table.columns}
    ids = set().union(*(table.member_id.to_pyarrow().to_pylist() for table in of_members.values()))
    for name, table in of_members.items():
        if name != "events":
            rows[name] = (aliases.members if name == "members" else aliases.united)(table, member_of)
    return sum(one in ids for one, member in member_of.items() if one != member)


def _all_events(
    rows: dict[str, ir.Table], files: Files, timezone: str, currency: str, deals, member_of: Mapping[str, str]
) -> ir.Table:
    """The events in `rows`, and payments and ends of the contracts `deals`, unless events tell them themselves."""
    own = None
    if "events" in rows:
        own = _events(rows["events"], files.events, timezone, currency, member_of)
        where = ", ".join(files.events.paths)
        own = rates.in_books(own, rows.get("rates"), files.rates, timezone, currency, where)
    if deals.empty:
        return own  # before its kinds are asked for, which computes every event once more
    told = set() if own is None else set(own.select("kind").distinct().kind.to_pyarrow().to_pylist())
    if RENEWAL in told:
        own = plans.of_bills(own, deals)
    if {RENEWAL, CANCEL} <= told:
        return own
    seen = None if own is None else own.local_at.max().to_pyarrow().as_py()
    made = plans.events(deals, files.contracts, seen, timezone, currency)
    if own is None:
        return made
    if RENEWAL in told:
        made = made.filter(made.kind == CANCEL)
    made = made.mutate(measure=ibis.null("float64"), own_id=False).select(*own.columns)
    return own.union(made.cast(own.schema()))


def _events(rows: ir.Table, mapping: FileTable, timezone: str, currency: str, member_of: Mapping[str, str]) -> ir.Table:
    """The events in `rows`, each once, in the currencies in which they were paid."""
    if mapping.negative_amounts == "returns":
        back = (rows.kind == PURCHASE) & (_given(rows, "amount", 0) < 0) & (_given(rows, "quantity", 1) > 0)
        rows = rows.mutate(kind=back.ifelse(RETURN, rows.kind))
    rated = rows.kind == RATING  # its quantity, where it has one, is no number of units
    quantity, price = rated.ifelse(1, _given(rows, "quantity", 1)), _given(rows, "amount", 0)
    texts = ("event_id", "member_id", "item_id", "order_id", "channel")
    content = rows.select(
        "file",
        "row",
        "kind",
        "at",
        **{column: _given(rows, column, ibis.null("string")) for column in texts},
        currency=_given(rows, "currency", currency).upper(),
        quantity=(quantity.abs().ceil() * quantity.sign()).cast("int64"),
        amount=_cents(price * quantity if mapping.amount == "unit_price" else price),
        discount=_cents(_given(rows, "discount", 0)),
        measure=_measure(rows, rated),
        own_id=rows.event_id.notnull() if "event_id" in rows.columns else ibis.literal(False),
    )
    content = content.mutate(local_at=to_local(content.at, timezone))
    content = aliases.united(_named(content), member_of)
    if mapping.orders == "day" and "order_id" in rows.columns:
        content = content.mutate(order_id=_of_day(content))
    return _last(content, ["event_id"]).select(*_delivered(), "own_id")


def _measure(rows: ir.Table, rated: ir.BooleanValue) -> ir.FloatingValue:
    """What each event measures, beside money; of a rating without one, the value that it gives as its quantity."""
    measure = _given(rows, "measure", ibis.null("float64")).cast("float64")
    value = rows.quantity.cast("float64") if "quantity" in rows.columns else ibis.null("float64")
    return measure.fill_null(rated.ifelse(value, ibis.null("float64")))


def _delivered() -> list[str]:
    """The columns of `events` that a source delivers; ingest also asks whether a row's `own_id` is the user's."""
    return [column for column in tables.ALL["events"].columns if column not in MEANING]


def _of_day(content: ir.Table) -> ir.StringValue:
    """Order ids of purchases with their day, but for a member's first day with one: so receipts may begin anew.

    Returns keep theirs, which names the order that came back, and so do first days: what is added later renames none.
    """
    day, bought = content.local_at.date(), content.kind != RETURN
    first = bought.ifelse(day, None).min().over(group_by=[content.member_id, content.order_id])
    return (bought & (day > first)).ifelse(content.order_id + " of " + day.cast("string"), content.order_id)


def _left_out(rows: dict[str, ir.Table], name: str, column: str) -> int:
    """Leave the rows of table `name` out in which `column` is empty; return how many."""
    if column not in rows[name].columns:
        return 0
    empty_ones = rows[name].filter(rows[name][column].isnull()).count().to_pyarrow().as_py()
    rows[name] = rows[name].filter(rows[name][column].notnull())
    return empty_ones


def _all_there(name: str, rows: ir.Table, mapping: FileTable) -> None:
    """Raise DataError with the first rows in which a column that table `name` needs is empty."""
    needed = [column for column, rule in READ[name].columns.items() if not rule.nullable]
    counted = {"member_id", "at"} if name == "events" else set()  # by the rules of cleaning
    skipped = {*derived(name), *counted}
    for column in (one for one in needed if one in rows.columns and one not in skipped):
        bad = rows.filter(rows[column].isnull())
        first = bad.order_by("file", "row").limit(SHOWN).to_pandas()
        if len(first):
            raise DataError(
                f"{first['file'][0]}: column '{mapping.columns.get(column, 'constants')}' (dataset.files.{name}: "
                f"{column}): {bad.count().to_pyarrow().as_py()} empty cells, e.g. in row "
                f"{', '.join(map(str, first['row']))}. Every row of {name} needs one: fill them, or take the rows out."
            )


def _united(rows: ir.Table, key: list[str]) -> int:
    """Return how many rows have the key of another row of the same file."""
    if not set(key) <= set(rows.columns):
        return 0
    known = rows.filter([rows[column].notnull() for column in key])
    each = known.group_by(["file", *key]).agg(rows=known.count())
    return int((each.rows - 1).sum().to_pyarrow().as_py() or 0)


def _named(content: ir.Table) -> ir.Table:
    """Return `content` with an id where a row has none, so that such rows stay apart; that numbers all rows."""
    if content.own_id.all().to_pyarrow().as_py():
        return content
    return content.mutate(event_id=content.event_id.fill_null(_content_id(content)))


def _content_id(content: ir.Table) -> ir.StringValue:
    """The hash of a row's content, and the number of equal rows before it in its file."""
    columns = (column for column in _delivered() if column not in ("event_id", "local_at", "measure"))
    cells = [content[column].cast("string").fill_null("") for column in columns]
    measured = content.measure.isnull().ifelse("", "\x1f" + content.measure.cast("string"))
    digest = (ibis.literal("\x1f").join(cells) + measured).hexdigest("md5")
    before = ibis.row_number().over(group_by=[content.file, digest], order_by=content.row)
    return digest + "-" + before.cast("string")


def _described(rows: ir.Table) -> ir.Table:
    """One row an item, with what most of its events say of it."""
    rows = rows.mutate(item_id=_given(rows, "item_id", ibis.null("string")))
    items = rows.select("item_id").distinct()
    for column in (column for column in ITEM_COLUMNS if column in rows.columns):
        said = rows.filter(rows[column].notnull()).group_by("item_id", column).agg(times=lambda t: t.count())
        rank = ibis.row_number().over(group_by="item_id", order_by=[said.times.desc(), said[column]])
        usual = said.mutate(rank=rank).filter(lambda t: t["rank"] == 0).select("item_id", column)
        items = items.left_join(usual, "item_id").drop("item_id_right")
    return items


def _own(name: str, rows: ir.Table) -> ir.Table:
    """Table `name` as the user gives it, one row a key."""
    cents = {column: _cents(rows[column]).cast("float64") for column in ("cost",) if column in rows.columns}
    return _complete(name, _last(rows.mutate(**cents), list(tables.ALL[name].key)))


def _in_shops(rows: ir.Table, timezone: str) -> ir.Table:
    """Rows of table `item_rules` with wall clock times; one without a shop is of every shop."""
    times = {name: to_local(rows[name], timezone) for name in ("starts_at", "ends_at") if name in rows.columns}
    return rows.mutate(shop=_given(rows, "shop", ""), **times)


def _ledger(rows: ir.Table, timezone: str) -> ir.Table:
    """Table `points`: what a member's rows of one moment earned, redeemed and lost add up."""
    flows = {name: _given(rows, name, 0).cast("float64") for name in ("earned", "redeemed", "expired")}
    known = rows.filter(rows.member_id.notnull()).mutate(at=to_local(rows["at"], timezone), **flows)
    return known.group_by("member_id", "at").agg(**{name: known[name].sum() for name in flows})


def _last(rows: ir.Table, key: list[str]) -> ir.Table:
    """One row a key: the last row of the last file."""
    rank = ibis.row_number().over(group_by=key, order_by=[rows.file.desc(), rows.row.desc()])
    return rows.mutate(rank=rank).filter(lambda t: t["rank"] == 0).drop("rank", "file", "row")


def _with_all(table: ir.Table, key: str, events: ir.Table) -> ir.Table:
    """Table `table` with a row for each `key` of `events`; what is not known is null."""
    new = events.select(key).distinct().anti_join(table, key)
    new = new.mutate(**{column: ibis.null(kind) for column, kind in table.schema().items() if column != key})
    return table.union(new.select(*table.columns)).filter(lambda t: t[key].notnull())


def _complete(name: str, table: ir.Table) -> ir.Table:
    """Table `table` with every column of the table `name`; what is not given is null."""
    missing = {column: kind for column, kind in types(name).items() if column not in table.columns}
    return table.mutate(**{column: ibis.null(kind) for column, kind in missing.items()})


def _given(rows: ir.Table, column: str, default: object) -> ir.Value:
    """Column `column` with `default` where a cell is empty, or there is no such column."""
    return rows[column].fill_null(default) if column in rows.columns else ibis.literal(default)


def _cents(money: ir.DecimalValue) -> ir.IntegerValue:
    return (money.clip(-MOST, MOST) * 100).round().cast("int64")
