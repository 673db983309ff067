"""Who keeps a status, judged on members whose purchases are written down."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import small_panel

from benchmarks import fields_status
from membership.profile import lifecycle
from membership.settings.tiers import Tiers
from membership.settings.windows import Windows
from membership.tiers.rules import Rule

RULE = Rule(("Member", "Silver"), (0, 1000), grace_share=0.0)
SETTINGS = Tiers(qualify_by="spend", qualifying_days=90)
WINDOWS = Windows(
    start=small_panel.START, calibration_end=date(2020, 4, 1), validation_end=date(2020, 5, 1),
    holdout_end=date(2020, 7, 1),
)  # fmt: skip
DAYS = 60  # to the next review, on the last of June; the day of scoring is the first of May, 121 days after the start


def judged(chance: dict[str, float], **bought):
    """Return who is judged: members who bought for 10.00, enough for Silver for 90 days, on those days."""
    rows = [(name, number, 1000) for name, days in bought.items() for number in days]
    events = small_panel.events(pd.DataFrame(rows, columns=["member_id", "day", "amount"]))
    parts = pd.Series(sorted(bought)), RULE, SETTINGS, pd.Series(chance), lifecycle.month_starts(WINDOWS), DAYS
    return fields_status.judged(events, *parts)


def test_who_keeps_a_status_is_counted_and_forecast_from_what_was_known_on_the_day():
    found = judged(
        {"came": 0.9, "lapsed": 0.2, "late": 0.5, "new": 0.5},
        came=[10, 100, 150],  # Silver on both days, and again because of day 150
        lapsed=[40, 80],  # what it bought on day 80 counts no more at the end of June
        late=[119],  # bought so late that it is Silver at the end of June whatever it does
        new=[130],  # no status on the day of scoring
    )
    assert found.kept.to_dict() == {"came": True, "lapsed": False, "late": True}
    # 60 days before: came (from day 10) and lapsed (day 40) had the status; came bought again, lapsed too: both kept it
    assert found.chances["last_time"].tolist() == pytest.approx([2.5 / 3] * 3)
    assert found.chances.loc["late", "ours"] > found.chances.loc["lapsed", "ours"]


def test_who_is_sure_of_a_status_keeps_it_as_often_as_such_members_did_before():
    found = judged({"a": 0.1, "b": 0.1, "c": 0.6}, a=[59, 118], b=[58, 117], c=[5, 70])
    # before, on day 61: a and b were sure until day 121 and kept, c was not sure and kept: 2.5 of 3, and 1.5 of 2
    assert found.kept.to_dict() == {"a": True, "b": True, "c": False}
    came = 1.5 / 2
    np.testing.assert_allclose(found.chances["ours"], [2.5 / 3, 2.5 / 3, 0.6 * (1.5 / 2) / came])
    assert found.paired().members == 3


def test_nothing_is_judged_where_nobody_had_a_status_before():
    assert judged({"a": 0.5, "b": 0.5}, a=[119], b=[118]) is None
