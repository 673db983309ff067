"""The checks of tests: an honest test passes, one that lies is found, and the bands are those of the binomial."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from membership.stats import trust


@dataclass(frozen=True)
class Ends:
    low: float
    high: float
    p_value: float


def welch(control, treatment, times=1.0):
    found = scipy.stats.ttest_ind(treatment["y"], control["y"], equal_var=False)
    low, high = found.confidence_interval(0.95)
    middle, half = (low + high) / 2, times * (high - low) / 2
    return Ends(middle - half, middle + half, float(found.pvalue))


def too_sure(control, treatment):
    found = welch(control, treatment, 0.5)
    return Ends(found.low, found.high, float(2 * scipy.stats.norm.sf(2 * scipy.stats.norm.isf(found.p_value / 2))))


MEMBERS = pd.DataFrame({"y": np.random.default_rng(1).normal(size=60)})


def halves(rng):
    order = rng.permutation(len(MEMBERS))
    return MEMBERS.iloc[order[:30]], MEMBERS.iloc[order[30:]]


def two_arms(rng):
    return pd.DataFrame({"y": rng.normal(0, 1, 30)}), pd.DataFrame({"y": rng.normal(0.7, 1, 30)})


def test_an_honest_test_passes_and_one_that_is_too_sure_does_not():
    draw = halves
    found = trust.aa_check(draw, {"honest": welch, "too sure": too_sure}, 400, 0.95, 0.99, np.random.default_rng(2))
    found = found.set_index("contrast")
    assert found["passed"].to_dict() == {"honest": True, "too sure": False}
    assert found.loc["too sure", "rejections"] > found.loc["too sure", "high"]
    assert found.loc["too sure", "ks_p"] < 0.005 < found.loc["honest", "ks_p"]
    assert [len(p_values) for p_values in found["p_values"]] == [400, 400]
    assert found["could_fail"].all()


def test_a_test_that_rejects_as_often_as_it_should_but_is_not_uniform_fails_by_its_shape():
    shapes = iter(np.r_[np.linspace(0, 0.049, 50), np.linspace(0.5, 1, 950)])
    found = trust.aa_check(
        lambda _: (None, None), {"lumpy": lambda *_: Ends(0, 0, next(shapes))}, 1000, 0.95, 0.99, None
    )
    row = found.iloc[0]
    assert row["low"] <= row["rejections"] == 50 <= row["high"]
    assert not row["passed"]


def test_a_discrete_test_is_asked_only_not_to_reject_too_often():
    """Forty of 400 hits change: the paired t of as many coin flips has a dozen p values, and no uniform shape."""
    rng = np.random.default_rng(6)

    def flips(*_):
        change = np.r_[rng.choice([-1.0, 1.0], 40), np.zeros(360)]
        return Ends(0, 0, float(scipy.stats.ttest_1samp(change, 0).pvalue))

    tests = {"hits": flips, "too sure": lambda *_: Ends(0, 0, float(rng.choice([0.01, 0.9], p=[0.2, 0.8])))}
    found = trust.aa_check(lambda _: (None, None), tests, 500, 0.95, 0.99, None).set_index("contrast")
    assert found.loc["hits", "ks_p"] < 0.001
    assert found["passed"].to_dict() == {"hits": True, "too sure": False}


def test_an_honest_interval_covers_and_a_narrow_one_does_not():
    contrasts = {"honest": welch, "too sure": too_sure}
    found = trust.coverage(
        two_arms, contrasts, dict.fromkeys(contrasts, 0.7), 400, 0.95, 0.99, np.random.default_rng(3)
    )
    found = found.set_index("contrast")
    assert found["passed"].to_dict() == {"honest": True, "too sure": False}
    assert found.loc["too sure", "share"] == pytest.approx(scipy.stats.norm.cdf(0.98) * 2 - 1, abs=0.07)
    assert found.loc["honest", "width"] == pytest.approx(2 * found.loc["too sure", "width"])


def test_bands_are_joint_as_the_reference_states_them():
    """69 to 134 of 2,000 for twelve tests at a joint 1 %, and 1,863 to 1,933 for thirty intervals."""
    tests = {str(number): lambda *_: Ends(0, 0, 0.5) for number in range(12)}
    aa = trust.aa_check(lambda _: (None, None), tests, 2000, 0.95, 0.99, None)
    assert aa[["low", "high"]].drop_duplicates().to_numpy().tolist() == [[69, 134]]
    intervals = {str(number): lambda *_: Ends(0, 1, 0.5) for number in range(30)}
    covered = trust.coverage(lambda _: (None, None), intervals, dict.fromkeys(intervals, 0.5), 2000, 0.95, 0.99, None)
    assert covered[["low", "high", "covered"]].drop_duplicates().to_numpy().tolist() == [[1863, 1933, 2000]]
    assert not covered["passed"].any()  # an interval that always holds the truth is no 95 % interval


def test_the_same_seed_gives_the_same_check():
    first, second = (trust.aa_check(halves, {"t": welch}, 30, 0.95, 0.99, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first["p_values"][0], second["p_values"][0])


def test_a_policy_against_itself_has_nothing_that_varies_and_passes():
    def nothing(control, treatment):
        return Ends(0.0, 0.0, 1.0)

    drawn = halves
    found = trust.aa_check(drawn, {"alike": nothing}, 50, 0.95, 0.99, np.random.default_rng(3))
    assert (found["passed"].tolist(), found["could_fail"].tolist()) == ([True], [False])
    covered = trust.coverage(drawn, {"alike": nothing}, {"alike": 0.0}, 50, 0.95, 0.99, np.random.default_rng(3))
    assert (covered["passed"].tolist(), covered["could_fail"].tolist()) == ([True], [False])


def test_a_test_of_so_few_members_that_it_can_never_reject_could_not_fail():
    def draw(rng):
        signs = rng.choice([-1, 1], size=(5, 1))  # five members: the sign test has no p below 1 / 16
        return None, pd.DataFrame(signs, columns=["y"])

    def sign_test(_, changes):
        return Ends(-1, 1, float(scipy.stats.binomtest(int((changes["y"] > 0).sum()), 5).pvalue))

    found = trust.aa_check(draw, {"signs": sign_test}, 200, 0.95, 0.99, np.random.default_rng(3)).iloc[0]
    assert found["passed"] and not found["could_fail"]


def test_an_interval_that_is_too_wide_does_not_pass_for_one_that_does_not_vary():
    def boundless(control, treatment):
        return Ends(-9.0, 9.0, 0.5)

    drawn = halves
    found = trust.coverage(drawn, {"wide": boundless}, {"wide": 0.0}, 500, 0.95, 0.99, np.random.default_rng(3))
    assert found["passed"].tolist() == [False]
