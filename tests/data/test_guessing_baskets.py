"""Baskets as lists within a cell, and orders apart from their lines: nothing is counted once more for each line."""

import json

import pytest

from membership.data.guessing import guess
from membership.data.guessing.found import Told


def lines_of(path):
    return guess.guess([str(path)], Told()).tables["events"]


def orders(basket) -> list[dict]:
    return [{"order_id": f"o{n}", "user_id": f"u{n % 3}", "at": f"2024-01-{n + 1:02d}", "basket": basket, "total": 19.0}
            for n in range(9)]  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("basket", "items", "amounts"),
    [
        (["Soup", "Rice", "Soup"], ["Soup", "Rice"], ["19.0", None]),  # the total on the first line alone
        ([{"sku": "a", "price": 4.5}, {"sku": "b", "price": 14.5}], ["a", "b"], ["4.5", "14.5"]),
    ],
)
def test_a_basket_is_a_line_an_item(tmp_path, ending, basket, items, amounts):
    path = tmp_path / f"orders.{ending}"
    rows = orders(basket)
    if ending == "csv":
        quoted = ('"' + json.dumps(row["basket"]).replace('"', '""') + '"' for row in rows)
        text = [
            ",".join((row["order_id"], row["user_id"], row["at"], cell, "19.0"))
            for row, cell in zip(rows, quoted, strict=True)
        ]
        path.write_text("\n".join(["order_id,user_id,at,basket,total", *text]))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    written = lines_of(path).converted
    assert written["item_id"].tolist()[:2] == items
    assert written["amount"].where(written["amount"].notna(), None).tolist()[:2] == amounts


@pytest.mark.parametrize(("column", "cents"), [("price", 12.5 * 2), ("sku_colour", 99.0)])
def test_the_total_of_an_order_is_not_that_of_each_line(tmp_path, column, cents):
    (tmp_path / "orders.csv").write_text("\n".join(["order_id,user_id,order_date,total", *(
        f"{n},c{n % 3},2023-01-{n:02d},99.00" for n in range(1, 10))]))  # fmt: skip
    (tmp_path / "lines.csv").write_text("\n".join([f"order_id,sku,{column}", *(
        f"{n},p{line},12.50" for n in range(1, 10) for line in (1, 2))]))  # fmt: skip
    found = guess.guess([str(tmp_path / "orders.csv"), str(tmp_path / "lines.csv")], Told())
    assert found.tables["events"].converted["amount"].dropna().astype(float).sum() == 9 * cents


def test_what_else_is_said_of_an_order_stays_on_each_line(tmp_path):
    basket = [{"sku": "a", "price": 4.5}, {"sku": "b", "price": 14.5}]
    rows = [{"order_id": f"o{n}", "user_id": f"u{n % 3}", "paid_at": f"2024-01-{n + 1:02d}", "payment_channel": "card",
             "items": basket, "total": 19.0} for n in range(9)]  # fmt: skip
    (tmp_path / "orders.jsonl").write_text("\n".join(map(json.dumps, rows)))
    written = lines_of(tmp_path / "orders.jsonl").converted
    assert written["at"].notna().all() and written["amount"].astype(float).sum() == 9 * 19.0
