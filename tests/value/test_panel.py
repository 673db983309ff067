"""Who is drawn to teach, and who is scored."""

from datetime import date

import ibis
import pandas as pd
import small_panel

from membership.value import panel

DAY = pd.Timestamp("2020-03-01")


def test_members_are_drawn_with_all_their_events_and_only_where_there_are_more():
    ids = [f"m{number}" for number in range(50)]
    members = ibis.memtable({"member_id": ids})
    events = ibis.memtable({"member_id": [*ids, *ids], "at": range(100)})
    assert panel.drawn(events, members, 50, seed=1) == (events, members)
    did, drawn = (table.to_pandas() for table in panel.drawn(events, members, 20, seed=1))
    assert drawn["member_id"].nunique() == len(drawn) == 20
    assert did["member_id"].value_counts().to_dict() == dict.fromkeys(drawn["member_id"], 2)
    again = panel.drawn(events, members.order_by(ibis.desc("member_id")), 20, seed=1)[1].to_pandas()
    assert set(again["member_id"]) == set(drawn["member_id"])


def test_a_snapshot_of_stored_features_is_that_of_the_panel():
    known = small_panel.build(small_panel.purchases(20), 20)
    stored = pd.concat([rows.reset_index() for rows in known.snapshots.values()], ignore_index=True)
    members = pd.DataFrame({"member_id": known.now.index, "left_at": pd.NaT})
    found = panel.snapshot(stored, known.cutoffs[-1], members.astype({"left_at": "datetime64[us]"}))
    pd.testing.assert_frame_equal(found, known.now)


def test_who_has_left_before_the_day_is_in_no_snapshot():
    stored = pd.DataFrame({"member_id": ["a", "b", "a"], "as_of": [DAY, DAY, DAY + pd.Timedelta("30D")], "spend": 1})
    members = pd.DataFrame({"member_id": ["a", "b"], "left_at": pd.to_datetime([None, "2020-02-01"])})
    found = panel.snapshot(stored, date(2020, 3, 1), members)
    assert found.index.tolist() == ["a"]
