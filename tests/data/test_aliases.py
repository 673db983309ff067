"""Ids that are one member, such as a household's: united in every table, and counted."""

from dataclasses import replace

import pandas as pd
import pytest
from meaning import meant

from membership.base.errors import DataError
from membership.data import consent, doubts
from membership.data.sources import files
from membership.settings.dataset import Dataset, Files

WHO = {"member_id": "who"}
TABLES = {
    "events": ({"at": "at", "amount": "paid", "order_id": "bill"}, {"kind": "purchase"}),
    "members": ({"joined_at": "since", "left_at": "until", "city": "city"}, {}),
    "points": ({"at": "at", "earned": "in"}, {}),
}
LINES = {
    "events": ["who,at,paid,bill", "a,2026-01-03,1,1", "b,2026-01-03,1,2", "c,2026-01-04,1,3"],
    "members": [
        "who,since,until,city", "a,2025-03-01,,Rome", "b,2025-01-01,2026-02-01,Oslo", "c,2025-02-01,2026-03-01,Bern",
    ],
    "points": ["who,at,in", "a,2026-01-31,10", "b,2026-01-31,5"],
}  # fmt: skip
SAME = {"paths": ["same.csv"], "columns": {"source_id": "id", "member_id": "house"}}


def mapped(root, *same: str) -> Files:
    found = {}
    for name, (columns, constants) in TABLES.items():
        (root / f"{name}.csv").write_text("\n".join(LINES[name]) + "\n")
        found[name] = {"paths": [f"{name}.csv"], "columns": WHO | columns, "constants": constants}
    (root / "same.csv").write_text("\n".join(["id,house", *same]) + "\n")
    return Files.model_validate(found | {"aliases": SAME})


def read(root, *same: str):
    return files.read(mapped(root, *same), "UTC", "EUR")


def test_rows_of_all_tables_belong_to_the_one_member(workspace):
    found = read(workspace, "b,a")
    assert found.events.sort_values(["at", "order_id"])["member_id"].tolist() == ["a", "a", "c"]
    assert sorted(found.members["member_id"]) == ["a", "c"]
    assert found.points[["member_id", "earned"]].to_numpy().tolist() == [["a", 15.0]]


def test_who_is_united_joined_with_the_first_and_left_with_the_last(workspace):
    people = read(workspace, "b,a", "c,house").members.set_index("member_id")
    assert people.loc["a", "city"] == "Rome"  # the row of the id that stays
    assert people["joined_at"].dt.strftime("%Y-%m-%d").to_dict() == {"a": "2025-01-01", "house": "2025-02-01"}
    assert people["left_at"].isna().to_dict() == {"a": True, "house": False}


def test_ids_that_are_united_are_counted_and_those_of_nobody_are_not(workspace):
    found = read(workspace, "b,a", "nobody,a", "c,c")
    rows = doubts.found(replace(found, events=meant(found.events)), 0.5, 0.05).set_index("rule")
    assert rows.loc["aliases_members", ["action", "rows"]].tolist() == ["united", 1]
    assert "aliases_members" not in read(workspace, "nobody,a").found


def test_events_keep_their_ids_when_members_are_united(workspace):
    assert set(read(workspace, "b,a").events["event_id"]) == set(read(workspace, "x,y").events["event_id"])


@pytest.mark.parametrize(("same", "said"), [(("b,a", "c,b"), "itself an alias"), (("b,",), "empty cell")])
def test_a_chain_or_an_empty_cell_is_refused_with_its_row(workspace, same, said):
    with pytest.raises(DataError, match=rf"same\.csv: .*{said}.*row {len(same)}"):
        read(workspace, *same)


def test_what_one_of_a_household_refuses_is_refused_for_all(workspace):
    (workspace / "said.csv").write_text("who,what,answer\na,offers,yes\nb,offers,no\nb,trials,yes\n")
    said = {"paths": ["said.csv"], "columns": WHO | {"purpose": "what", "allowed": "answer"}}
    base = {"source": "files", "timezone": "UTC", "currency": "EUR"}
    dataset = Dataset(**base, files=mapped(workspace, "b,a"), consent=said)
    allowed = consent.read(dataset, pd.Series(["a", "c"])).set_index("purpose")["allowed"]
    assert allowed.to_dict() == {"offers": False, "trials": True}
