"""The parts of a member's page: what is known of the member -> HTML. All text from tables is escaped."""

from collections.abc import Mapping
from html import escape

import pandas as pd

from membership.data.purchases import is_purchase, order
from membership.report.member_page import charts

MONTHS, ORDERS, NEEDS, ITEMS = 12, 5, 9, 6  # how much is shown


def top(member_id: str, facts: Mapping) -> str:
    """Return the head: who it is, persona, stage and tier as tags, and what to do next."""
    profile, tier, action = (facts.get(f"{name}_row") for name in ("profile", "tiers", "actions"))
    tags = []
    if profile is not None:
        tags = [profile["persona"], f"stage: {profile['stage'].replace('_', ' ')}", f"needs: {profile['main_need']}"]
    if tier is not None:
        tags.append(f"tier: {tier['tier']}")
    shown = "".join(f'<span class="tag">{escape(str(tag))}</span>' for tag in tags)
    told = "" if action is None else f'<div class="next"><b>Next:</b> {escape(str(action["next_action"]))}</div>'
    day = f"{facts['as_of']:%d %B %Y}".lstrip("0")
    quiet = f'<span class="quiet">as of {day}, from what happened before that day</span>'
    return f'<div class="top"><h1>Member {escape(member_id)}</h1>{quiet}<div>{shown}</div>{told}</div>'


def key_figures(facts: Mapping) -> str:
    """Return the figures that a glance should catch; those that are not known are left out."""
    value, tier = facts.get("value_row"), facts.get("tiers_row")
    shown = []
    if value is not None:
        shown += [
            ("value ahead", _money(value["value"], facts)),
            ("lifetime value", _money(value["residual_value"], facts)),
            ("P(alive)", _chance(value["p_alive"])),
            ("P(buys again soon)", _chance(value["p_repurchase"])),
            ("RFM", str(value["rfm_segment"])),
        ]
    if tier is not None:
        shown.append(("points", f"{tier['points']:,}"))
    cells = (
        f'<div class="fact"><span class="quiet">{escape(name)}</span><b>{escape(told)}</b></div>'
        for name, told in shown
    )
    return f'<div class="facts">{"".join(cells)}</div>' if shown else ""


