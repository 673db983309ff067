"""Windows are half-open, follow each other, and cut events on local days."""

from datetime import date

import ibis
import pandas as pd

from membership.base import engine, seeds
from membership.base.timeline import Window
from membership.settings import params


def test_a_window_holds_its_first_day_and_not_its_end():
    window = Window(date(2017, 12, 1), date(2018, 1, 1))
    assert date(2017, 12, 1) in window
    assert date(2017, 12, 31) in window
    assert date(2018, 1, 1) not in window
    assert window.days == 31


def test_the_three_windows_meet_without_gap_or_overlap():
    windows = params.load("value").windows
    assert windows.calibration.end == windows.validation.start
    assert windows.validation.end == windows.holdout.start == windows.as_of


def test_a_cut_off_lets_through_the_last_moment_of_the_day_before_and_nothing_later():
    moments = ["2017-11-30 23:59:59.999999", "2017-12-01", "2017-12-02 10:00"]
    events = ibis.memtable(pd.DataFrame({"local_at": pd.to_datetime(moments, format="ISO8601")}))
    assert engine.before(events, date(2017, 12, 1)).execute()["local_at"].tolist() == [pd.Timestamp(moments[0])]


def test_seeds_differ_by_name_and_by_root_and_stay_the_same():
    assert seeds.child(1, "tune") == seeds.child(1, "tune")
    assert len({seeds.child(1, "tune"), seeds.child(1, "train"), seeds.child(2, "tune")}) == 3
    assert seeds.rng(1, "a").random() == seeds.rng(1, "a").random()
