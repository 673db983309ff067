"""The user's own contracts: what a mapping makes of them, which events follow, and what is refused."""

from datetime import date

import pandas as pd
import pytest
from meaning import meant

from membership.base import tables
from membership.base.errors import DataError
from membership.data import membership_span
from membership.data.sources import files
from membership.settings.dataset import Files

PLANS = {"try": {"period": "day", "every": 7, "price": 0}, "full": {"period": "month", "price": 9.9}, "gone": None}
COLUMNS = {"member_id": "who", "plan": "plan", "starts_at": "from"}


def write(root, name, *lines):
    (root / name).write_text("\n".join(lines) + "\n")


def read(**mapped):
    return files.read(Files.model_validate(mapped), "Europe/Berlin", "EUR")


def changes(**other):
    return {"paths": ["plans.csv"], "columns": COLUMNS, "changes": True, "plans": PLANS} | other


def test_changes_of_plan_alone_make_members_items_and_payments(workspace):
    write(workspace, "plans.csv", "who,plan,from", "1,try,2024-01-01", "1,full,2024-01-08", "1,gone,2024-03-01",
          "2,try,2024-03-04")  # fmt: skip
    data = read(contracts=changes())
    assert data.events.sort_values("local_at")["kind"].tolist() == ["purchase", "renewal", "cancel"]
    assert data.events["amount"].sum() == 1980
    assert data.members.set_index("member_id")["joined_at"].to_dict() == {
        "1": pd.Timestamp("2024-01-01"), "2": pd.Timestamp("2024-03-04")
    }  # fmt: skip
    assert data.items["item_id"].tolist() == ["full"]
    for name in ("members", "items", "contracts"):
        tables.check(name, getattr(data, name))


def test_who_cancelled_is_no_member_from_the_next_day_on(workspace):
    write(workspace, "plans.csv", "who,plan,from", "1,full,2024-01-08", "1,gone,2024-03-01", "2,full,2024-01-08")
    data = read(contracts=changes(until="2024-06-01"))
    members = membership_span.settled(data.members, meant(data.events))
    assert membership_span.on(members, date(2024, 3, 1))["member_id"].tolist() == ["1", "2"]
    assert membership_span.on(members, date(2024, 3, 2))["member_id"].tolist() == ["2"]


def test_a_row_a_contract_is_read_with_its_own_terms(workspace):
    write(workspace, "plans.csv", "id,who,plan,from,to,per,cost,renews", "c1,1,full,2024-01-10,,month,9.90,yes",
          "c2,2,once,2024-01-10,,week,5,no")  # fmt: skip
    columns = COLUMNS | {"contract_id": "id", "ends_at": "to", "period": "per", "price": "cost", "auto_renew": "renews"}
    deals = read(contracts={"paths": ["plans.csv"], "columns": columns}).contracts.set_index("contract_id")
    assert deals.loc["c1", ["price", "auto_renew"]].tolist() == [990, True] and pd.isna(deals.loc["c1", "ends_at"])
    assert deals.loc["c2", "ends_at"] == pd.Timestamp("2024-01-17")


def test_payments_stop_where_the_data_end_or_where_the_mapping_says(workspace):
    write(workspace, "plans.csv", "who,plan,from", "1,full,2024-01-08")
    assert len(read(contracts=changes()).events) == 1
    assert len(read(contracts=changes(until="2024-04-01")).events) == 3
    write(workspace, "views.csv", "who,kind,at", "1,view,2024-02-20 12:00:00")
    views = {"paths": ["views.csv"], "columns": {"member_id": "who", "kind": "kind", "at": "at"}}
    assert read(contracts=changes(), events=views).events["kind"].value_counts().to_dict() == {
        "purchase": 1, "renewal": 1, "view": 1
    }  # fmt: skip


def test_the_last_change_is_the_datas_end_though_it_is_somebodys_leaving(workspace):
    write(workspace, "plans.csv", "who,plan,from", "1,full,2024-01-08", "2,full,2024-01-08", "2,gone,2024-04-01")
    events = read(contracts=changes()).events.sort_values("local_at")
    assert events.groupby("member_id")["kind"].agg(list).to_dict() == {
        "1": ["purchase", "renewal", "renewal"], "2": ["purchase", "renewal", "renewal", "cancel"]
    }  # fmt: skip


def test_an_end_in_the_row_of_a_contract_may_lie_ahead_and_makes_nobody_pay_until_then(workspace):
    write(workspace, "plans.csv", "who,plan,from,to,per,cost,renews", "1,full,2024-01-10,2026-01-10,month,9.90,yes",
          "2,full,2024-03-01,,month,9.90,yes")  # fmt: skip
    columns = COLUMNS | {"ends_at": "to", "period": "per", "price": "cost", "auto_renew": "renews"}
    data = read(contracts={"paths": ["plans.csv"], "columns": columns})
    assert data.events["member_id"].value_counts().to_dict() == {"1": 2, "2": 1}


def test_renewals_that_the_data_hold_are_not_made_again(workspace):
    write(workspace, "plans.csv", "who,plan,from", "1,full,2024-01-08")
    write(workspace, "paid.csv", "who,kind,at,amount", "1,renewal,2024-02-09,9.90", "1,renewal,2024-03-09,9.90")
    paid = {"paths": ["paid.csv"], "columns": {"member_id": "who", "kind": "kind", "at": "at", "amount": "amount"}}
    data = read(contracts=changes(), events=paid)
    assert len(data.events) == 2 and len(data.contracts) == 1


def test_a_bill_that_names_no_item_is_for_the_plan_that_ran_on_its_day(workspace):
    write(workspace, "plans.csv", "who,plan,from", "1,full,2024-01-08", "1,more,2024-03-01", "1,gone,2024-05-01",
          "2,more,2024-01-01")  # fmt: skip
    write(workspace, "bills.csv", "who,on,paid,what", "1,2024-01-31,9,", "1,2024-03-31,19,", "1,2024-05-02,19,",
          "2,2024-02-01,19,extra", "2,2023-12-31,5,", "3,2024-02-01,7,")  # fmt: skip
    columns = {"member_id": "who", "at": "on", "amount": "paid", "item_id": "what"}
    bills = {"paths": ["bills.csv"], "columns": columns, "constants": {"kind": "renewal"}}
    plans = PLANS | {"more": {"period": "month", "price": 19}}
    events = read(contracts=changes(plans=plans), events=bills).events
    renewals = events[events["kind"] == "renewal"].sort_values(["member_id", "local_at"])
    assert renewals["item_id"].fillna("").tolist() == ["full", "more", "more", "", "extra", ""]


def test_a_contract_that_ends_before_it_starts_is_named_with_its_file_and_row(workspace):
    write(workspace, "plans.csv", "who,plan,from,to", "1,full,2024-01-08,2024-02-08", "2,full,2024-01-08,2024-01-01")
    mapping = {"paths": ["plans.csv"], "columns": COLUMNS | {"ends_at": "to"}, "plans": {"full": PLANS["full"]}}
    with pytest.raises(DataError) as caught:
        read(contracts=mapping)
    assert "plans.csv" in str(caught.value) and "row 2" in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"plans": {}},  # a change of plan does not say how long a period is
        {"columns": COLUMNS | {"ends_at": "to"}},
        {"changes": False},  # null (left) is a change of plan
        {"changes": False, "plans": {}},  # no period
    ],
)
def test_a_mapping_that_cannot_be_is_refused_before_any_file_is_opened(wrong):
    with pytest.raises(ValueError, match="contracts"):
        Files.model_validate({"contracts": changes(**wrong)})
