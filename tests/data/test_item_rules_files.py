"""Table `item_rules` from files of the user."""

import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import DataError
from membership.data.sources import files
from membership.settings.dataset import Files

COLUMNS = {"item_id": "sku", "rule": "rule", "shop": "branch", "starts_at": "from", "ends_at": "to", "value": "value"}


@pytest.fixture
def read(tmp_path, monkeypatch):
    def reading(text: str, columns=COLUMNS):
        monkeypatch.setenv("MEMBERSHIP_ROOT", str(tmp_path))
        (tmp_path / "events.csv").write_text("who,at,kind,sku\na,2026-01-03,purchase,tea\n")
        (tmp_path / "rules.csv").write_text(text)
        events = {"member_id": "who", "at": "at", "kind": "kind", "item_id": "sku"}
        mapping = {
            "events": {"paths": ["events.csv"], "columns": events},
            "item_rules": {"paths": ["rules.csv"], "columns": columns},
        }
        found = files.read(Files.model_validate(mapping), "Europe/Berlin", "EUR").item_rules
        return tables.check("item_rules", found)

    return reading


def test_days_are_local_a_row_without_a_shop_holds_in_all_and_the_last_of_equal_keys_stands(read):
    found = read(
        "sku,rule,branch,from,to,value\n"
        "tea,available,,2026-01-31,2026-02-28,\n"
        "tea,age,,,,16\n"
        "tea,age,,,,18\n"
        "tea,blocked,east,2026-02-10T23:30:00Z,,\n"
    ).set_index("rule")
    assert found["shop"].to_dict() == {"age": "", "available": "", "blocked": "east"}
    assert found.loc["available", "starts_at"] == pd.Timestamp("2026-01-31")
    assert found.loc["blocked", "starts_at"] == pd.Timestamp("2026-02-11 00:30")
    assert found.loc["age", "value"] == 18 and found["value"].notna().sum() == 1


def test_two_columns_are_enough(read):
    found = read("sku,rule\ntea,blocked\n", {"item_id": "sku", "rule": "rule"})
    assert found[["item_id", "rule", "shop"]].to_numpy().tolist() == [["tea", "blocked", ""]]
    assert found[["starts_at", "ends_at", "value"]].isna().all(axis=None)


def test_a_rule_of_another_name_is_refused_and_the_names_are_said(read):
    with pytest.raises(DataError, match=r"'item_rules': column rule: .*'hidden'"):
        read("sku,rule\ntea,hidden\n", {"item_id": "sku", "rule": "rule"})
