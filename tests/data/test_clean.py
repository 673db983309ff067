"""Cleaning: each rule finds its defect, counts it, and does what it says."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from membership.base import tables
from membership.base.errors import DataError
from membership.base.schemas import MEANING
from membership.data.canonical import Canonical, empty
from membership.data.clean import clean
from membership.settings.clean import Clean

DEFAULTS = {
    "earliest": date(2000, 1, 1),
    "latest": date(2030, 1, 1),
    "cancellation_pattern": "",
    "product_pattern": "",
    "non_product_pattern": "",
    "item_case": "kept",
    "zero_amounts": "kept",
    "exact_duplicates": "dropped",
    "outlier_quantity": 1000,
    "outlier_amount": 100000,
}
SOUND = {
    "member_id": "m1",
    "item_id": "i1",
    "kind": "purchase",
    "at": "2020-05-01 10:00",
    "quantity": 2,
    "amount": 500,
    "discount": 0,
    "currency": "EUR",
    "order_id": "o1",
    "channel": "web",
    "measure": float("nan"),
}


def market(*rows: dict, items: dict[str, str] | None = None) -> Canonical:
    """The canonical tables of `rows`, each a sound purchase but for what it names; `items`: id -> category."""
    events = pd.DataFrame([{"event_id": f"e{number}"} | SOUND | row for number, row in enumerate(rows)])
    at = pd.to_datetime(events["at"], format="ISO8601").astype("datetime64[us]")
    events = events.astype(dict.fromkeys(("member_id", "item_id", "order_id"), "str")).assign(at=at, local_at=at)
    items = items or dict.fromkeys(events["item_id"].dropna(), "food")
    known = pd.DataFrame({"item_id": items.keys(), "category": items.values()})
    return Canonical(
        members=pd.DataFrame({"member_id": ["m1", "m2"], "joined_at": pd.NaT}),
        items=known.assign(name=known["item_id"], subcategory=None, brand=None),
        events=events[[column for column in tables.ALL["events"].columns if column not in MEANING]],
        survey=empty("survey"),
        offers=empty("offers"),
        exposures=empty("exposures"),
    )


def cleaned(data: Canonical, **changes):
    return clean(data, Clean.model_validate(DEFAULTS | changes))


def found(result) -> dict[str, int]:
    """The rules that found something, and how many rows."""
    rules = result.quality.iloc[1:].set_index("rule")["rows"]
    return rules[rules > 0].to_dict()


@pytest.mark.parametrize(
    ("rule", "row", "settings"),
    [
        ("missing_member", {"member_id": None}, {}),
        ("missing_member", {"member_id": ""}, {}),
        ("impossible_time", {"at": None}, {}),
        ("impossible_time", {"at": "1999-12-31 23:59"}, {}),
        ("impossible_time", {"at": "2030-01-01"}, {}),
        ("zero_quantity", {"quantity": 0, "amount": 7}, {}),
        ("negative_amount", {"amount": -1}, {}),
        ("zero_amount", {"amount": 0}, {"zero_amounts": "dropped"}),
        ("outlier", {"quantity": 1001}, {}),
        ("outlier", {"amount": 100001}, {}),
    ],
)
def test_a_row_with_this_defect_is_dropped_and_counted_by_its_rule_alone(rule, row, settings):
    result = cleaned(market({"item_id": "sound"}, row), **settings)
    assert result.data.events["item_id"].tolist() == ["sound"]
    assert found(result) == {rule: 1}


@pytest.mark.parametrize(
    "row",
    [
        {"at": "2000-01-01 00:00"},
        {"at": "2029-12-31 23:59:59"},
        {"quantity": 1000, "amount": 100000},
        {"kind": "view", "quantity": 0, "amount": 0, "order_id": None},
        {"kind": "contact", "item_id": None, "quantity": 0, "amount": 0},
    ],
)
def test_a_row_within_the_limits_is_left_as_it_is(row):
    result = cleaned(market(row))
    assert found(result) == {}
    pd.testing.assert_frame_equal(result.data.events.drop(columns=list(MEANING)), market(row).events, check_dtype=False)


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("return", {"quantity": -2, "amount": -500}),
        ("return", {"quantity": -2}),
        ("return", {"kind": "return"}),
        ("return", {"kind": "renewal", "amount": -500}),
        ("return", {"kind": "renewal", "quantity": -2}),
        ("cancellation", {"order_id": "C1", "quantity": -2, "amount": -500}),
        ("cancellation", {"order_id": "C1"}),
    ],
)
def test_what_went_back_becomes_a_return_with_negative_quantity_and_amount(rule, row):
    result = cleaned(market(row), cancellation_pattern="^C")
    event = result.data.events.iloc[0]
    assert (event["kind"], event["quantity"], event["amount"]) == ("return", -2, -500)
    assert found(result) == {rule: 1}


def test_free_goods_can_be_kept():
    result = cleaned(market({"amount": 0}), zero_amounts="kept")
    assert len(result.data.events) == 1
    assert found(result) == {"zero_amount": 1}


def test_of_equal_rows_the_first_id_stays_unless_repeats_are_real():
    rows = market({}, {}, {}, {"quantity": 3})
    assert cleaned(rows).data.events["event_id"].tolist() == ["e0", "e3"]
    assert len(cleaned(rows, exact_duplicates="kept").data.events) == 4
    assert found(cleaned(rows)) == found(cleaned(rows, exact_duplicates="kept")) == {"exact_duplicate": 2}


def test_ids_that_differ_by_case_take_the_more_frequent_form_and_ties_the_first():
    rows = [{"item_id": code, "order_id": str(order)} for order, code in enumerate(("a1", "a1", "A1", "b2", "B2"))]
    result = cleaned(market(*rows), item_case="unified")
    assert result.data.events["item_id"].tolist() == ["a1", "a1", "a1", "B2", "B2"]
    assert result.data.items["item_id"].tolist() == ["B2", "a1"]
    assert found(result) == {"item_case": 2}
    assert cleaned(market(*rows)).data.events["item_id"].tolist() == ["a1", "a1", "A1", "b2", "B2"]


def test_the_old_name_for_unified_ids_is_taken_with_a_message():
    with pytest.warns(UserWarning, match="'mended' is called 'unified' now"):
        settings = Clean.model_validate(DEFAULTS | {"item_case": "mended"})
    assert settings == Clean.model_validate(DEFAULTS | {"item_case": "unified"})


def test_what_is_no_product_by_id_or_category_is_marked_but_its_spend_stays():
    items = {"10": "food", "POST": "food", "11": "FUEL"}
    rows = market(*({"item_id": item} for item in items), items=items)
    result = cleaned(rows, product_pattern="^[0-9]", non_product_pattern="^FUEL$")
    assert result.data.items.set_index("item_id")["is_product"].to_dict() == {"10": True, "POST": False, "11": False}
    assert result.data.events["amount"].sum() == 1500
    assert found(result) == {"non_product": 2}


def test_a_count_does_not_depend_on_what_other_rules_drop():
    both = {"member_id": None, "quantity": 0}
    result = cleaned(market({}, both, both | {"item_id": "i2"}))
    assert found(result) == {"missing_member": 2, "zero_quantity": 2}
    assert result.quality["left"].tolist() == [3, *[1] * (len(result.quality) - 1)]


def test_quality_fits_its_schema_and_ends_with_the_rows_that_are_left():
    result = cleaned(market({}, {"quantity": 0}))
    quality = tables.check("quality", result.quality)
    assert quality["left"].iloc[-1] == len(result.data.events) == 1


def test_where_nothing_is_left_the_message_names_the_rule_that_found_most():
    with pytest.raises(DataError, match=r"none of 2 rows is left.* 'missing_member' alone found 2"):
        cleaned(market({"member_id": None}, {"member_id": None}))


lines = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(("purchase", "return", "view")),
        "quantity": st.integers(-3, 3),
        "amount": st.integers(-300, 300),
        "order_id": st.sampled_from(("C1", "o1", None)),
        "item_id": st.sampled_from(("a", "A", "b", None)),
    }
)


@hypothesis(max_examples=8, deadline=None)
@given(st.lists(lines, max_size=8))
def test_signs_agree_with_kinds_and_cleaning_twice_changes_nothing_more(rows):
    settings = {"cancellation_pattern": "^C", "item_case": "unified", "exact_duplicates": "kept"}
    once = cleaned(market({}, *rows), **settings).data
    bought, returned = (once.events[once.events["kind"] == kind] for kind in ("purchase", "return"))
    assert (bought["quantity"] > 0).all()
    assert (bought["amount"] >= 0).all()
    assert (returned["quantity"] < 0).all()
    assert (returned["amount"] <= 0).all()
    twice = cleaned(once, **settings).data
    unstable = ["item_id"]  # fewer rows may change which form of an id is the more frequent one
    pd.testing.assert_frame_equal(once.events.drop(columns=unstable), twice.events.drop(columns=unstable))
