"""Orders in several currencies and the rates of days: what is guessed of both files, and what they come to."""

import pytest

from membership.data.guessing import guess
from membership.data.guessing.found import Told
from membership.data.sources import files
from membership.settings.dataset import Files

ORDERS = [
    "buyer_id,ordered_at,paid,currency",
    "a,2024-05-03,10.00,GBP",
    "b,2024-05-05,10.00,GBP",
    "a,2024-05-06,7.50,EUR",
]
RATES = {
    "rate_to_eur": ["date,currency,rate_to_eur", "2024-05-02,GBP,1.2", "2024-05-03,GBP,1.25", "2024-05-06,GBP,1.3"],
    "signs": ["Currency;Date;Rate", "GBP;03.05.2024;€1,25", "GBP;06.05.2024;€1,30"],
    "rate": ["Currency;Date;Rate", "gbp;03.05.2024;1,25", "gbp;06.05.2024;1,30", "usd;06.05.2024;0,90"],
    "per_euro": ["date,currency,rate", "2024-05-03,GBP,0.8", "2024-05-06,GBP,0.77"],
    "wide": ["Date,GBP,USD", "2024-05-03,0.8,N/A", "2024-05-06,0.77,1.08"],
}


@pytest.mark.parametrize(("name", "first"), [("signs", "rates"), *((name, "orders") for name in RATES)])
def test_rates_are_seen_as_such_and_lead_to_the_currency_of_the_books(workspace, name, first):
    texts = {"orders": ORDERS, "rates": RATES[name]}
    for one, lines in texts.items():
        (workspace / f"{one}.csv").write_text("\n".join(lines) + "\n")
    found = guess.guess([str(workspace / f"{one}.csv") for one in sorted(texts, key=lambda one: one != first)], Told())
    assert (found.currency, found.unused) == ("EUR", ())
    assert found.tables["rates"].mapping["holds_days"] == 2  # a weekend without rates
    mapped = {}
    for table, one in found.tables.items():
        if one.converted is not None:  # signs at numbers are written anew without them
            one.converted.astype("str").to_parquet(workspace / f"{table}.parquet")
        path = one.sources[0].path.name if one.converted is None else f"{table}.parquet"
        mapped[table] = {"paths": [path], **one.mapping}
    events = files.read(Files.model_validate(mapped), found.timezone, found.currency).events
    assert events.sort_values("at")["amount"].tolist() == [1250, 1250, 750]


def test_the_rate_of_a_night_is_an_amount_and_no_exchange(workspace):
    (workspace / "stays.csv").write_text(
        "guest_id,check_in,rate,currency\ng1,2024-05-03,99.50,EUR\ng1,2024-06-03,120.75,EUR\n"
    )
    found = guess.guess([str(workspace / "stays.csv")], Told())
    assert set(found.tables) == {"events"} and found.tables["events"].mapping["columns"]["amount"] == "rate"
