"""What the cells of a column of text hold: numbers and their marks, times and their format, ids, words."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import product

import pandas as pd

from membership.data.guessing.words import CODES, SIGNS

LOOKED_AT = 4000  # different values of a column that are looked at
ENOUGH = 0.98  # share of them that have to be of one kind; the others are slips, which the reader will name
NONE = {"", "null", "none", "nan", "n/a", "na", "nat", "\\n", "?", "-"}  # what stands for nothing, in small letters
MARKS = ((".", None), (",", None), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"))  # decimal, thousands
_MONEY = re.compile(
    rf"^\s*(?P<open>\()?(?P<minus>[-\u2212])?\s*(?P<sign>{'|'.join(re.escape(one) for one in (*SIGNS, *CODES))})?\s*"
    rf"(?P<number>[-\u2212+]?[\d.,'\u2019 \u00a0\u202f]*\d(?:[.,]\d*)?(?:[eE][-+]?\d+)?)\s*"
    rf"(?P<after>{'|'.join(re.escape(one) for one in (*SIGNS, *CODES))})?\s*(?P<trail>-)?(?P<close>\))?\s*$"
)
_ISO = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}([.]\d+)?)?\s*(Z|UTC|[+-]\d{2}(:\d{2})?)?)?$")
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y")
_DATES = [
    *(f"%d{s}%m{s}%Y" for s in "./-"), *(f"%m{s}%d{s}%Y" for s in "/-."), *(f"%Y{s}%m{s}%d" for s in "/.-"),
    *(f"%d{s}%m{s}%y" for s in "./-"), *(f"%m{s}%d{s}%y" for s in "/-."),
    *MONTHS,
    "%Y%m%d", "%d-%b-%Y", "%d %b %Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%d. %B %Y", "%b %d %Y",
]  # fmt: skip
_CLOCKS = ["", *(f"{gap}{clock}{zone}" for gap, clock, zone in product(
    (" ", "T", ", "), ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p"), ("", "%z", " %z")
))]  # fmt: skip
EPOCHS = {"epoch_s": (3e8, 4.2e9), "epoch_ms": (3e11, 4.2e12)}  # counts that are times from 1979 to 2103
EXCEL = (20_000, 75_000)  # days since 1899-12-30 that are days from 1954 to 2105


@dataclass(frozen=True)
class Marks:
    """How numbers are written: the mark before the cents, between thousands, and a sign of currency where seen."""

    decimal: str = "."
    thousands: str | None = None
    currency: str | None = None
    loose: bool = False  # signs, brackets or a minus behind, which the pipeline's reader refuses


@dataclass(frozen=True)
class Column:
    """One column of a file, each of its different values once.

    `cells`: all of them, text or null. `seen`: up to `LOOKED_AT` different ones, without blanks at their edges.
    """

    name: str
    cells: pd.Series
    seen: tuple[str, ...]
    rows: tuple[int, ...]  # that have each of `seen`
    distinct: int
    filled: int

    @cached_property
    def unique(self) -> bool:
        """Whether every row has a value and no two are equal."""
        return self.filled == len(self.cells) == self.distinct and self.filled > 0

    @cached_property
    def fits(self) -> dict[tuple[str, str | None], float]:
        """Marks of numbers -> the share of values that are numbers with them."""
        cores = [(core, rows) for value, rows in zip(self.seen, self.rows, strict=True) if (core := _core(value))]
        if not self.seen or sum(rows for _, rows in cores) < ENOUGH * sum(self.rows):
            return {}
        counts = {how: sum(rows for core, rows in cores if _number(*how).match(core)) for how in MARKS}
        return {how: count / sum(self.rows) for how, count in counts.items()}

    @cached_property
    def is_number(self) -> bool:
        """Whether the values are numbers in some spelling."""
        return any(share >= ENOUGH for share in self.fits.values())

    @cached_property
    def undecided(self) -> bool:
        """Whether a single point or comma could stand before cents or between thousands: 1.234."""
        cores = [core for core in map(_core, self.seen) if core and re.search(r"[.,]", core)]
        return bool(cores) and all(re.fullmatch(r"[-\u2212+]?\d{1,3}([.,]\d{3})", core) for core in cores)

    def marks(self, usual: tuple[str, str | None] | None = None) -> Marks:
        """Return how its numbers are written; `usual` marks are taken where they fit, too."""
        fits = [marks for marks in MARKS if self.fits.get(marks, 0) >= ENOUGH]
        best = usual if usual in fits else max(fits, key=lambda marks: (self.fits[marks], -MARKS.index(marks)))
        matched = [found for found in map(_MONEY.match, self.seen) if found]
        signs = [found["sign"] or found["after"] for found in matched if found["sign"] or found["after"]]
        loose = bool(signs) or any(found["open"] or found["trail"] or found["minus"] == "\u2212" for found in matched)
        one = max(set(signs), key=signs.count) if signs else None
        return Marks(*best, SIGNS.get(one, one), loose)

    @cached_property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers written with digits alone."""
        return bool(self.seen) and all(re.fullmatch(r"[-+]?\d+(\.0)?", value) for value in self.seen)

    @cached_property
    def has_cents(self) -> bool:
        """Whether some numbers are no whole ones."""
        return self.is_number and sum(bool(re.search(r"[.,]\d*[1-9]\d*\D*$", one)) for one in self.seen) > 0.02 * len(
            self.seen
        )

    @cached_property
    def is_code(self) -> bool:
        """Whether the numbers can only be labels: leading zeros, or more digits than a count or an amount has."""
        digits = [value for value in self.seen if value.lstrip("-").isdigit()]
        zeros = [value for value in digits if len(value) > 1 and value.startswith("0")]
        return bool(zeros) or any(len(value) > 12 for value in digits)

    def numbers(self, marks: Marks) -> pd.Series:
        """Return all cells as numbers; what is none is NaN."""
        return pd.to_numeric(self.cells.map(lambda cell: plain_number(cell, marks)), errors="coerce")

    @cached_property
    def time_formats(self) -> list[str]:
        """Formats that read the values as times, the best first: `iso`, one of dialect.COUNTS or strptime's."""
        return _time_formats(self.seen, self.rows)


