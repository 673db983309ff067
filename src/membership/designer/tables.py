"""What the tier designer says of a choice, as tables and words; money in units of currency."""

import html

import pandas as pd
import yaml

from membership.designer.what_if import Choice, Designer, Outcome

_WARN = "#b3541e"


def page(outcome: Outcome, designer: Designer) -> str:
    """Return, as HTML, what is wrong with the choice, or its figures beside those of the saved policy."""
    if outcome.message:
        return f'<p style="color:{_WARN};max-width:46em"><b>Not possible.</b> {html.escape(outcome.message)}</p>'
    warned = "".join(
        f'<p style="color:{_WARN};margin:0">{html.escape(text)}</p>' for text in warnings(outcome, designer)
    )
    tables = (comparison(outcome, designer.saved_outcome), by_tier(outcome), by_benefit(outcome))
    return warned + "".join(_html(table) for table in tables)


def comparison(outcome: Outcome, saved: Outcome) -> pd.DataFrame:
    """Return the sums of `outcome` beside those of the saved policy, as text: one row each, and the difference."""
    rows = {name: _sums(each) for name, each in (("this choice", outcome), ("saved policy", saved))}
    table = pd.DataFrame(rows).T
    table.loc["difference"] = table.loc["this choice"] - table.loc["saved policy"]
    told = table.map(lambda units: f"{units:,.0f}")
    for exact in ("moves a year", "shadow price"):
        told[exact] = table[exact].map(lambda value: f"{value:,.2f}")
    for name, each in (("this choice", outcome), ("saved policy", saved)):
        told.loc[name, "net, 95 %"] = f"{each.low / 100:,.0f} to {each.high / 100:,.0f}"
    return told.fillna("")


def by_tier(outcome: Outcome) -> pd.DataFrame:
    """Return `Outcome.by_tier` for reading: members, who rose and fell against the saved rule, cost and net."""
    table = outcome.by_tier
    counts = table[["members", "rise", "fall"]].map(lambda value: f"{value:,}")
    share = (table["members"] / max(table["members"].sum(), 1)).map("{:.1%}".format)
    money = pd.DataFrame(
        {
            "tier costs": table["cost"],
            "tier net": table["net"],
            "benefits cost": table["benefit_cost"],
            "benefits net": table["benefit_net"],
        }
    ).map(lambda cents: f"{cents / 100:,.0f}")
    counts.insert(1, "share", share)
    return counts.rename(columns={"rise": "rose here", "fall": "fell here"}).join(money)


def by_benefit(outcome: Outcome) -> pd.DataFrame:
    """Return `Outcome.by_benefit` for reading; a benefit that is switched off says so."""
    table = outcome.by_benefit.rename(index=lambda name: name.replace("_", " "))
    told = pd.DataFrame({"members": table["members"].map("{:,}".format)})
    for column in ("cost", "net"):
        told[column] = (table[column] / 100).map("{:,.0f}".format)
    off = [name not in outcome.choice.uplift_times for name in outcome.by_benefit.index]
    told.loc[off, "members"] = "off"
    return told


def warnings(outcome: Outcome, designer: Designer) -> list[str]:
    """Return which limits of `tiers.search` the choice does not keep; the benefits' budget is always kept."""
    limits, said = designer.terms.settings.search, []
    if outcome.tier_cost > outcome.choice.tier_budget:
        said.append(
            f"The tiers cost {outcome.tier_cost / 100:,.0f}, more than their budget of "
            f"{outcome.choice.tier_budget / 100:,.0f}."
        )
    if outcome.moves > limits.max_moves_per_year:
        said.append(
            f"Members move {outcome.moves:.2f} levels a year; tiers.search.max_moves_per_year is "
            f"{limits.max_moves_per_year:g}."
        )
    return said


def snippet(choice: Choice, designer: Designer) -> str:
    """Return what makes `choice` the policy, as a part of `params.yaml`: knobs that are not there stay as they are."""
    catalogue = [
        benefit.model_dump(mode="json", exclude_defaults=True)
        | {"uplift": round(benefit.uplift * times, 6), "uplift_sd": round(benefit.uplift_sd * times, 6)}
        for benefit in designer.benefits.catalogue
        if (times := choice.uplift_times.get(benefit.name)) is not None
    ]
    tiers = {
        "thresholds": [int(threshold) for threshold in choice.thresholds],
        "grace_share": round(choice.grace_share, 4),
        "grace_months": choice.grace_months,
        "search": {"budget": round(choice.tier_budget)},
    }
    part = {
        "economics": {"margin_rate": round(choice.margin_rate, 4)},
        "tiers": tiers,
        "benefits": {"budget": round(choice.benefit_budget), "catalogue": catalogue},
    }
    return yaml.safe_dump(part, sort_keys=False, default_flow_style=None, width=120)


def conclusion(outcome: Outcome, saved: Outcome) -> str:
    """Say in words, as Markdown, what `outcome` would change of the saved policy."""
    if outcome.message:
        return f"This choice is not possible. {outcome.message}"
    gained, spent = (outcome.net - saved.net) / 100, (outcome.cost - saved.cost) / 100
    moved = int(outcome.by_tier[["rise", "fall"]].to_numpy().sum())
    least, most = saved.low / 100, saved.high / 100
    return (
        f"The saved policy is expected to bring **{saved.net / 100:,.0f}** ({least:,.0f} to {most:,.0f}) for "
        f"{saved.cost / 100:,.0f}, if members respond as assumed. This choice would bring {abs(gained):,.0f} "
        f"**{'more' if gained >= 0 else 'less'}** and cost {abs(spent):,.0f} {'more' if spent >= 0 else 'less'}; "
        f"{moved:,} members would be in another tier today. The difference rests on the same assumed uplifts: an "
        "experiment, not this notebook, can say whether they hold."
    )


def _html(table: pd.DataFrame) -> str:
    """Return `table` as HTML that looks the same in a widget, where JupyterLab's styles of tables do not reach."""
    text = table.rename_axis(None).to_html(border=0, justify="right")
    cell = 'style="text-align:right;padding:0 0 0 0.8em;line-height:1.5;white-space:nowrap"'
    return text.replace("<td>", f"<td {cell}>").replace("<th>", f"<th {cell}>") + '<div style="height:0.8em"></div>'


def _sums(outcome: Outcome) -> dict[str, float]:
    return {
        "net": outcome.net / 100,
        "cost": outcome.cost / 100,
        "tiers cost": outcome.tier_cost / 100,
        "benefits cost": outcome.benefit_cost / 100,
        "moves a year": outcome.moves,
        "shadow price": outcome.shadow_price,
    }
