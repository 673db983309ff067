"""Where behaviour comes from."""

import codecs
from datetime import date
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from membership.base import dialect
from membership.base.schemas import KINDS, MEANING, PERIODS, READ
from membership.settings.section import Count, NotNegative, Positive, Section, Share, without_password


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a known time zone; allowed: an IANA name such as Europe/Berlin or UTC")
    return name


def _known_encoding(name: str) -> str:
    try:
        if "a,1\n".encode(name).decode(name) != "a,1\n":  # what is known may be no encoding of text, such as base64
            raise LookupError(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError("not a known encoding; allowed: a name such as utf-8, latin-1, cp1252 or gb18030") from error


Zone = Annotated[str, AfterValidator(_known_zone)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
Kind = Literal[KINDS]
Place = Annotated[str, AfterValidator(without_password)]
DERIVED = (  # where files do not give them
    "event_id", "local_at", "quantity", "amount", "discount", "currency", "name",
    "contract_id", "period", "every", "price", "auto_renew", "earned", "redeemed", "expired", "shop",
)  # fmt: skip
APART = (  # of each, no two can be the same column
    ("source_id", "member_id", "item_id", "offer_id", "plan", "question"),
    ("amount", "quantity", "discount", "price", "rate", "earned", "redeemed", "expired"),
    ("at", "starts_at", "ends_at", "joined_at", "left_at", "redeemed_at"),
)
ITEM_COLUMNS = ("name", "category", "subcategory", "brand")  # may stand on the rows of events


class FileTable(Section):
    """How files of the user become one canonical table (its columns: `base.schemas`).

    Every canonical column is a column of the files (`columns`) or the same for all rows (`constants`).
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    # CSV (also .gz) or Parquet: files, patterns such as raw/*.csv, addresses (s3://...); tables of a lake or a database
    paths: Annotated[list[Place], Field(min_length=1)]
    folders: list[str] = []  # outside the project, in which paths may lie; also addresses
    columns: dict[str, str]  # canonical column -> their column
    constants: dict[str, str] = {}  # canonical column -> one value for all rows
    nobody: list[str] = []  # member ids that stand for nobody, such as guests
    kinds: dict[str, Kind | None] = {}  # their kind of event -> ours, null: left out; empty: the kinds are ours already
    arms: dict[str, str] = {}  # their arm -> ours; `control` is who was held out; others keep their name
    amount: Literal["total", "unit_price"] = "total"  # amount is what was paid for the line, or for one unit
    orders: Literal["day", "id"] = "day"  # an order id is good for one member and local day, or for one member for ever
    negative_amounts: Literal["kept", "returns"] = "kept"  # returns: a purchase of less than nothing gave money back
    time_format: str | None = (
        None  # of all times in the table: as in strptime, or one of dialect.COUNTS; null: ISO 8601
    )
    year: Annotated[int, Field(ge=1970, le=2100)] | None = None  # where time_format has no year
    timezone: Zone = "UTC"  # of times that do not say theirs
    encoding: Encoding = "utf-8"  # of CSV, as is delimiter
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."  # the mark before the cents
    thousands: Literal[".", ",", " ", "'"] | None = None  # the mark between thousands; null: there is none
    header_line: Annotated[int, Field(ge=0)] = (
        1  # of CSV: the line that names the columns; 0: none does, they are f0, f1 ...
    )
    data_line: Annotated[int, Field(ge=1)] | None = None  # the line of the first row; null: the one after header_line

    @model_validator(mode="after")
    def _times_are_read(self):
        if self.time_format is not None:
            try:
                dialect.time_format(self.time_format if self.year is None else f"%Y {self.time_format}")
            except ValueError as error:
                raise ValueError(f"time_format = {self.time_format!r}: {error}") from error
        if self.thousands == self.decimal:
            raise ValueError(
                f"thousands = {self.thousands!r}: the mark before the cents, too; allowed: another one, or null"
            )
        if self.data_line is not None and self.data_line <= self.header_line:
            raise ValueError(f"data_line = {self.data_line}: allowed: a line after header_line = {self.header_line}")
        return self


class Plan(Section):
    """What a plan costs and how long its period is: `every` of `period`."""

    period: Literal[PERIODS]
    every: Count = 1
    price: NotNegative | None = None  # units of currency a period; null: that of each row
    auto_renew: bool = True  # it renews itself until it is ended; else it ends with its first period


class ContractTable(FileTable):
    """How files become table `contracts`: a row a contract, or, with `changes`, a row a change of plan.

    A change has member_id, plan and starts_at (and may have a price): the plan runs until the member's next row.
    """

    changes: bool = False
    plans: dict[str, Plan | None] = {}  # plan -> its terms, where rows do not have them; null: the member left
    # the day before which contracts are known; null: after the last start, change or event. Ends in rows of contracts
    # do not count: they may lie ahead of the day on which the file was written
    until: date | None = None

    @model_validator(mode="after")
    def _terms_are_known(self):
        given = {*self.columns, *self.constants}
        if self.changes and (not self.plans or given & {"ends_at", "period", "every"}):
            raise ValueError(
                "changes: true: a plan ends at the member's next row and has its period in `plans`; allowed: plans for "
                "every plan, and no columns for ends_at, period and every"
            )
        if not self.changes and any(terms is None for terms in self.plans.values()):
            raise ValueError("plans: null (the member left) is for changes: true; here contracts have ends_at")
        if "period" not in given and not self.plans:
            raise ValueError("no column for period; add it to columns or constants, or give plans with their period")
        return self


class RateTable(FileTable):
    """How files become table `rates`: currency, day, and rate: units of dataset.currency for one of the currency."""

    holds_days: Annotated[int, Field(ge=0, le=31)] = 0  # days after its own on which a rate holds: weekends, holidays


class Files(Section):
    """The user's own tables; `events` or `contracts` is enough, members and items then follow from it."""

    events: FileTable | None = None
    members: FileTable | None = None
    items: FileTable | None = None
    survey: FileTable | None = None
    offers: FileTable | None = None
    exposures: FileTable | None = None
    contracts: ContractTable | None = None
    points: FileTable | None = None
    item_rules: FileTable | None = None  # what may be listed to whom, and when
    rates: RateTable | None = None  # where amounts are in several currencies
    aliases: FileTable | None = None  # ids that are one member, such as a household's: source_id, member_id

    @model_validator(mode="after")
    def _columns_fit(self):
        for name, mapping in self:
            if mapping is not None:
                _check_columns(name, mapping)
        return self


def derived(table: str) -> tuple[str, ...]:
    """Return the columns that `table` need not give: they follow from others, or have a default."""
    return () if table == "rates" else DERIVED


def _check_columns(name: str, mapping: FileTable) -> None:
    """Raise ValueError where `mapping` lacks a column that table `name` needs, or names one that it does not have."""
    table = READ[name]
    ours = [*table.columns, *(ITEM_COLUMNS if name == "events" else ())]
    given = {*mapping.columns, *mapping.constants}
    allowed = [column for column in ours if column not in ("local_at", *MEANING)]
    unknown = sorted(given - set(allowed)) if not table.open else []
    if unknown:
        raise ValueError(f"{name}: unknown column {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    needed = [
        column
        for column, rule in table.columns.items()
        if not rule.nullable and column not in (*derived(name), *MEANING)
    ]
    missing = [column for column in needed if column not in given]
    if missing:
        raise ValueError(f"{name}: no column for {', '.join(missing)}; add it to columns or to constants")
    _check_once(name, mapping)


def _check_once(name: str, mapping: FileTable) -> None:
    """Raise ValueError where a canonical column of table `name` is mapped twice, or one column to what lies APART."""
    twice = sorted(set(mapping.columns) & set(mapping.constants))
    if twice:
        raise ValueError(f"{name}: {', '.join(twice)} in columns and in constants; take it out of one of them")
    for kind in APART:
        theirs = [(column, mapping.columns[column]) for column in kind if column in mapping.columns]
        for place, (column, one) in enumerate(theirs):
            others = [other for other, that in theirs[:place] if that == one]
            if others:
                raise ValueError(
                    f"{name}: column {one!r} is mapped to {others[0]} and to {column}, which are never the same; "
                    "allowed: a column of its own for each"
                )


class Simulate(Section):
    """The size of a simulated market and the behaviour of its members."""

    members: Count = 2000  # members
    items: Count = 300  # items
    days: Annotated[int, Field(ge=60, le=3660)] = 365  # days of history
    start: date = date(2017, 1, 1)  # first day
    orders_per_month: Positive = 3.0  # orders a member a month while active
    rate_shape: Positive = 1.5  # gamma shape of the members' order rates; the larger, the more alike
    churn_per_year: Annotated[float, Field(ge=0, lt=1)] = 0.3  # share of members lost in their first year
    churn_shape: Positive = 2.0  # gamma shape of the members' churn rates; the larger, the more alike
    views_per_order: NotNegative = 4.0  # product views for each order
    survey_response: Share = 0.4  # share of members who answer
    # kinds of members with tastes and habits of their own; 0 and 1: none
    personas: Annotated[int, Field(ge=0, le=12)] = 4
    persona_contrast: Share = 0.6  # how far the kinds differ
    offers: Annotated[int, Field(ge=0)] = 6  # randomised campaigns
    offer_response: Annotated[float, Field(ge=0, le=0.5)] = 0.1  # mean probability that an offer brings one more order


class Dataset(Section):
    """Where behaviour comes from."""

    source: Literal["complete_journey", "files", "simulate"] = "files"
    timezone: Zone = "UTC"
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    max_members: Count | None = None  # members kept, in order of a seeded hash; null keeps all
    files: Files = Files()
    consent: FileTable | None = (
        None  # what members allow: member_id, purpose (offers, trials, profiling), allowed (yes, no)
    )
    simulate: Simulate = Simulate()

    @model_validator(mode="after")
    def _sources_fit(self):
        if self.source == "files" and self.files.events is None and self.files.contracts is None:
            raise ValueError(
                "dataset.files.events: missing; dataset.source 'files' needs a mapping of events, or of contracts"
            )
        if self.consent is not None:
            _check_columns("consent", self.consent)
        return self
