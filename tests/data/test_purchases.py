"""One purchase: what it is stands once, and new kinds of activity change activity and nothing about purchases."""

import ast
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest
from meaning import meant

from membership.base import paths, tables
from membership.base.errors import ParamError
from membership.data import activity, features, habits, purchases
from membership.profile import lifecycle
from membership.repurchase import purchase_days
from membership.repurchase.rules import OwnRate
from membership.settings import params
from membership.settings.windows import Windows

KINDS = {purchases.PURCHASE, purchases.RETURN}
AS_OF = date(2017, 12, 1)
HOMES = (
    "base/schemas.py",
    "data/purchases.py",
    "data/sources/",
    "data/guessing/",
)  # that say which kinds there are, and make events


def event(member_id, local_at, kind="purchase", **columns):
    row = {"member_id": member_id, "local_at": local_at, "kind": kind, "item_id": "milk", "order_id": None}
    return row | {"quantity": 1, "amount": 100, "discount": 0, "channel": None} | columns


def table(*rows):
    frame = pd.DataFrame(rows)
    frame = frame.assign(event_id=[f"e{row}" for row in range(len(frame))], currency="EUR", at=frame["local_at"])
    return tables.check("events", meant(frame))


EVENTS = table(
    event("a", "2017-01-10 10:00"),
    event("a", "2017-01-10 18:00", item_id="tea"),
    event("a", "2017-01-10 18:05", "return", amount=-100, quantity=-1),
    event("a", "2017-01-20 10:00", order_id="7"),
    event("a", "2017-01-21 10:00", order_id="7", quantity=0),
    event("a", "2017-01-30 10:00", item_id=None),
    event("a", "2017-11-20 10:00", "view"),
    event("b", "2017-11-25 10:00", "view"),
)


@pytest.mark.parametrize("convert", [ibis.memtable, lambda frame: frame], ids=["table", "frame"])
def test_purchases_and_returns_are_told_apart_and_both_are_paid(convert):
    events = convert(EVENTS)
    said = {test: getattr(purchases, test)(events) for test in ("is_purchase", "is_return", "is_paid")}
    found = {
        test: (column.to_pandas() if convert is ibis.memtable else column).tolist() for test, column in said.items()
    }
    assert found["is_purchase"] == [True, True, False, True, True, True, False, False]
    assert found["is_return"] == [False, False, True, False, False, False, False, False]
    assert found["is_paid"] == [bought or back for bought, back in zip(*list(found.values())[:2], strict=True)]


def test_purchases_of_one_day_without_an_order_id_are_one_order_and_returns_another():
    found = purchases.order(EVENTS[purchases.is_paid(EVENTS)])
    assert found.iloc[0] == found.iloc[1] != found.iloc[2]
    assert found.iloc[3] == found.iloc[4] == "7"
    assert found.nunique() == 4
    lines = purchases.lines(ibis.memtable(EVENTS)).order_by("event_id").to_pandas()
    assert lines["order"].tolist() == found[EVENTS["kind"] == "purchase"].tolist()
    assert lines["day"].nunique() == 4


def test_a_basket_line_is_a_purchase_of_a_unit_or_more_of_a_known_item():
    lines = purchases.basket_lines(ibis.memtable(EVENTS)).order_by("event_id").to_pandas()
    assert lines["event_id"].tolist() == ["e0", "e1", "e3"]


def _knows_kinds(path: Path) -> list[str]:
    """Return the lines of a module that have a kind of purchase as a literal; a `clock` of spells is no kind."""
    text = path.read_text(encoding="utf-8")
    numbers = {
        node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant) and node.value in KINDS
    }
    lines = text.splitlines()
    return [f"{path}:{number}" for number in sorted(numbers) if "clock" not in lines[number - 1].lower()]


def test_no_other_module_says_what_a_purchase_is():
    source = paths.root() / "src" / "membership"
    modules = {path.relative_to(source).as_posix(): path for path in source.rglob("*.py")}
    assert sum(len(_knows_kinds(path)) for name, path in modules.items() if name.startswith(HOMES)) >= 2  # it can find
    others = [line for name, path in modules.items() if not name.startswith(HOMES) for line in _knows_kinds(path)]
    assert others == [], "use membership.data.purchases"


WINDOWS = Windows(
    start=date(2017, 1, 1), calibration_end=date(2017, 11, 1), validation_end=AS_OF, holdout_end=date(2018, 1, 1)
)  # fmt: skip


def _stages(events, kinds):
    p, day = params.parse(params.read()), purchase_days.number(AS_OF)
    members = pd.DataFrame({"member_id": ["a", "b"], "joined_at": pd.Series([pd.NaT] * 2, dtype="datetime64[us]")})
    known = purchase_days.read(events, members, WINDOWS.start, AS_OF, kinds)
    borders = lifecycle.Borders(OwnRate(), 1.0, 14, purchase_days.number(WINDOWS.start))
    return known, borders.stages(known, day, p.lifecycle)["stage"].to_dict()


def test_views_that_count_as_activity_change_activity_and_nothing_about_purchases():
    events, kinds = ibis.memtable(EVENTS), params.load("features").economics.activity_kinds
    assert kinds == []
    assert activity.active(events, AS_OF, kinds).tolist() == []
    assert activity.active(events, AS_OF, [*kinds, "view"]).tolist() == ["a", "b"]
    plain, viewed = (_stages(events, known)[0] for known in (kinds, [*kinds, "view"]))
    assert plain.days.tolist() == viewed.days.tolist() and plain.spend.tolist() == viewed.spend.tolist()
    assert plain.visits is None and viewed.visits is not None


def test_a_member_who_views_again_has_not_lapsed_where_views_are_activity():
    events = ibis.memtable(EVENTS)
    stages = [_stages(events, kinds)[1] for kinds in ([], ["view"])]
    assert stages == [{"a": "lapsed", "b": "prospect"}, {"a": "active", "b": "prospect"}]


def test_features_and_habits_do_not_ask_what_activity_is():
    events = ibis.memtable(EVENTS)
    now = features.table(events, ibis.memtable({"member_id": ["a", "b"]}), [AS_OF]).set_index("member_id")
    assert now["purchase_days"].to_dict() == {"a": 4, "b": 0}
    assert now["orders"].to_dict() == {"a": 3, "b": 0}
    items = ibis.memtable({"item_id": ["milk"], "category": ["food"], "subcategory": ["dairy"], "brand": ["own"]})
    assert habits.at(events, items, AS_OF)["orders"].to_dict() == {"a": 3, "b": 0}


def test_kinds_that_are_unknown_or_can_never_be_coming_back_are_refused():
    with pytest.raises(ParamError, match=r"activity_kinds.1 = .holiday."):
        params.load("features", {"economics.activity_kinds": ["view", "holiday"]})
    with pytest.raises(ParamError, match="return is never coming back"):
        params.load("features", {"economics.comes_back": ["purchase", "return"]})
    with pytest.raises(ParamError, match="at least 1"):
        params.load("features", {"economics.comes_back": []})


def test_what_comes_back_is_activity_whatever_the_settings_name():
    events = ibis.memtable(EVENTS[EVENTS["local_at"] < "2017-12-01"].assign(local_at=pd.Timestamp("2017-11-20")))
    assert activity.active(events, AS_OF, []).tolist() == ["a"]
    assert activity.active(events, AS_OF, ["view"]).tolist() == ["a", "b"]
