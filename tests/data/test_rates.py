"""Amounts in several currencies: in that of the books by the rate of their day, and never without one."""

import pytest
from pydantic import ValidationError

from membership.base.errors import DataError
from membership.data.sources import files
from membership.settings.dataset import Files

COLUMNS = {"member_id": "who", "at": "when", "amount": "paid", "currency": "money"}
SALES = {"paths": ["sales.csv"], "columns": COLUMNS, "constants": {"kind": "purchase"}}
RATES = {"paths": ["rates.csv"], "columns": {"currency": "money", "day": "day", "rate": "rate"}}


def read(root, sales: list[str], rates: list[str] | None, zone: str = "UTC", **more) -> list[int]:
    """Return the cents of the sales, each a line `who,when,paid,money`, in EUR, in the order of their times."""
    (root / "sales.csv").write_text("\n".join(["who,when,paid,money", *sales]) + "\n")
    mapped = {"events": SALES}
    if rates is not None:
        (root / "rates.csv").write_text("\n".join(["money,day,rate", *rates]) + "\n")
        mapped |= {"rates": RATES | more}
    events = files.read(Files.model_validate(mapped), zone, "EUR").events
    assert set(events["currency"]) == {"EUR"}
    return events.sort_values("at")["amount"].tolist()


def test_an_amount_is_taken_at_the_rate_of_its_day_and_rounded_to_cents(workspace):
    sales = ["a,2024-05-01,10,EUR", "a,2024-05-02,10.01,gbp", "b,2024-05-03,-10.01,GBP", "b,2024-05-04,100,JPY"]
    rates = ["GBP,2024-05-02,1.25", "GBP,2024-05-03,1.15", "JPY,2024-05-04,0.006049"]
    assert read(workspace, sales, rates) == [1000, 1251, -1151, 60]


def test_the_day_is_that_of_the_members_clock(workspace):
    late = ["a,2024-05-01T23:30:00Z,10,GBP"]  # the 2nd in Berlin
    assert read(workspace, late, ["GBP,2024-05-01,1", "GBP,2024-05-02,2"], "Europe/Berlin") == [2000]


def test_a_rate_holds_for_as_many_days_as_are_told(workspace):
    friday, sunday, monday = "2024-05-03", "2024-05-05", "2024-05-06"
    sales, rates = [f"a,{sunday},10,GBP"], [f"GBP,{friday},2", f"GBP,{monday},3"]
    assert read(workspace, sales, rates, holds_days=2) == [2000]
    with pytest.raises(DataError, match="GBP on 2024-05-05"):
        read(workspace, sales, rates, holds_days=1)
    assert read(workspace, ["a,2024-05-07,10,GBP"], rates, holds_days=1) == [3000]  # after the last rate, too


@pytest.mark.parametrize("rates", [None, ["GBP,2024-05-02,1.2"], ["USD,2024-05-01,1.2"]])
def test_without_a_rate_nothing_is_added_up_and_currency_and_day_are_named(workspace, rates):
    with pytest.raises(DataError, match=r"sales\.csv: 1 rows .* GBP on 2024-05-01 .*rates"):
        read(workspace, ["a,2024-05-01,10,GBP", "a,2024-05-01,10,EUR"], rates)


def test_what_has_no_amount_needs_no_rate(workspace):
    assert read(workspace, ["a,2024-05-01,0,GBP", "a,2024-05-02,10,"], ["USD,2024-05-01,1.2"]) == [0, 1000]


@pytest.mark.parametrize("row", ["GBP,2024-05-01,0", "GBP,2024-05-01,-1.2", "EUR,2024-05-01,1.1"])
def test_what_is_no_rate_to_the_books_is_refused_with_its_row(workspace, row):
    with pytest.raises(DataError, match=r"rates\.csv: rate .*row 1"):
        read(workspace, ["a,2024-05-01,10,GBP"], [row])


def test_rates_have_all_their_columns():
    columns = {"day": "day", "rate": "rate"}
    with pytest.raises(ValidationError, match="rates: no column for currency"):
        Files.model_validate({"events": SALES, "rates": RATES | {"columns": columns}})
    Files.model_validate({"events": SALES, "rates": RATES | {"columns": columns, "constants": {"currency": "GBP"}}})


def test_a_corrected_rate_leaves_the_ids_of_events_as_they_are(workspace):
    def ids(rate: str) -> list[str]:
        read(workspace, ["a,2024-05-01,10,GBP"], [f"GBP,2024-05-01,{rate}"])
        mapped = Files.model_validate({"events": SALES, "rates": RATES})
        return files.read(mapped, "UTC", "EUR").events["event_id"].tolist()

    assert ids("1.2") == ids("1.3")
