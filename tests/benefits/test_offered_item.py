"""An offer is put where it moves most margin: not on what is bought anyway, nor on what is hardly ever bought."""

import numpy as np
import pandas as pd
import pytest

from membership.benefits import offered_item

LISTS = pd.DataFrame(
    [
        ("a", 1, "bread", 0.97),
        ("a", 2, "wine", 0.4),
        ("a", 3, "caviar", 0.001),
        ("b", 1, "bread", 0.5),
        ("b", 2, "wine", 0.1),
        ("c", 2, "wine", np.nan),
        ("c", 1, "bread", np.nan),
        ("d", 1, "unheard of", 0.5),
        ("d", 2, "bread", 0.5),
    ],
    columns=["member_id", "rank", "item_id", "chance"],
)
PRICES = pd.DataFrame({"item_id": ["bread", "wine", "caviar"], "price": [300.0, 400.0, 5000.0]})


def test_items_by_hand():
    found = offered_item.best(LISTS, PRICES, 0.25, np.log(1.5)).set_index("member_id")
    assert found["item_id"].to_dict() == {"a": "wine", "b": "bread", "c": "bread", "d": "bread"}
    assert found.loc["a", "chance_with"] == pytest.approx(0.6 / 1.2)  # odds of 2 to 3 become 3 to 3
    assert found.loc["a", "gain"] == pytest.approx(0.25 * 400 * 0.1)
    assert found.loc["b", "gain"] == pytest.approx(0.25 * 300 * 0.1)
    assert np.isnan(found.loc["c", "gain"])


def test_an_arm_puts_the_offer_of_its_members_on_what_they_buy_most_surely():
    rules = pd.Series({"a": "most_likely", "b": "most_incremental", "nobody": "most_likely"})
    found = offered_item.best(LISTS, PRICES, 0.25, np.log(1.5), rules).set_index("member_id")
    assert found["item_id"].to_dict() == {"a": "bread", "b": "bread", "c": "bread", "d": "bread"}
    assert found.loc["a", "chance"] == 0.97 and found.loc["a", "gain"] < 0.25 * 400 * 0.1


def test_only_offers_on_items_name_one():
    chosen = pd.DataFrame({"member_id": ["a", "a", "e"], "benefit": ["offer", "gift", "offer"]})
    named = offered_item.named(chosen, offered_item.best(LISTS, PRICES, 0.25, 0.3), ["offer"])
    assert named["item_id"].where(named["item_id"].notna(), None).tolist() == ["wine", None, None]


def test_nobody_on_a_list_is_no_error():
    assert offered_item.best(LISTS.iloc[:0], PRICES, 0.25, 0.3).empty