def column(name: str, cells: pd.Series) -> Column:
    """Return what there is to know of `cells`, text or null."""
    stripped = cells.dropna().str.strip()
    counts = stripped[~stripped.str.lower().isin(NONE)].value_counts(sort=False)
    step = -(-len(counts) // LOOKED_AT) or 1
    looked_at = counts.iloc[::step]
    seen, rows = tuple(looked_at.index), tuple(int(count) for count in looked_at)
    return Column(name, cells, seen, rows, len(counts), int(counts.sum()))


def _core(value: str) -> str | None:
    found = _MONEY.match(value)
    return found["number"].strip().replace("\u2212", "-") if found else None


def _number(decimal: str, thousands: str | None) -> re.Pattern:
    dot = re.escape(decimal)
    whole = r"\d+" if thousands is None else rf"(?:\d{{1,3}}(?:{_gap(thousands)}\d{{3}})+|\d+)"
    return re.compile(rf"^[-+]?(?:{whole}(?:{dot}\d*)?|{dot}\d+)(?:[eE][-+]?\d+)?$")


def _gap(thousands: str) -> str:
    return r"[ \u00a0\u202f]" if thousands == " " else re.escape(thousands)


def plain_number(cell: object, marks: Marks) -> object:
    """Return a number as Python writes it; a cell that is none stays what it is, so that the reader can name it.

    >>> plain_number("(1.234,50 €)", Marks(",", ".", "EUR", True))
    '-1234.50'
    """
    found = _MONEY.match(cell) if isinstance(cell, str) else None
    core = found["number"].strip().replace("\u2212", "-") if found else None
    if core is None or not _number(marks.decimal, marks.thousands).match(core):
        return cell
    if marks.thousands:
        core = re.sub(_gap(marks.thousands), "", core)
    core = core.replace(marks.decimal, ".")
    minus = bool(found["open"] and found["close"]) or bool(found["trail"]) or bool(found["minus"])
    return f"-{core}" if minus and not core.startswith("-") else core


def _time_formats(values: tuple[str, ...], rows: tuple[int, ...]) -> list[str]:
    if not values:
        return []
    weight = pd.Series(rows, dtype=float) / sum(rows)
    if weight[[bool(_ISO.match(value)) for value in values]].sum() >= ENOUGH:
        return ["iso"]
    numbers = pd.to_numeric(pd.Series(values).str.replace(",", "."), errors="coerce")
    if weight[numbers.notna()].sum() >= ENOUGH:
        return _counted(
            numbers.dropna(), [value for value, number in zip(values, numbers, strict=True) if number == number]
        )
    shapes = Counter(dict.fromkeys(map(_shape, values), 0))
    for value, share in zip(values, weight, strict=True):
        shapes[_shape(value)] += share
    likely = _SHAPES.get(shapes.most_common(1)[0][0], ())
    shares = {form: float(weight[_read(values, form)].sum()) for form in likely}
    good = [form for form, share in shares.items() if share >= ENOUGH]
    return sorted(good, key=lambda form: (-shares[form], "%y" in form, likely.index(form)))


def _shape(text: str) -> str:
    """Where digits, letters and marks stand, whatever they are.

    >>> _shape("29/2/2016 01:16"), _shape("Jan 5, 2023")
    ('9/9/9 9:9', 'A 9, 9')
    """
    return re.sub(r"[A-Za-z]+", "A", re.sub(r"\d+", "9", text))


def _shapes() -> dict[str, tuple[str, ...]]:
    moment = datetime(2023, 1, 5, 15, 4, 5, 6, tzinfo=UTC)
    found: dict[str, list[str]] = {}
    for form in (f"{date}{clock}" for date, clock in product(_DATES, _CLOCKS)):
        found.setdefault(_shape(moment.strftime(form)), []).append(form)
    return {shape: tuple(forms) for shape, forms in found.items()}


_SHAPES = _shapes()


def _counted(numbers: pd.Series, values: list[str]) -> list[str]:
    """Formats of times that are counts; a plus, or a zero before a long number, says that it is a telephone's."""
    if any(value.startswith("+") or (value.startswith("0") and len(value) > len("yymmdd")) for value in values):
        return []
    found = [name for name, (low, high) in EPOCHS.items() if numbers.between(low, high).all()]
    forms = (("%Y%m%d%H%M%S", 14, 1), ("%Y%m%d", 8, 1), ("%y%m%d", 6, 10))  # few of six digits may be days by chance
    for form, length, least in forms:
        if len(values) >= least and {*map(len, values)} == {length} and _read(values, form).mean() >= ENOUGH:
            found.append(form)
    if numbers.between(*EXCEL).all():
        found.append("excel_days")
    return found


def _read(values: Sequence[str], form: str) -> pd.Series:
    """Whether `form` reads each of `values`, as a year from 1950 to 2100."""
    return pd.to_datetime(pd.Series(values), format=form, errors="coerce", utc=True).dt.year.between(1950, 2100)


def day_first(values: tuple[str, ...], forms: list[str]) -> tuple[str, bool]:
    """Return the format of `forms` to take, and whether another reads all values, too, with day and month exchanged.

    Of two, the one under which the times stand in a better order, as files mostly do; else the day comes first.
    """
    twins = [
        form
        for form in forms
        if "%d" in form and form.replace("%d", "?").replace("%m", "%d").replace("?", "%m") in forms
    ]
    if not twins or forms[0] not in twins:
        return forms[0], False
    both = [form for form in forms if form in twins][:2]
    orders = {form: _ordered(times(pd.Series(values), form).dropna()) for form in both}
    day = next(form for form in both if form.index("%d") < form.index("%m"))
    other = next(form for form in both if form != day)
    return (other if orders[other] > orders[day] + 0.05 else day), True


def _ordered(times: pd.Series) -> float:
    """The share of steps from one time to the next that go the usual way."""
    up = float((times.diff().dropna() >= pd.Timedelta(0)).mean()) if len(times) > 1 else 0.0
    return max(up, 1 - up)


def times(cells: pd.Series, form: str) -> pd.Series:
    """Return `cells` as times, in UTC where they say their zone; NaT where `form` does not read them."""
    if form == "iso":
        return pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
    if form in EPOCHS:
        count = pd.to_numeric(cells, errors="coerce")
        return pd.to_datetime(count, unit=form.removeprefix("epoch_"), errors="coerce")
    if form == "excel_days":
        days = pd.to_numeric(cells.str.replace(",", "."), errors="coerce")
        return (pd.Timestamp("1899-12-30") + pd.to_timedelta((days * 86400).round(), unit="s")).astype("datetime64[us]")
    return pd.to_datetime(cells.str.strip(), errors="coerce", format=form, utc="%z" in form or None).pipe(_naive)


def _naive(read: pd.Series) -> pd.Series:
    return read.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(read.dt, "tz", None) is not None else read
