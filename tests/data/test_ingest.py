"""Ingest: the source that is asked for, within the windows, of a stable sample; old tables stay where it fails."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from membership.base import tables
from membership.base.errors import DataError
from membership.data import ingest
from membership.report import words
from membership.settings import params
from membership.settings.windows import Windows

SHOP = {"paths": ["shop.csv"], "columns": {"member_id": "who", "at": "when", "amount": "paid"}}
FILES = {"dataset.source": "files", "dataset.files": {"events": SHOP | {"constants": {"kind": "purchase"}}}}
WINDOWS = {
    "windows.start": "2020-01-01",
    "windows.calibration_end": "2020-02-01",
    "windows.validation_end": "2020-03-01",
    "windows.holdout_end": "2020-04-01",
    "dataset.timezone": "UTC",
}


def shop(root, *days: str, members: int = 3) -> None:
    lines = [f"m{member},{day},1.50" for day in days for member in range(members)]
    (root / "shop.csv").write_text("\n".join(["who,when,paid", *lines]) + "\n")


def load(**changes) -> params.Stage:
    return params.load("ingest", FILES | WINDOWS | {key.replace("__", "."): value for key, value in changes.items()})


def test_the_simulated_source_gives_clean_tables_that_fit_their_schemas(workspace):
    small = {"members": 20, "items": 15, "days": 120, "start": "2020-01-01"}
    size = {f"dataset.simulate.{key}": value for key, value in small.items()}
    p = params.load("ingest", WINDOWS | size | {"dataset.source": "simulate"})
    cleaned = ingest.ingest(p)
    cleaned.data.save()
    assert len(tables.read("members")) == 20
    assert set(tables.read("events")["item_id"].dropna()) <= set(tables.read("items")["item_id"])
    assert tables.read("items")["is_product"].all()


def test_what_is_ingested_twice_has_the_same_bytes(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    kept = []
    for _ in range(2):
        ingest.ingest(load()).data.save()
        kept.append([tables.existing(name).read_bytes() for name in ("events", "members", "items")])
    assert kept[0] == kept[1]


def test_a_sample_has_so_many_members_all_of_their_events_and_contains_smaller_ones(workspace):
    shop(workspace, "2020-01-05", "2020-03-31", members=30)
    samples = {size: ingest.ingest(load(dataset__max_members=size)).data.held() for size in (5, 12, None)}
    members = {size: set(data.members["member_id"]) for size, data in samples.items()}
    assert [len(found) for found in members.values()] == [5, 12, 30]
    assert members[5] < members[12] < members[None]
    assert samples[5].events["member_id"].value_counts().to_dict() == dict.fromkeys(members[5], 2)
    assert members[5] != set(ingest.ingest(load(dataset__max_members=5, seed=1)).data.members["member_id"])


def test_one_member_is_enough_to_read(workspace):
    shop(workspace, "2020-01-05", "2020-03-31", members=1)
    assert ingest.summary(ingest.ingest(load())) == {
        "members": 1,
        "members_left": 0,
        "members_answering": 0,
        "items": 0,
        "events": 2,
        "orders": 2,
        "spend": 300,
        "days": 87,
        "exposures": 0,
        "rows_read": 2,
        "rows_dropped": 0,
    }


@pytest.mark.parametrize(
    "days",
    [
        ("2020-01-05", "2020-03-30"),  # one day short of the holdout's end
        ("2020-02-01", "2020-03-31"),  # nothing to fit on
        ("2020-01-05",),  # all on one day
    ],
)
def test_windows_beyond_the_data_are_refused_with_both_spans(workspace, days):
    shop(workspace, *days)
    with pytest.raises(DataError, match=rf"data go from {days[0]} to .* holdout_end = 2020-04-01.* Change the windows"):
        ingest.ingest(load())


def test_data_that_just_reach_over_the_windows_are_taken():
    events = pd.DataFrame({"local_at": pd.to_datetime(["2020-01-31 23:59", "2020-03-31 00:00"], format="ISO8601")})
    days = {key.removeprefix("windows."): day for key, day in WINDOWS.items() if key.startswith("windows.")}
    assert ingest.check_windows(events, Windows(**days)) is None


def test_a_source_that_cannot_be_read_leaves_the_old_tables(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    ingest.ingest(load()).data.save()
    before = {path: path.read_bytes() for path in (workspace / "data").iterdir()}
    shop(workspace, "2020-01-05", "yesterday")
    with pytest.raises(DataError, match="'yesterday' in row 4"):
        ingest.ingest(load())
    assert {path: path.read_bytes() for path in (workspace / "data").iterdir()} == before


def test_a_table_that_does_not_fit_leaves_all_old_tables(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    data = ingest.ingest(load()).data
    data.save()
    before = {path: path.read_bytes() for path in (workspace / "data").iterdir()}
    held = data.held().events
    for twice in (data.events.union(data.events), pd.concat([held, held], ignore_index=True)):
        with pytest.raises(DataError, match="table 'events': column event_id"):
            replace(data, events=twice).save()
    assert {path: path.read_bytes() for path in (workspace / "data").iterdir()} == before


def test_events_are_counted_by_local_monday_and_kind():
    days = pd.to_datetime(["2020-01-05", "2020-01-06", "2020-01-12", "2020-01-12"])
    events = pd.DataFrame({"local_at": days, "kind": ["view", "view", "purchase", "view"]})
    weeks = ingest.by_week(events)
    assert weeks["week"].dt.strftime("%m-%d").tolist() == ["12-30", "01-06", "01-06"]
    assert weeks[["kind", "events"]].to_numpy().tolist() == [["view", 1], ["purchase", 1], ["view", 2]]


def test_answers_are_counted_by_question_with_the_usual_one():
    survey = pd.DataFrame({"member_id": ["a", "b", "c"], "question": "age", "answer": ["45-54", "65+", "65+"]})
    assert ingest.answers(survey).loc["age"].to_dict() == {"members": 3, "answers": 2, "usual": "65+"}
    assert ingest.answers(survey.head(0)).empty


def test_the_conclusion_shows_what_was_counted(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    counts = ingest.summary(ingest.ingest(load()))
    text = words.render("ingest", counts=counts, currency="EUR", doubts=[])
    assert all(number in text for number in ("6 orders", "87 days", "9 EUR", "6 rows", "0.0%"))
    assert counts["members"] == 3 and "3 members" not in text  # so few are not told


def test_tables_are_checked_before_any_is_written_and_then_given_to_the_writer(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    data, written = ingest.ingest(load()).data, {}
    data.save(written.__setitem__)
    others = ["survey", "offers", "exposures", "contracts", "points", "item_rules"]
    assert list(written) == ["members", "items", "events", *others]
    assert written["events"].count().to_pyarrow().as_py() == 6
    broken = {}
    with pytest.raises(DataError, match="table 'exposures'"):
        replace(data, exposures=data.exposures.drop(columns="offer_id")).save(broken.__setitem__)
    assert broken == {}


def test_an_order_is_counted_once_also_without_an_id_and_a_return_is_no_order(workspace):
    rows = [
        "m0,2020-01-05,2,1,A",
        "m0,2020-01-06,2,1,A",
        "m0,2020-03-31,2,1,",
        "m0,2020-03-31,2,1,",
        "m1,2020-03-31,2,1,A",
    ]
    rows += ["m1,2020-03-31,2,-1,B"]
    (workspace / "shop.csv").write_text("\n".join(["who,when,paid,n,order", *rows]) + "\n")
    columns = SHOP["columns"] | {"quantity": "n", "order_id": "order"}
    mapping = SHOP | {"columns": columns, "constants": {"kind": "purchase"}}
    counts = ingest.summary(ingest.ingest(load(dataset__files={"events": mapping}, clean__exact_duplicates="kept")))
    assert (counts["orders"], counts["spend"]) == (4, 800)  # A of each day is an order of its own


def test_members_of_whom_all_is_still_to_come_are_left_out(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    with (workspace / "shop.csv").open("a") as file:
        file.write("late,2020-04-01,1.50\nm0,2020-04-02,1.50\n")
    for end in ("clean__latest", "clean__known_until"):
        now = ingest.ingest(load(**{end: "2020-04-01"})).data
        assert sorted(now.members["member_id"]) == ["m0", "m1", "m2"] and now.events.count().execute() == 6
    assert "late" in set(ingest.ingest(load()).data.members["member_id"])


def test_what_is_not_known_yet_is_no_impossible_time(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    with (workspace / "shop.csv").open("a") as file:
        file.write("m0,2020-04-02,1.50\nm0,2999-01-01,1.50\n")

    def impossible(**changes) -> int:
        return ingest.ingest(load(**changes)).quality.set_index("rule")["rows"]["impossible_time"]

    assert (impossible(), impossible(clean__latest="2020-04-01")) == (1, 2)
    assert impossible(clean__known_until="2020-04-01") == 0


def test_what_was_known_on_a_day_is_neither_later_events_nor_members_who_came_later(workspace):
    shop(workspace, "2020-01-05", "2020-03-31")
    with (workspace / "shop.csv").open("a") as file:
        file.write("late,2020-04-01,1.50\nm0,2020-04-02,1.50\n")
    before, day = ingest.known(load(), date(2020, 4, 1))
    assert (len(before.events), len(before.members), day) == (6, 3, date(2020, 4, 1))
    everything, day = ingest.known(load(), None)
    assert (len(everything.events), len(everything.members), day) == (8, 4, date(2020, 4, 3))
    with pytest.raises(
        DataError, match="AS_OF = 2020-04-04: the data end before 2020-04-03; allowed: at most 2020-04-03"
    ):
        ingest.known(load(), date(2020, 4, 4))
