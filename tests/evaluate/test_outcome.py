"""What the field itself is judged by: counted by hand, with the direction that the field gives it."""

import pandas as pd
import pytest

from membership.evaluate import outcome
from membership.repurchase.judge import Judged
from membership.settings.decide import FieldMetric


def judged(came: list[bool], chance: list[float]) -> Judged:
    index = pd.MultiIndex.from_product([[0], list("abcd")], names=["day", "member_id"])
    return Judged(30, pd.DataFrame({"p_repurchase": chance}, index), pd.Series(came, index, name="came"))


NOW, BEFORE = judged([True, False, False, False], [0.5, 0.3, 0.1, 0.1]), judged([True, True, False, False], [0.0] * 4)


def test_the_shares_who_came_and_were_expected_stand_beside_that_of_the_days_before():
    found = outcome.of_field(NOW, BEFORE, FieldMetric(name="repeat_contact", higher_is_better=False), 0.95)
    assert (found.members, found.days, found.before, found.came) == (4, 30, 0.5, 0.25)
    assert found.expected == pytest.approx(0.25)
    assert (found.low, found.high) == pytest.approx((0.0456, 0.6994), abs=1e-4)  # Wilson's interval of 1 of 4
    told = found.to_json()
    assert (told["metric"], told["unit"], told["higher_is_better"]) == ("repeat_contact", "share", False)


def test_a_field_that_names_nothing_is_judged_by_its_lists_alone():
    assert outcome.of_field(NOW, BEFORE, None, 0.95) is None
