"""Tables as people read them: money in units of currency, shares in per cent, days as dates; by the columns' names.

The only module that styles tables: pandas leaves text in styled ones as it is, and `styled` escapes all of it.
"""

from collections.abc import Callable, Collection, Mapping

import pandas as pd
from pandas.io.formats.style import Styler

from membership.report import formats

SUMS = (
    "gain",
    "cost",
    "net",
    "net_low",
    "net_high",
    "best_net",
    "deadweight",
)  # cents, shown in whole units of currency
MONEY = ("cost_month", "value", "cost_per_order")  # cents a member, shown to the cent
SHARES = (
    "share", "value_share", "pays_for", "break_even", "uplift", "uplift_sd", "assumed", "assumed_sd", "p_pays",
    "kept", "breakage", "low", "high", "placebo", "systematic", "min_ratio", "smallest_ratio", "lost",
    "chance", "chance_with", "learned", "learned_low", "learned_high", "used", "used_sd", "jump",
)  # fmt: skip
RATIOS = ("points_multiplier",)
P_VALUES = ("p_value", "pushing")
AMOUNTS = ("threshold", "safe", "to_keep")  # of what qualifies for a tier


def table(frame: pd.DataFrame, unit: int = 1, amounts: Collection[str] = AMOUNTS) -> Styler:
    """Return `frame` for people; columns of no known name are whole numbers.

    `amounts` are columns of what qualifies for a tier, shown in units of `unit` (`Tiers.unit`).
    """
    how = dict.fromkeys(frame.select_dtypes("number"), formats.number)
    how |= dict.fromkeys(frame.select_dtypes("datetime"), formats.day)
    how |= {name: lambda cents: formats.money(cents, digits=0) for name in SUMS}
    how |= dict.fromkeys(MONEY, formats.money) | dict.fromkeys(SHARES, formats.share)
    how |= {name: lambda ratio: formats.number(ratio, 2) for name in RATIOS}
    how |= dict.fromkeys(P_VALUES, formats.p_value)
    how |= {name: lambda value: formats.number(value / unit) for name in amounts}
    return styled(frame, {name: each for name, each in how.items() if name in frame})


def money(frame: pd.DataFrame) -> Styler:
    """Return `frame`, all of whose numbers are cents, in units of currency."""
    return styled(frame, dict.fromkeys(frame.select_dtypes("number"), formats.money))


def made_up(frame: pd.DataFrame, fewest: int) -> Styler:
    """Return a row of `frame` (with member_id) as it may look, column by column: of a member who never was.

    A number or time is the middle one, a text the one that most members have; "" where fewer than `fewest` share it.
    Of many rows, some thousands that lie evenly are looked at.
    """
    frame, shown = frame.iloc[:: max(len(frame) // 5000, 1)], {}
    for name in frame.columns.drop("member_id"):
        values = frame[name].dropna()
        if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
            if pd.api.types.is_datetime64_any_dtype(values):
                shown[name] = formats.day(values.median()) if len(values) else formats.UNKNOWN
                continue
            shared = frame.groupby(values.astype(str))["member_id"].nunique()
            shown[name] = shared.idxmax() if len(shared) and shared.max() >= fewest else ""
        else:
            shown[name] = formats.number(values.median(), 2) if len(values) else formats.UNKNOWN
    return styled(pd.Series(shown, name="a made-up member").to_frame())


def styled(
    frame: pd.DataFrame, how: Mapping[str, Callable] | None = None, digits: int = 6, index: bool = True
) -> Styler:
    """Return `frame` as HTML in which all text, names of rows and columns too, is shown as it stands, never run.

    `how` formats columns by name; other numbers have `digits` decimals. Without `index` rows have no names.
    """
    shown = frame.style.format(dict(how or {}), precision=digits, na_rep=formats.UNKNOWN, escape="html")
    days = isinstance(frame.index, pd.DatetimeIndex)
    shown = shown.format_index(formats.day if days else None, escape="html").format_index(escape="html", axis=1)
    shown = shown.format_index_names(escape="html").format_index_names(escape="html", axis=1)
    return shown if index else shown.hide()
