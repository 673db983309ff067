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


@pytest.mark.parametrize("sign", [-1, 1])
def test_of_two_candidates_that_differ_in_last_digits_the_simpler_is_used_whichever_is_ahead(settings, sign):
    same = np.array([0.0, 11, 19, 28])
    found = choice(settings, bgnbd=same * (1 + sign * 1e-9), same_rate=same, rfm=same + sign * 1e-9)
    assert found.name == "same_rate"
    assert found.table["mean_rank"].tolist() == [2, 2, 2]


def test_noise_between_two_equals_does_not_decide_which_third_candidate_is_best(settings):
    """Equals share their ranks: were one always ahead by a last digit, its mean rank would beat that of the third."""
    rows = []
    for origin, third in (("o2", 8.0), ("o3", 8.0), ("o4", 12.0)):
        rows += [(origin, "same_rate", 10.0, 0.5), (origin, "rfm", 10.0 + 1e-8, 0.5), (origin, "bgnbd", third, 0.5)]
    ranks = choose.mean_ranks(measured(rows), settings.model_copy(update={"choose_by": ["spend_rmse"]}))
    assert ranks["same_rate"] == ranks["rfm"] > ranks["bgnbd"]


def noisy(noise: float, members: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    actual = rng.gamma(2, 50, members)
    return actual, np.maximum(actual + rng.normal(0, noise, members), 0)


def many(**predicted: np.ndarray) -> Rolled:
    """Two origins, of which the later is judged, with many members."""
    actual, _ = noisy(0)
    members = [f"m{number:03d}" for number in range(len(actual))]
    parts = [
        pd.DataFrame({"member_id": members, "actual_orders": actual, "actual_spend": actual}).assign(
            origin=origin, candidate=name, orders=column, spend=column
        )
        for origin in ("o1", "o2")
        for name, column in predicted.items()
    ]
    return Rolled(
        pd.concat(parts, ignore_index=True), pd.DataFrame(), pd.DataFrame(columns=["origin", "candidate", "message"])
    )


def test_a_clearly_better_candidate_is_used_however_rich_it_is(settings):
    found = choose.choose(
        many(same_rate=noisy(40)[1], rfm=noisy(38, seed=0)[1], pareto_nbd=noisy(5)[1]),
        settings,
        np.random.default_rng(0),
    )
    assert found.name == found.best_ranked == found.lifetime == "pareto_nbd"
    assert found.rivals.loc["same_rate", "high"] < 0


def test_a_simpler_candidate_that_is_not_clearly_worse_takes_the_place_of_the_best(settings):
    actual, close = noisy(20)
    closer = actual + (close - actual) * np.where(np.arange(len(actual)) % 2, 0.9, 1.08)
    found = choose.choose(many(same_rate=noisy(60)[1], rfm=close, bgnbd=closer), settings, np.random.default_rng(0))
    assert (found.name, found.best_ranked, found.lifetime) == ("rfm", "bgnbd", "bgnbd")
    assert found.rivals.loc["bgnbd", "low"] < 0 < found.rivals.loc["bgnbd", "high"]


def test_who_left_between_two_origins_counts_at_those_at_which_it_was_there(settings):
    whole = many(same_rate=noisy(40)[1], rfm=noisy(38, seed=0)[1], pareto_nbd=noisy(5)[1])
    later = whole.predictions[whole.predictions["origin"] == "o2"].assign(origin="o3")
    rows = pd.concat([whole.predictions, later[later["member_id"] >= "m120"]], ignore_index=True)
    found = choose.choose(Rolled(rows, whole.parameters, whole.refusals), settings, np.random.default_rng(0))
    assert found.name == "pareto_nbd"
    actual, predicted = noisy(38, seed=0)
    expected = [np.sqrt(np.mean((predicted - actual)[there:] ** 2)) for there in (0, 120)]
    assert found.differences.loc[("spend_rmse", "rfm"), "value"] == pytest.approx(np.mean(expected))


def test_worse_in_one_metric_of_the_rule_is_clearly_worse(settings):
    """The same errors in size, but another order: by RMSE alone the simpler one would be used."""
    actual, _ = noisy(0)
    level = actual * 0.8
    rng = np.random.default_rng(1)
    size = np.sqrt(np.mean((level - actual) ** 2))
    scattered = actual + rng.choice([-1.0, 1.0], len(actual)) * size
    given = many(rfm=scattered, bgnbd=level * 1.001)
    alone = settings.model_copy(update={"choose_by": ["spend_rmse"]})
    assert choose.choose(given, alone, np.random.default_rng(0)).name == "rfm"
    assert choose.choose(given, settings, np.random.default_rng(0)).name == "bgnbd"


def test_the_lifetime_model_is_chosen_by_the_same_rule_among_lifetime_models(settings):
    close = noisy(20)[1]
    found = choose.choose(
        many(same_rate=noisy(60)[1], rfm=noisy(5)[1], bgnbd=close, pareto_nbd=close * (1 - 1e-9)),
        settings, np.random.default_rng(0),
    )  # fmt: skip
    assert (found.name, found.lifetime) == ("rfm", "bgnbd")


def test_the_best_is_chosen_and_compared_with_its_rivals(settings):
    found = choice(settings, zero=[0] * 4, same_rate=[5, 15, 25, 35], rfm=[1, 11, 21, 31], bgnbd=[3, 13, 23, 33])
    assert (found.name, found.best_ranked, found.lifetime, found.naive) == ("rfm", "rfm", "bgnbd", "same_rate")
    assert found.contenders == ["rfm", "bgnbd", "same_rate"]
    main = found.differences.loc[choose.MAIN]
    assert main["difference"].to_dict() == pytest.approx({"bgnbd": 2, "same_rate": 4})
    assert found.rivals["change"].to_dict() == pytest.approx({"bgnbd": -2 / 3, "same_rate": -4 / 5})
    assert (found.rivals["high"] < 0).all()
    assert np.isnan(found.table.loc["zero", "mean_rank"]) and found.judged == ("o2", "o3")


def test_who_refused_the_data_is_left_out_with_the_reason(settings):
    late, early = ("o3", "pareto_nbd", "did not converge"), ("o1", "bgnbd", "too early")
    given = {"same_rate": [5, 5, 9, 9], "rfm": [0, 10, 20, 30]}
    found = choice(settings, {"rfm": "say the same"}, refusals=(late, early), **given)
    assert found.name == "same_rate" and found.lifetime is None
    assert found.refusals == {"pareto_nbd": "did not converge", "rfm": "say the same"}


def test_one_candidate_needs_no_rival(settings):
    found = choice(settings, rfm=[0, 10, 20, 30])
    assert found.name == "rfm" and found.differences.empty and found.rivals.empty


def test_nothing_that_distinguishes_members_is_an_error_in_words(settings):
    with pytest.raises(DataError, match=r"none of them both distinguishes members.*Add same_rate"):
        choice(settings, zero=[0] * 4)