def needs(facts: Mapping) -> str:
    """Return the needs furthest from the mean member's, behaviour and survey told apart by colour."""
    table = facts["needs"]
    if table.empty:
        return "<p>Too little is known of this member's behaviour, and no need is stated.</p>"
    far = table.assign(far=table["score"].abs(), stated=table["source"] == "survey")
    chosen = far[~far["stated"]].nlargest(NEEDS, "far")
    stated = far[far["stated"] & (far["score"] > 0)].nlargest(NEEDS // 2, "far")
    rows = pd.concat([chosen, stated]).sort_values(["stated", "score"], ascending=[True, False])
    colors = {"behaviour": charts.BLUE, "survey": charts.ORANGE}
    drawn = charts.bars([(row.need, row.score, colors[row.source]) for row in rows.itertuples()])
    keys = (f'<span class="key"><i style="background:{color}"></i>{name}</span>' for name, color in colors.items())
    none = "" if far["stated"].any() else "; no need is stated in a survey"
    note = f'<p class="quiet">standard deviations from the mean member{none}</p>'
    return drawn + f'<div class="legend">{"".join(keys)}</div>{note}'


def persona(facts: Mapping) -> str:
    """Return the persona, how typical the member is of it where that is known, and the main needs."""
    row = facts.get("profile_row")
    if row is None:
        return "<p>No profile: the member is not in the table.</p>"
    lines = [f"<b>{escape(str(row['persona']))}</b>"]
    typical = row.get("typicality")
    if pd.notna(typical):
        lines.append(f"How typical: {escape(_chance(typical))}" + charts.progress(float(typical)))
    lines.append(f"Main need, by behaviour: {escape(str(row['main_need']))}")
    stated = row.get("stated_need")
    lines.append(f"Main need, stated: {escape(str(stated)) if pd.notna(stated) else 'none'}")
    if pd.notna(row["top_category"]):
        lines.append(f"Spends most on: {escape(str(row['top_category']).lower())}")
    return "".join(f"<p>{line}</p>" for line in lines)


def life(facts: Mapping) -> str:
    """Return the stage of every month as a strip."""
    history = facts["lifecycle_history"].sort_values("as_of")
    months = list(zip(history["as_of"].dt.strftime("%Y-%m-%d"), history["stage"], strict=True))
    return charts.strip(months) if months else "<p>No month of history.</p>"


def worth(facts: Mapping) -> str:
    """Return the value with its interval, and the RFM scores."""
    row = facts.get("value_row")
    if row is None:
        return "<p>No value: the member is not in the table.</p>"
    amounts = tuple(_money(row[name], facts) for name in ("value_low", "value", "value_high"))
    drawn = charts.interval(row["value"], row["value_low"], row["value_high"], amounts)
    scores = [(word, int(row[f"{word}_score"])) for word in ("recency", "frequency", "monetary")]
    dots = "".join(
        f'<tr><td>{word}</td><td class="dots">{"●" * score}{"○" * (5 - score)}</td><td>{score} of 5</td></tr>'
        for word, score in scores
    )
    note = f"margin over the horizon, with its interval; expected: {row['expected_orders']:.1f} purchase days"
    group = f"<p>Segment: {escape(str(row['rfm_segment']))}; value group: {escape(str(row['value_group']))}</p>"
    return f'{drawn}<p class="quiet">{note}</p>{group}<table>{dots}</table>'


def tier(facts: Mapping) -> str:
    """Return the tier, the way to the next one, points and benefits."""
    row = facts.get("tiers_row")
    if row is None:
        return "<p>No tier: the member is not in the table.</p>"
    lines = [f"<b>{escape(str(row['tier']))}</b>, {row['points']:,} points"]
    if pd.notna(row["next_tier"]):
        way = _money(row["spend_to_next"], facts)
        lines.append(f"{way} of spend to {escape(str(row['next_tier']))}")
        lines.append(charts.progress(row["qualifying"] / max(row["qualifying"] + row["to_next"], 1)))
    else:
        lines.append("The highest tier.")
    if row["about_to_drop"]:
        lines.append("<b>About to drop</b> at the next month end, if nothing more is bought.")
    given = sorted(facts["allocations"]["benefit"]) if "allocations" in facts else []
    words = ", ".join(escape(name.replace("_", " ")) for name in given)
    lines.append(f"Benefits: {words or 'none'}")
    return "".join(f"<p>{line}</p>" for line in lines)


def items(facts: Mapping) -> str:
    """Return the items that are recommended next, with the reason of each."""
    row = facts.get("actions_row")
    named = [] if row is None else [name for name in (f"item_{rank}" for rank in range(1, ITEMS + 1)) if row.get(name)]
    lines = "".join(
        f'<tr><td>{escape(str(row[name]))}</td><td class="quiet">{escape(str(row.get(f"{name}_reason", "")))}</td></tr>'
        for name in named
    )
    return f"<table><tr><th>item</th><th>why</th></tr>{lines}</table>" if lines else "<p>Nothing is recommended.</p>"


def survey(facts: Mapping) -> str:
    """Return what the member answered before the cut-off; nothing is said for who did not."""
    table = facts["survey"]
    table = table[~(table["asked_at"] >= facts["as_of"])].sort_values(["question", "answer"])
    lines = "".join(
        f"<tr><td>{escape(row.question.replace('_', ' '))}</td><td>{escape(row.answer)}</td></tr>"
        for row in table.itertuples()
    )
    return f"<table>{lines}</table>" if lines else "<p>Did not answer; nothing is assumed.</p>"


def purchases(facts: Mapping) -> str:
    """Return spend by month and the last orders, before the cut-off only."""
    events, as_of = facts["events"], facts["as_of"]
    bought = events[is_purchase(events) & (events["local_at"] < as_of)]
    if bought.empty:
        return "<p>Nothing bought yet.</p>"
    months = pd.period_range(end=(as_of - pd.Timedelta(days=1)).to_period("M"), periods=MONTHS, freq="M")
    spend = bought.groupby(bought["local_at"].dt.to_period("M"))["amount"].sum().reindex(months, fill_value=0)
    rows = [(str(month), float(cents)) for month, cents in spend.items()]
    return charts.columns(rows, [_money(cents, facts) for _, cents in rows]) + _orders(bought, facts)


def _orders(bought: pd.DataFrame, facts: Mapping) -> str:
    names = facts["items"].set_index("item_id")["name"] if "items" in facts else pd.Series(dtype="str")
    named = bought.assign(order=order, name=bought["item_id"].map(names).fillna(bought["item_id"]))
    dearest = named.sort_values(["amount", "item_id"], ascending=[False, True]).drop_duplicates(["order", "name"])
    what = dearest.groupby("order")["name"].agg(lambda found: ", ".join(str(name).lower() for name in found[:3]))
    orders = named.groupby("order").agg(at=("local_at", "min"), lines=("item_id", "nunique"), paid=("amount", "sum"))
    last = orders.join(what.rename("what")).sort_values("at", ascending=False).head(ORDERS)
    lines = "".join(
        f'<tr><td class="day">{row.at:%Y-%m-%d}</td><td class="number">{row.lines}</td>'
        f'<td class="number">{row.paid / 100:,.2f}</td><td class="quiet">{escape(row.what)}</td></tr>'
        for row in last.itertuples(index=False)
    )
    numbers = '<th class="number">items</th><th class="number">paid</th>'
    return f'<table><tr><th class="day">last orders</th>{numbers}<th>dearest</th></tr>{lines}</table>'


def _chance(share: float) -> str:
    """Return a probability in per cent; a model is never certain, so neither is the page."""
    return "> 99%" if share > 0.99 else "< 1%" if share < 0.01 else f"{share:.0%}"


def _money(cents: float, facts: Mapping) -> str:
    events = facts.get("events")
    currency = f" {events['currency'].iloc[0]}" if events is not None and len(events) else ""
    return f"{cents / 100:,.0f}{currency}" if abs(cents) >= 10_000 else f"{cents / 100:,.2f}{currency}"


# Title, tables without which the card cannot be drawn, and what draws it.
CARDS = (
    ("What this member needs", ("needs",), needs),
    ("Persona", ("profile",), persona),
    ("Value", ("value",), worth),
    ("Survey", ("survey",), survey),
    ("Stage, month by month", ("lifecycle_history",), life),
    ("Purchases", ("events",), purchases),
    ("Tier and benefits", ("tiers", "allocations"), tier),
    ("Next items", ("actions",), items),
)
