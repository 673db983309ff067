"""What the tier designer shows of a choice: its page and tables, as text; money in units of currency."""

import pandas as pd
from markupsafe import Markup

from membership.designer.what_if import Designer, Outcome
from membership.report import formats, words

_CELL = 'style="text-align:right;padding:0 0 0 0.8em;line-height:1.5;white-space:nowrap"'


def page(outcome: Outcome, designer: Designer) -> str:
    """Return, as HTML, why the choice is not possible, or its figures beside those of the saved policy."""
    made = (
        () if outcome.message else (comparison(outcome, designer.saved_outcome), by_tier(outcome), by_benefit(outcome))
    )
    most = designer.terms.settings.search.max_moves_per_year
    return words.page("designer_page", outcome=outcome, max_moves=most, tables=[_html(table) for table in made])


def comparison(outcome: Outcome, saved: Outcome) -> pd.DataFrame:
    """Return the sums of `outcome` beside those of the saved policy: one row each, and the difference."""
    table = pd.DataFrame({"this choice": _sums(outcome), "saved policy": _sums(saved)}).T
    table.loc["difference"] = table.loc["this choice"] - table.loc["saved policy"]
    told = table.map(_whole)
    told["moves a year"] = table["moves a year"].map(lambda moves: formats.number(moves, 2))
    told["shadow price"] = table["shadow price"].map(lambda price: formats.number(price, 2))
    ends = [(outcome.low, outcome.high), (saved.low, saved.high), outcome.beyond(saved)[1:]]
    return told.assign(**{"net, 95 %": [_interval(*pair) for pair in ends]})


def by_tier(outcome: Outcome) -> pd.DataFrame:
    """Return `Outcome.by_tier` for reading: members, who rose and fell from the saved rule, cost, net and its range."""
    table = outcome.by_tier
    counts = table[["members", "rise", "fall"]].map(formats.number)
    counts.insert(1, "share", (table["members"] / max(table["members"].sum(), 1)).map(formats.share))
    money = {
        "tier costs": table["cost"].map(_whole),
        "tier net, 95 %": _ranged(table, "net"),
        "benefits cost": table["benefit_cost"].map(_whole),
        "benefits net, 95 %": _ranged(table, "benefit_net"),
    }
    return counts.rename(columns={"rise": "rose here", "fall": "fell here"}).assign(**money)


def by_benefit(outcome: Outcome) -> pd.DataFrame:
    """Return `Outcome.by_benefit` for reading; a benefit that is switched off says so."""
    table = outcome.by_benefit
    told = pd.DataFrame({"members": table["members"].map(formats.number), "cost": table["cost"].map(_whole)})
    told["net, 95 %"] = _ranged(table, "net")
    told.loc[~told.index.isin(list(outcome.choice.uplift_times)), "members"] = "off"
    return told.rename(index=lambda name: name.replace("_", " "))


def _html(table: pd.DataFrame) -> Markup:
    """Return `table` as HTML that looks the same in a widget, where JupyterLab's styles of tables do not reach."""
    text = table.rename_axis(None).to_html(border=0, justify="right")
    return Markup(text.replace("<td>", f"<td {_CELL}>").replace("<th>", f"<th {_CELL}>"))  # pandas escapes cells


def _sums(outcome: Outcome) -> dict[str, float]:
    return {
        "net": outcome.net,
        "cost": outcome.cost,
        "tiers cost": outcome.tier_cost,
        "benefits cost": outcome.benefit_cost,
        "moves a year": outcome.moves,
        "shadow price": outcome.shadow_price,
    }


def _ranged(table: pd.DataFrame, name: str) -> list[str]:
    """Return the net in column `name` of each row with its range, as "4,159 (370 to 7,948)"."""
    ends = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [f"{_whole(net)} ({_interval(low, high)})" for net, low, high in ends]


def _interval(low: float, high: float) -> str:
    return formats.interval(low, high, formats.money, digits=0)


def _whole(cents: float) -> str:
    return formats.money(cents, digits=0)
