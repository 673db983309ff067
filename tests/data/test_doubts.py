"""What is doubtful about data as a whole is counted, and what is too much to pass over is marked as such."""

import pandas as pd
import pytest

from membership.base import engine, tables
from membership.base.errors import NotPossible
from membership.data import purchases
from membership.data.clean import clean
from membership.data.sources import files
from membership.recommend import baskets
from membership.report import memo, words
from membership.settings import params
from membership.settings.clean import Clean
from membership.settings.dataset import Files

RULES = {"cancellation_pattern": "", "product_pattern": "", "non_product_pattern": ""}
COLUMNS = {"member_id": "who", "item_id": "what", "at": "when", "amount": "paid", "order_id": "bill"}
LINE = {"who": "k1", "what": "lamp", "when": "2023-01-05", "paid": "10", "bill": "b1"}


def written(root, name: str, rows: list[dict], columns: dict | None = None, **more) -> dict:
    frame = pd.DataFrame(rows)
    frame.to_csv(root / f"{name}.csv", index=False)
    return {"paths": [f"{name}.csv"], "columns": columns or {name: name for name in frame}} | more


def ingested(root, lines: list[dict], others: dict | None = None, columns: dict | None = None, rules=None, **more):
    """Read and clean a shop with `lines`, each a sound purchase but for what it names, and the tables `others`."""
    constants = {"constants": {"kind": "purchase"}} | more
    events = written(root, "shop", [LINE | line for line in lines], COLUMNS | (columns or {}), **constants)
    found = {"events": events} | {name: written(root, name, rows) for name, rows in (others or {}).items()}
    data = files.read(Files.model_validate(found), "Europe/Berlin", "EUR")
    return clean(data, Clean.model_validate(RULES | (rules or {})))


def doubts(result) -> dict[str, dict]:
    quality = tables.check("quality", result.quality)
    return quality[quality["step"] > 11].set_index("rule").to_dict("index")


def orders(events: pd.DataFrame) -> int:
    return len(events.assign(order=purchases.order)[["member_id", "order"]].drop_duplicates())


# --- keys -------------------------------------------------------------------------------------------------------------


def test_lines_of_one_order_with_its_number_as_their_key_are_counted_and_loud(workspace):
    lines = [{"id": "b1"}, {"id": "b1", "what": "sofa"}, {"id": "b2"}, {"id": ""}, {"id": ""}]
    found = doubts(ingested(workspace, lines, columns={"event_id": "id"}))
    assert found["same_key_events"]["rows"] == 1 and found["same_key_events"]["loud"]


def test_a_row_that_comes_again_in_another_file_is_no_doubt(workspace):
    for name in ("a", "b"):
        pd.DataFrame([LINE | {"id": "b1"}]).to_csv(workspace / f"{name}_more.csv", index=False)
    events = {"paths": ["*_more.csv"], "columns": COLUMNS | {"event_id": "id"}, "constants": {"kind": "purchase"}}
    data = files.read(Files.model_validate({"events": events}), "UTC", "EUR")
    assert len(data.events) == 1 and not data.found


def test_a_member_who_is_listed_twice_is_counted(workspace):
    listed = [{"member_id": "k1", "joined_at": "2022-01-01"}, {"member_id": "k1", "joined_at": "2022-02-01"}]
    assert doubts(ingested(workspace, [{}], {"members": listed}))["same_key_members"]["rows"] == 1


# --- orders -----------------------------------------------------------------------------------------------------------


def test_receipts_that_begin_anew_each_day_are_orders_of_their_own_unless_said_otherwise(workspace):
    days = [("2023-01-05", "17"), ("2023-01-05", "17"), ("2023-01-12", "17"), ("2023-01-19", "17"), ("2023-02-02", "4")]
    lines = [{"when": day, "bill": bill, "what": f"i{number}"} for number, (day, bill) in enumerate(days)]
    assert orders(ingested(workspace, lines).data.events) == 4
    assert orders(ingested(workspace, lines, orders="id").data.events) == 2


def test_a_return_keeps_the_order_that_it_came_from(workspace):
    lines = [{"type": "purchase"}, {"type": "return", "when": "2023-01-20", "paid": "-10"}]
    found = ingested(workspace, lines, columns={"kind": "type"}, constants={}).data.events
    assert set(found["order_id"]) == {"b1"}


# --- money ------------------------------------------------------------------------------------------------------------


