"""Two columns of ids that unite members: what is seen as such, and which way it leads."""

import pytest

from membership.data.guessing import guess
from membership.data.guessing.found import Told


def guessed(folder, **texts: list[str]):
    for name, lines in texts.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return guess.guess([str(folder / f"{name}.csv") for name in texts], Told())


ORDERS = ["card_no,ordered_at,paid", *(f"C{n % 6},2024-{n // 3 + 1:02d}-11,{n}.50" for n in range(30))]


@pytest.mark.parametrize(
    ("head", "source", "member"),
    [
        ("card_no,household_id", "card_no", "household_id"),
        ("household_id,card_no", "card_no", "household_id"),
        ("old_customer_id,new_customer_id", "old_customer_id", "new_customer_id"),
        ("customer_id,merged_customer_id", "merged_customer_id", "customer_id"),
    ],
)
def test_the_names_of_two_columns_of_ids_tell_which_goes_into_which(tmp_path, head, source, member):
    rows = [f"C{n},C{5 - n // 2 % 2}" for n in range(4)]
    turned = [",".join(row.split(",")[::-1]) for row in rows]
    found = guessed(tmp_path, orders=ORDERS, map=[head, *(rows if head.startswith(source) else turned)])
    assert found.tables["aliases"].mapping["columns"] == {"source_id": source, "member_id": member}
    assert "members" not in found.tables and not found.unused


@pytest.mark.parametrize("head", ["card_no,store_id", "card_no,referred_by", "customer_id,account_manager_id"])
def test_other_ids_beside_a_member_unite_nobody(tmp_path, head):
    found = guessed(tmp_path, orders=ORDERS, cards=[head, *(f"C{n},C{n // 2}" for n in range(6))])
    assert "aliases" not in found.tables and "members" in found.tables


def test_rows_that_name_no_member_unite_nothing_and_are_left_out(tmp_path):
    found = guessed(tmp_path, orders=ORDERS, map=["card_no,household_id", "C0,h1", "C1,h1", "C2,", "C3,h1"])
    assert found.tables["aliases"].converted.to_numpy().tolist() == [["C0", "h1"], ["C1", "h1"], ["C3", "h1"]]
