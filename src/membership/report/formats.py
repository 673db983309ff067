"""How numbers read: money, shares, days, intervals, small numbers. Nothing else in the house formats any of them.

They are written as the language that is spoken writes them (`language`; signs and names are Babel's). What is not
known, NaN or None, reads "-". Each function is a filter of the templates under its own name.

>>> money(123456, "USD"), money(-250, sign=True), share(0.1234), interval(-0.0056, 0.016, signed, digits=4)
('1,234.56 USD', '-2.50', '12.3%', '-0.0056 to +0.0160')
"""

import math
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import get_currency_name, get_decimal_symbol, get_group_symbol

from membership.report import language
from membership.settings.report import SOURCE

UNKNOWN = "-"
CENTS = 100  # minor units of currency in one unit
_DIGITS = {"share": 4, "cents": 1, "cents an item": 2}  # of metrics


def known(value: Any) -> bool:
    """Say whether there is a number or a day to be read."""
    return value is not None and not (isinstance(value, float) and math.isnan(value)) and str(value) != "NaT"


def number(value: float, digits: int = 0, sign: bool = False) -> str:
    """Return a number with thousands separated, e.g. 12,345 or 0.123."""
    return _written(f"{value:{'+' if sign else ''},.{digits}f}") if known(value) else UNKNOWN


def signed(value: float, digits: int = 4) -> str:
    """Return a difference with its sign, e.g. +0.0108."""
    return number(value, digits, sign=True)


def setting(value: float) -> str:
    """Return a number as a person wrote it in params.yaml, e.g. 0.005 or 5."""
    return _written(f"{value:g}") if known(value) else UNKNOWN


def share(value: float, digits: int = 1) -> str:
    """Return a share (0 to 1) in per cent, e.g. 12.3%."""
    return _written(f"{value:.{digits}%}") if known(value) else UNKNOWN


def money(cents: float, unit: str = "", digits: int = 2, sign: bool = False) -> str:
    """Return minor units of currency in units, e.g. 1,234.56 USD; `digits` 0 rounds to whole units."""
    return f"{number(cents / CENTS, digits, sign)} {currency(unit)}".rstrip() if known(cents) else UNKNOWN


def currency(code: str) -> str:
    """Return the currency `code` (ISO 4217) by its name; in English, and where it has none, by its code."""
    return code if language.current() == SOURCE else str(get_currency_name(code, locale=language.current()))


def amount(value: float, unit: str, sign: bool = False) -> str:
    """Return a metric's value, of unit share or cents, with the digits that it is read with: 0.1754 or 75.2."""
    return number(value, _DIGITS[unit], sign)


def day(value: date) -> str:
    """Return a date as 2017-12-01; in other languages as they write it in full."""
    if not known(value):
        return UNKNOWN
    spoken = language.current()
    return value.strftime("%Y-%m-%d") if spoken == SOURCE else format_date(value, "long", locale=spoken)


def p_value(value: float) -> str:
    """Return a p value with two digits that count, e.g. 0.081 or 4.5e-05."""
    return _written(f"{value:.2g}") if known(value) else UNKNOWN


def interval(low: float, high: float, how: Callable[..., str] = number, **options: Any) -> str:
    """Return "low to high", each end as `how` writes it."""
    if not (known(low) and known(high)):
        return UNKNOWN
    return language.phrase("{low} to {high}").format(low=how(low, **options), high=how(high, **options))


def listed(words: list[str]) -> str:
    """Return "a, b and c"."""
    *first, last = [str(word) for word in words] or [UNKNOWN]
    many = language.phrase("{first} and {last}").format(first=language.phrase(", ").join(first), last=last)
    return many if first else last


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return "1 member" or "1,234 members"."""
    return f"{number(count)} {language.counted(count, one, many)}"


def separators() -> tuple[str, str]:
    """Return what stands between thousands, and before decimals, in the language that is spoken."""
    return _signs(language.current())[:2]


def _written(text: str) -> str:
    """Return a number, written in English, with the signs of the language that is spoken."""
    group, decimal, per_cent = _signs(language.current())
    return text.translate({ord(","): group, ord("."): decimal, ord("%"): per_cent})


@cache
def _signs(spoken: str) -> tuple[str, str, str]:
    pattern = Locale.parse(spoken).percent_formats[None].pattern
    return get_group_symbol(spoken), get_decimal_symbol(spoken), pattern[pattern.rindex("0") + 1 :]
