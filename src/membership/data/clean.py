"""Cleaning: one named rule for each defect. Each counts the rows it finds and says what becomes of them, and why.

Every rule looks at the rows as they were read, so its count does not depend on the other rules and can be compared
with published figures about the data. Several rules may find the same row. Then the rules are applied in order.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import pandas as pd

from membership.base import engine, tables
from membership.base.errors import DataError
from membership.base.schemas import MEANING
from membership.data import doubts, meaning, purchases
from membership.data.canonical import Canonical
from membership.settings.clean import Clean
from membership.settings.economics import Economics

OUTLYING = 5_000  # times the median line
MOST = 10**12  # cents that no line comes near
OUTLIER = "outlier"  # the rule


@dataclass(frozen=True)
class Cleaned:
    """Clean canonical tables, and the table `quality`: what each rule found."""

    data: Canonical
    quality: pd.DataFrame


@dataclass(frozen=True)
class Rule:
    """A defect: how its rows are `found`, whether they are kept, corrected or dropped, and, if corrected, how."""

    name: str
    action: str
    found: Callable[[ir.Table, Clean], ir.BooleanValue]
    why: str
    corrected: Callable[[ir.Table], dict[str, ir.Value]] = lambda events: {}


def clean(
    data: Canonical, settings: Clean, economics: Economics | None = None, con: ibis.BaseBackend | None = None
) -> Cleaned:
    """Return `data` with its events cleaned by `rules(settings)`, and with what they mean by `economics`.

    They lie on `con` afterwards, where table `events` is gone; without `con` they come back as a frame. `items` gain
    the column `is_product` (false for what nobody would recommend, such as postage) and lose the ids that were unified
    with another. Raises DataError where no event is left.
    """
    if con is None:
        found = clean(data, settings, economics, engine.connect())
        return replace(found, data=found.data.held())
    economics = economics or Economics()
    data = data.placed(con)
    most = settings.outlier_amount or _outlying(data.events, economics)
    settings = settings.model_copy(update={"outlier_amount": most})
    items = engine.keep(con, "items", tables.check("items", data.items))
    events = meaning.meant(_with_context(data.events, items), economics)
    steps = rules(settings)
    flags = {rule.name: rule.found(events, settings).fill_null(False) for rule in steps}
    flagged = engine.keep(con, "flagged", events.mutate(**flags))
    engine.drop(con, "events")  # every row is in `flagged`, and two copies are what memory would not hold first
    quality = _quality(flagged, steps, settings.loud_share)
    quality["limit"] = quality["rule"].map({OUTLIER: float(most)})
    if quality["left"].iloc[-1] == 0:
        worst = quality.loc[quality["rows"].iloc[1:].idxmax()]
        raise DataError(
            f"events: none of {quality['rows'].iloc[0]} rows is left after cleaning. Rule '{worst['rule']}' alone "
            f"found {worst['rows']} ({worst['why']}). Check section clean of params.yaml, and the mapping of columns."
        )
    kept = meaning.meant(_carried_out(flagged, steps), economics)
    kept = kept.select(*(column for column in tables.ALL["events"].columns if column in kept.columns))
    kept = engine.keep(con, "cleaned", meaning.ordered(meaning.paid(kept, economics)))
    products = _items(items, flagged, settings).order_by("item_id").to_pandas()
    engine.drop(con, "flagged")
    members, early = _joined(data.members, settings)
    found = data.found | ({doubts.EARLY: early} if early else {})
    left = replace(data, events=kept, items=products, members=members, found=found)
    return Cleaned(left, _with_doubts(quality, doubts.found(left, settings.suspicious_share, settings.loud_share)))


def _joined(members: pd.DataFrame, settings: Clean) -> tuple[pd.DataFrame, int]:
    """Return `members` without days of joining that are too early to be true, and how many those are."""
    early = members["joined_at"] < pd.Timestamp(settings.earliest)
    return members.assign(joined_at=members["joined_at"].mask(early)), int(early.sum())


def largest(quality: pd.DataFrame) -> int:
    """Return the cents on a line above which table `quality` was cleaned."""
    return int(quality.loc[quality["rule"] == OUTLIER, "limit"].iloc[0])


def rules(settings: Clean) -> tuple[Rule, ...]:
    """Return the rules in the order in which they are applied."""
    case = "corrected" if settings.item_case == "unified" else "kept"
    return (
        Rule("missing_member", "dropped", _missing_member, "nobody to value or to contact"),
        Rule("impossible_time", "dropped", _impossible_time, "no time, or one outside clean.earliest and latest"),
        Rule("cancellation", "corrected", _cancellation, "the order id says so: its lines are returns", _as_return),
        Rule(purchases.RETURN, "corrected", _return, "units came back: a return, with negative amount", _as_return),
        Rule("zero_quantity", "dropped", _zero_quantity, "nothing was bought: coupons and voided scans"),
        Rule("negative_amount", "dropped", _negative_amount, "money paid to the buyer: bookkeeping, not a sale"),
        Rule("zero_amount", settings.zero_amounts, _zero_amount, "nothing was paid: free goods, samples, corrections"),
        Rule(
            "exact_duplicate",
            settings.exact_duplicates,
            _exact_duplicate,
            "equal to an earlier row in every column, without an own id",
        ),
        Rule(OUTLIER, "dropped", _outlier, "above clean.outlier_quantity or outlier_amount"),
        Rule("item_case", case, _item_case, "differs from a more frequent id only by case", _in_one_form),
        Rule("non_product", "kept", _non_product, "counts as spend, but items.is_product is false"),
    )


def _missing_member(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    return events.member_id.fill_null("") == ""


def _impossible_time(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    first, end = (ibis.timestamp(day.isoformat()) for day in (settings.earliest, settings.latest))
    return ~((events.local_at >= first) & (events.local_at < end)).fill_null(False)


def _cancellation(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    counted = purchases.is_counted(events) | purchases.is_sale(events)
    return _matches(events.order_id, settings.cancellation_pattern) & counted


def _return(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    sold = purchases.is_sale(events) & ~purchases.is_return(events)
    sent_back = sold & (events.quantity < 0)
    paid_back = purchases.is_purchase(events) & ~sold & ((events.quantity < 0) | (events.amount < 0))
    wrong_sign = purchases.is_return(events) & ((events.quantity > 0) | (events.amount > 0))
    return (sent_back | paid_back | wrong_sign) & ~_cancellation(events, settings).fill_null(False)


def _zero_quantity(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    return purchases.is_sale(events) & (events.quantity == 0)


def _negative_amount(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    sold = purchases.is_sale(events) & ~purchases.is_return(events)
    return sold & (events.quantity > 0) & (events.amount < 0)


def _zero_amount(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    return purchases.is_sale(events) & (events.quantity != 0) & (events.amount == 0)


def _exact_duplicate(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    names = [name for name in tables.ALL["events"].columns if name in events.columns and name not in MEANING]
    content = [events[name] for name in names if name != "event_id"]
    again = ibis.row_number().over(group_by=content, order_by=events.event_id) > 0
    return again & ~events.own_id if "own_id" in events.columns else again  # an id says that they are two


def _outlier(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    return (events.quantity.abs() > settings.outlier_quantity) | (events.amount.abs() > settings.outlier_amount)


def _item_case(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    return events.item_id != events.usual_id


def _non_product(events: ir.Table, settings: Clean) -> ir.BooleanValue:
    return _is_no_product(events.item_id, events.category, settings)


def _is_no_product(item_id: ir.StringValue, category: ir.StringValue, settings: Clean) -> ir.BooleanValue:
    wrong_id = ~_matches(item_id, settings.product_pattern) & bool(settings.product_pattern)
    return wrong_id.fill_null(False) | _matches(category, settings.non_product_pattern).fill_null(False)


def _matches(text: ir.StringValue, pattern: str) -> ir.BooleanValue:
    """Whether `text` matches; an empty pattern matches nothing."""
    return text.re_search(pattern) if pattern else ibis.literal(False)


def _as_return(events: ir.Table) -> dict[str, ir.Value]:
    return {"kind": ibis.literal(purchases.RETURN), "quantity": -events.quantity.abs(), "amount": -events.amount.abs()}


def _in_one_form(events: ir.Table) -> dict[str, ir.Value]:
    return {"item_id": events.usual_id}


def _with_context(events: ir.Table, items: ir.Table) -> ir.Table:
    """Events with the category of their item, and the most frequent of the ids that equal its own but for case."""
    forms = events.group_by("item_id").agg(events=lambda t: t.count())
    frequency = [forms.events.desc(), forms.item_id]
    usual = forms.item_id.first().over(group_by=forms.item_id.upper(), order_by=frequency)
    known = forms.select("item_id", usual_id=usual).left_join(items.select("item_id", "category"), "item_id")
    return events.left_join(known.drop("item_id_right"), "item_id").drop("item_id_right")


def _outlying(events: ir.Table, economics: Economics) -> int:
    """Return the cents on a line that are beyond belief: OUTLYING times those of the median line, at most MOST."""
    paid = events.filter(events.kind.isin(economics.pays), events.amount != 0).amount.abs()
    median = paid.median().to_pyarrow().as_py()
    return MOST if median is None else min(int(OUTLYING * median), MOST)


def _quality(flagged: ir.Table, steps: tuple[Rule, ...], loud: float) -> pd.DataFrame:
    """Table `quality`, in one pass over the events; step 0 is what was read."""
    left, counts = ibis.literal(True), {"read": flagged.count()}
    paid = purchases.is_paid(flagged).ifelse(flagged.amount.abs(), 0).cast("float64")
    counts["money"] = paid.sum()
    for rule in steps:
        if rule.action == "dropped":
            left = left & ~flagged[rule.name]
        counts |= {rule.name: flagged[rule.name].sum(), f"left {rule.name}": left.sum()}
        counts[f"money {rule.name}"] = flagged[rule.name].ifelse(paid, 0.0).sum()
    count = flagged.agg(**counts).to_pandas().iloc[0].fillna(0)
    rows = [("as_read", "kept", count["read"], count["read"], None, None, False, "all rows of the source")]
    gone = _gone(flagged, [rule.name for rule in steps if rule.action == "dropped"])
    for rule in steps:
        money, members = count[f"money {rule.name}"] / max(count["money"], 1.0), gone.get(rule.name)
        told = rule.action == "dropped" and bool(max(money, members) > loud)
        rows.append(
            (rule.name, rule.action, count[rule.name], count[f"left {rule.name}"], money, members, told, rule.why)
        )
    quality = pd.DataFrame(rows, columns=["rule", "action", "rows", "left", "money", "members", "loud", "why"])
    quality = quality.astype({"rows": "int64", "left": "int64", "members": "float64"})
    return quality.assign(money=quality["money"].clip(upper=1)).rename_axis("step").reset_index()


def _gone(flagged: ir.Table, names: list[str]) -> pd.Series:
    """Return for each of the rules `names` the share of members all of whose rows it alone takes."""
    known = flagged.filter(flagged.member_id.fill_null("") != "")
    every = known.group_by("member_id").agg(**{name: known[name].all() for name in names})
    return every.agg(**{name: every[name].cast("int32").mean() for name in names}).to_pandas().iloc[0].fillna(0.0)


def _with_doubts(quality: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Table `quality` with the rows `more` after its own."""
    last = quality.iloc[-1]
    more = more.assign(step=last["step"] + 1 + more.index, left=last["left"], money=float("nan"), limit=float("nan"))
    both = pd.concat([quality.assign(whom=None), more]) if len(more) else quality.assign(whom=None)
    types = {"whom": "str", "loud": "bool", "rows": "int64", "step": "int64", "members": "float64"}
    return both[list(tables.ALL["quality"].columns)].astype(types).reset_index(drop=True)


def _carried_out(flagged: ir.Table, steps: tuple[Rule, ...]) -> ir.Table:
    events = flagged
    for rule in steps:
        if rule.action == "dropped":
            events = events.filter(~events[rule.name])
        elif rule.action == "corrected":
            new = rule.corrected(events)
            events = events.mutate(**{name: events[rule.name].ifelse(new[name], events[name]) for name in new})
    return events


def _items(items: ir.Table, flagged: ir.Table, settings: Clean) -> ir.Table:
    """Items under the one form of their id, and whether each is a product."""
    items = items.mutate(is_product=~_is_no_product(items.item_id, items.category, settings))
    if settings.item_case == "kept":
        return items
    return items.anti_join(flagged.filter(flagged.item_case), "item_id")