def test_prices_of_any_currency_are_kept_and_what_is_beyond_belief_is_not(workspace):
    paid = [9_000, 250_000, 9_500, 3_200_000, 12_000, 80_000]
    lines = [{"paid": str(amount), "bill": f"b{number}"} for number, amount in enumerate(paid)]
    assert ingested(workspace, lines).data.events["amount"].sum() == 100 * sum(paid)
    slip = ingested(workspace, [*lines, {"paid": "4006381333931", "bill": "slip"}])
    assert slip.data.events["amount"].sum() == 100 * sum(paid)
    outlier = slip.quality.set_index("rule").loc["outlier"]
    assert outlier["rows"] == 1 and outlier["money"] > 0.99 and outlier["loud"]


def test_a_rule_that_takes_much_money_or_many_members_is_loud_and_one_that_takes_little_is_not(workspace):
    lines = [{"who": f"m{number}", "bill": f"b{number}"} for number in range(10)]
    lines[0] |= {"paid": "1000"}
    found = ingested(workspace, lines, rules={"outlier_amount": 5000}).quality.set_index("rule").loc["outlier"]
    assert found["money"] == pytest.approx(1000 / 1090) and found["members"] == 0.1 and found["loud"]
    found = ingested(workspace, lines, rules={"outlier_amount": 5000, "loud_share": 1}).quality
    assert not found["loud"].any()


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_member_with_far_too_many_orders_is_named_and_one_of_a_few_equals_is_not(workspace):
    lines = [{"who": "0", "bill": f"g{number}"} for number in range(40)]
    lines += [{"who": f"m{number}", "bill": f"b{number}"} for number in range(15)]
    few = doubts(ingested(workspace, lines))["orders_of_few"]
    assert (few["whom"], few["rows"], few["loud"]) == ("0", 40, True)
    assert "orders_of_few" not in doubts(ingested(workspace, lines[-15:]))


def test_references_to_nobody_and_nothing_are_counted(workspace):
    others = {
        "survey": [{"member_id": who, "question": "age", "answer": "30"} for who in ("k1", "k9")],
        "offers": [
            {"offer_id": "o1", "kind": "A", "starts_at": "2023-01-01", "ends_at": "2023-02-01"},
            {"offer_id": "o2", "kind": "A", "starts_at": "2023-02-01", "ends_at": "2023-01-01"},
        ],
        "exposures": [
            {"exposure_id": "1", "member_id": "k1", "offer_id": "o1"},
            {"exposure_id": "2", "member_id": "k8", "offer_id": "o1"},
            {"exposure_id": "3", "member_id": "k1", "offer_id": "o9"},
        ],
    }
    found = {rule: (row["rows"], row["whom"]) for rule, row in doubts(ingested(workspace, [{}], others)).items()}
    assert found == {
        "survey_of_nobody": (1, "k9"),
        "exposures_of_nobody": (1, "k8"),
        "exposures_of_no_offer": (1, "o9"),
        "offer_ends_first": (1, "o2"),
    }


def test_sound_data_raise_no_doubt_and_loud_ones_begin_the_page(workspace):
    assert doubts(ingested(workspace, [{}])) == {}
    lines = [{"id": "b1", "who": "=1+1"}, {"id": "b1", "what": "sofa"}]
    quality = ingested(workspace, lines, columns={"event_id": "id"}).quality
    told = words.render("doubts", doubts=memo.doubts(quality))
    assert "same key events" in told and "1 row" in told


# --- no items ---------------------------------------------------------------------------------------------------------


def test_where_no_event_names_an_item_the_recommender_says_so(workspace):
    p = params.load("tune")
    found = ingested(workspace, [{}]).data.events.assign(item_id=pd.Series([None], dtype="str"))
    tables.write("events", found)
    with pytest.raises(NotPossible, match="no purchase names an item"):
        baskets.history(engine.load(engine.connect(), "events"), p.windows.as_of.replace(year=2024), p.recommend)


def test_ids_that_an_eye_takes_for_one_are_counted_and_stay_apart(workspace):
    found = ingested(workspace, [{"who": one} for one in ("007", "7", "Kim", "kim", "\u041a1", "k1", "1-23", "12-3")])
    assert len(found.data.members) == 8
    told = doubts(found)["look_alike_members"]
    assert told["rows"] == 6 and "1-23" not in told["whom"]


def test_a_day_of_joining_that_stands_for_none_is_none_and_leaving_first_is_told(workspace):
    members = [
        {"member_id": "k1", "joined_at": "1900-01-01", "left_at": ""},
        {"member_id": "k2", "joined_at": "2022-05-01", "left_at": "2022-01-01"},
    ]
    found = ingested(workspace, [{}], {"members": members})
    joined = found.data.members.set_index("member_id")["joined_at"]
    assert joined.isna().to_dict() == {"k1": True, "k2": False}
    assert doubts(found)["impossible_time_members"]["rows"] == doubts(found)["left_before_joined"]["rows"] == 1
