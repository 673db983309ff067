import numpy as np
import pandas as pd
import pytest

from membership.base.errors import DataError
from membership.settings import params
from membership.value import choose
from membership.value.origins import Rolled

METRICS = ["spend_rmse", "spend_gini"]


@pytest.fixture(scope="module")
def settings():
    names = ["zero", "same_rate", "rfm", "bgnbd", "pareto_nbd"]
    return params.parse(params.read(), {"value.candidates": names, "value.choose_by": METRICS}).value


def measured(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["origin", "candidate", *METRICS]).set_index(["origin", "candidate"])


def rolled(refusals: tuple = (), **predicted: list[float]) -> Rolled:
    """Three origins, of which the oldest is not judged, with the same four members and predictions."""
    actual, members = [0.0, 10.0, 20.0, 30.0], list("abcd")
    parts = [
        pd.DataFrame(
            {
                "origin": origin, "member_id": members, "candidate": name, "orders": column, "spend": column,
                "actual_orders": actual, "actual_spend": actual,
            }
        )
        for origin in ("o1", "o2", "o3")
        for name, column in predicted.items()
    ]  # fmt: skip
    refused = pd.DataFrame(list(refusals), columns=["origin", "candidate", "message"])
    return Rolled(pd.concat(parts, ignore_index=True), pd.DataFrame(), refused)


def choice(settings, refused=None, **given) -> choose.Choice:
    return choose.choose(rolled(**given), settings, np.random.default_rng(0), refused)


def test_mean_ranks_are_those_computed_by_hand(settings):
    table = measured(
        [
            ("o2", "zero", 1.0, 0.0),
            ("o2", "same_rate", 9.0, 0.8),  # ranks 2 and 1
            ("o2", "rfm", 5.0, 0.7),  # 1 and 2
            ("o2", "bgnbd", 10.0, 0.1),  # 3 and 3
            ("o3", "same_rate", 9.0, 0.5),  # 3 and 2.5
            ("o3", "rfm", 4.0, 0.5),  # 1 and 2.5
            ("o3", "bgnbd", 8.0, 0.6),  # 2 and 1
            ("o3", "pareto_nbd", 1.0, 0.9),  # was missing at the first origin
        ]
    )
    ranks = choose.mean_ranks(table, settings)
    assert list(ranks.index) == ["rfm", "same_rate", "bgnbd"]
    assert ranks.tolist() == [(1 + 2 + 1 + 2.5) / 4, (2 + 1 + 3 + 2.5) / 4, (3 + 3 + 2 + 1) / 4]


def test_of_equals_the_first_in_the_list_is_used(settings):
    same = [0, 11, 19, 28]
    found = choice(settings, bgnbd=same, same_rate=same, rfm=same)
    assert found.name == "same_rate"
    assert found.table["mean_rank"].tolist() == [2, 2, 2]


def test_the_best_is_chosen_and_the_reasons_say_by_how_much(settings):
    found = choice(settings, zero=[0] * 4, same_rate=[5, 15, 25, 35], rfm=[1, 11, 21, 31], bgnbd=[3, 13, 23, 33])
    assert (found.name, found.lifetime) == ("rfm", "bgnbd")
    assert found.gains["difference"].to_dict() == pytest.approx({"bgnbd": -2, "same_rate": -4})
    assert found.gains["of"].to_dict() == pytest.approx({"bgnbd": 3, "same_rate": 5})
    assert np.isnan(found.table.loc["zero", "mean_rank"])
    text = " ".join(found.reasons)
    assert "**the weighted RFM model** has the best mean rank of 3 candidates" in text
    assert "o2, o3" in text and "o1" not in text
    assert "66.7% smaller than that of BG/NBD with Gamma-Gamma" in text
    assert "80.0% smaller than that of the member's own rate so far" in text
    assert "cannot be told apart" not in text


def test_a_difference_that_may_be_chance_is_called_that(settings):
    found = choice(settings, rfm=[0, 10, 20, 36], bgnbd=[7, 10, 20, 30])
    assert found.name == "rfm"
    assert found.gains.loc["bgnbd", "low"] < 0 < found.gains.loc["bgnbd", "high"]
    assert "cannot be told apart" in found.reasons[1]


def test_who_refused_the_data_is_left_out_with_the_reason(settings):
    late, early = ("o3", "pareto_nbd", "did not converge"), ("o1", "bgnbd", "too early")
    given = {"same_rate": [5, 5, 9, 9], "rfm": [0, 10, 20, 30]}
    found = choice(settings, {"rfm": "say the same"}, refusals=(late, early), **given)
    assert found.name == "same_rate" and found.lifetime is None
    assert found.reasons[-2:] == (
        "Left out: Pareto/NBD with Gamma-Gamma. did not converge",
        "Left out: the weighted RFM model. say the same",
    )


def test_one_candidate_needs_no_rival(settings):
    found = choice(settings, rfm=[0, 10, 20, 30])
    assert found.name == "rfm" and found.gains.empty


def test_nothing_that_tells_members_apart_is_an_error_in_words(settings):
    with pytest.raises(DataError, match=r"none of them tells members apart.*Add same_rate"):
        choice(settings, zero=[0] * 4)
