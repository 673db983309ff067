"""What the tier designer shows of a choice: its page and tables, as text; money in units of currency."""

import pandas as pd

from membership.designer.what_if import Designer, Outcome
from membership.report import formats, words

_CELL = 'style="text-align:right;padding:0 0 0 0.8em;line-height:1.5;white-space:nowrap"'


def page(outcome: Outcome, designer: Designer) -> str:
    """Return, as HTML, why the choice is not possible, or its figures beside those of the saved policy."""
    made = (
        () if outcome.message else (comparison(outcome, designer.saved_outcome), by_tier(outcome), by_benefit(outcome))
    )
    most = designer.terms.settings.search.max_moves_per_year
    return words.render("designer_page", outcome=outcome, max_moves=most, tables=[_html(table) for table in made])


def comparison(outcome: Outcome, saved: Outcome) -> pd.DataFrame:
    """Return the sums of `outcome` beside those of the saved policy: one row each, and the difference."""
    table = pd.DataFrame({"this choice": _sums(outcome), "saved policy": _sums(saved)}).T
    table.loc["difference"] = table.loc["this choice"] - table.loc["saved policy"]
    told = table.map(_whole)
    told["moves a year"] = table["moves a year"].map(lambda moves: formats.number(moves, 2))
    told["shadow price"] = table["shadow price"].map(lambda price: formats.number(price, 2))
    intervals = [formats.interval(each.low, each.high, formats.money, digits=0) for each in (outcome, saved)]
    return told.assign(**{"net, 95 %": [*intervals, ""]})


def by_tier(outcome: Outcome) -> pd.DataFrame:
    """Return `Outcome.by_tier` for reading: members, who rose and fell from the saved rule, cost and net."""
    table = outcome.by_tier
    counts = table[["members", "rise", "fall"]].map(formats.number)
    counts.insert(1, "share", (table["members"] / max(table["members"].sum(), 1)).map(formats.share))
    named = {"cost": "tier costs", "net": "tier net", "benefit_cost": "benefits cost", "benefit_net": "benefits net"}
    money = table[list(named)].rename(columns=named).map(_whole)
    return counts.rename(columns={"rise": "rose here", "fall": "fell here"}).join(money)


def by_benefit(outcome: Outcome) -> pd.DataFrame:
    """Return `Outcome.by_benefit` for reading; a benefit that is switched off says so."""
    told = outcome.by_benefit[["cost", "net"]].map(_whole)
    told.insert(0, "members", outcome.by_benefit["members"].map(formats.number))
    told.loc[~told.index.isin(list(outcome.choice.uplift_times)), "members"] = "off"
    return told.rename(index=lambda name: name.replace("_", " "))


def _html(table: pd.DataFrame) -> str:
    """Return `table` as HTML that looks the same in a widget, where JupyterLab's styles of tables do not reach."""
    text = table.rename_axis(None).to_html(border=0, justify="right")
    return text.replace("<td>", f"<td {_CELL}>").replace("<th>", f"<th {_CELL}>")


def _sums(outcome: Outcome) -> dict[str, float]:
    return {
        "net": outcome.net,
        "cost": outcome.cost,
        "tiers cost": outcome.tier_cost,
        "benefits cost": outcome.benefit_cost,
        "moves a year": outcome.moves,
        "shadow price": outcome.shadow_price,
    }


def _whole(cents: float) -> str:
    return formats.money(cents, digits=0)
