import numpy as np
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.value.rfm_segments import segments


def scored(days_since_last, purchase_days, spend):
    frame = {"days_since_last": days_since_last, "purchase_days": purchase_days, "spend": spend}
    return pd.DataFrame(frame, index=[f"m{number}" for number in range(len(spend))])


def test_quintiles_and_segments_are_those_computed_by_hand():
    table = segments(scored([1.0, 50, 90, 5, 20], [30, 40, 1, 2, 8], [900, 800, 10, 20, 300]))
    assert table["recency_score"].tolist() == [5, 2, 1, 4, 3]
    assert table["frequency_score"].tolist() == [4, 5, 1, 2, 3]
    assert table["monetary_score"].tolist() == [5, 4, 1, 2, 3]
    expected = ["champion", "can't lose", "hibernating", "potential loyalist", "need attention"]
    assert table["rfm_segment"].tolist() == expected


def test_ties_are_broken_by_the_other_measures_then_by_member_id():
    table = segments(scored([9.0] * 5, [3, 3, 3, 3, 7], [100, 100, 50, 200, 1]))
    assert table["recency_score"].tolist() == [2, 3, 1, 4, 5]
    assert table["frequency_score"].tolist() == [2, 3, 1, 4, 5]
    assert table["monetary_score"].tolist() == [3, 4, 2, 5, 1]


def test_scores_do_not_depend_on_the_order_of_rows():
    features = scored(np.arange(50) % 7 + 1.0, np.arange(50) % 5 + 1, np.arange(50) % 3)
    mixed = features.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(segments(mixed).sort_index(), segments(features).sort_index())


def test_who_has_not_bought_scores_lowest_in_a_segment_of_their_own():
    table = segments(scored([np.nan, 3.0], [0, 5], [0, 100]))
    assert table.iloc[0].tolist() == [1, 1, 1, "not bought yet"]
    assert segments(scored([np.nan], [0], [0]))["rfm_segment"].tolist() == ["not bought yet"]


def test_members_who_are_all_alike_are_parted_by_member_id_alone():
    table = segments(scored([4.0] * 10, [2] * 10, [300] * 10))
    assert table["recency_score"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert (table["frequency_score"] == table["monetary_score"]).all()


@pytest.mark.parametrize("count", [1, 3, 5, 23])
def test_each_score_holds_a_fifth_of_the_buyers_one_more_or_less(count):
    rng = np.random.default_rng(count)
    table = segments(
        scored(rng.integers(1, 90, count).astype(float), rng.integers(1, 9, count), rng.normal(0, 9, count))
    )
    for part in ("recency_score", "frequency_score", "monetary_score"):
        sizes = table[part].value_counts().reindex(range(1, 6), fill_value=0)
        assert sizes.max() - sizes.min() <= 1


def test_spend_below_zero_is_the_lowest_and_unknown_spend_an_error():
    known = scored([1.0, 2, 3, 4, 5], [5, 4, 3, 2, 1], [100.0, -50, 0, 20, 30])
    assert segments(known)["monetary_score"].tolist() == [5, 1, 2, 3, 4]
    with pytest.raises(DataError, match=r"spend is unknown for 1 of 5 members, e\.g\. m1"):
        segments(known.assign(spend=known["spend"].where(known["spend"] >= 0)))
