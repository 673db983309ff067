from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from membership.base.errors import DataError
from membership.settings import params
from membership.settings.value import Network
from membership.value import learned, ziln
from membership.value.candidate_models import Candidate, lifetime
from membership.value.panel import Panel
from membership.value.ziln import Ziln

DAYS, AMOUNT, SEED = 30, 1500, 11
NETWORK = Network(hidden=8, epochs=60, learning_rate=0.02, weight_decay=0.1)


@pytest.fixture(scope="module")
def settings():
    return params.parse(params.read(), {"value.learning_origins": 2}).value


def market(members: int, effect: float, level: float = 1.0, seed: int = 0) -> Panel:
    """Two cut-offs; members bought steadily before the first, and after it on two channels `effect` times as often."""
    rng = np.random.default_rng(seed)
    rate, age = rng.gamma(1.2, 1 / 20, members), rng.integers(100, 200, members).astype(float)
    x, channels = rng.poisson(rate * age), rng.integers(1, 3, members)
    recency = age * np.where(x > 0, rng.random(members) ** (1 / np.maximum(x, 1)), 0)
    mean = np.where(x > 0, AMOUNT * rng.gamma(20, 1 / 20, members), np.nan)
    never = np.zeros(members, bool)
    never[:20] = True
    columns = dict.fromkeys(learned._COLUMNS, 0.0) | {
        "frequency": x, "recency_days": recency, "age_days": age, "days_since_last": age - recency,
        "purchase_days": x + 1, "orders": x + 1, "spend": (x + 1) * AMOUNT, "first_spend": AMOUNT, "channels": channels,
        "repeat_spend_mean": mean, "orders_90d": x, "spend_90d": x * AMOUNT,
    }  # fmt: skip
    now = pd.DataFrame(columns, index=pd.Index([f"m{n:05d}" for n in range(members)], name="member_id"), dtype=float)
    now.loc[never] = 0.0
    snapshots = {}
    for number in range(2):
        snapshots[date(2020, 1, 1) + timedelta(days=DAYS * number)] = now
        more = rng.poisson(level * DAYS * rate * np.where(channels == 2, effect, 1)) * ~never
        now = now.assign(purchase_days=now["purchase_days"] + more, spend=now["spend"] + more * AMOUNT)
    return Panel(snapshots)


def corrections(known: Panel, settings, group: np.ndarray) -> list[float]:
    """Return by which factor boosting changes the totals of `group`, at features like those it has learned from."""
    base, found = lifetime(learned.BASE, known, settings), learned.boosted(known, settings, SEED)
    seen = known.snapshots[known.cutoffs[0]][group]
    return [getattr(found, what)(seen, 90).sum() / getattr(base, what)(seen, 90).sum() for what in ("orders", "spend")]


def test_boosting_recovers_what_the_lifetime_model_cannot_see(settings):
    known = market(2000, effect=3.0)
    two = (known.now["channels"] == 2).to_numpy()
    ratio = np.divide(corrections(known, settings, two), corrections(known, settings, ~two))
    assert ratio == pytest.approx([3, 3], rel=0.1)


def test_what_is_learned_is_who_buys_more_not_that_all_did(settings):
    known = market(1000, effect=1.0, level=2.0)
    assert corrections(known, settings, np.full(1000, True)) == pytest.approx([1, 1], rel=0.05)


@pytest.mark.parametrize("learn", [learned.boosted, learned.ziln])
def test_a_members_prediction_does_not_depend_on_who_else_is_scored(learn, settings):
    known = market(300, effect=2.0)
    found = learn(known, settings, SEED)
    everybody, some = found.spend(known.now, 90), known.now.iloc[15:40]
    np.testing.assert_allclose(found.spend(some, 90), everybody[15:40])
    assert (everybody[:20] == 0).all() and (everybody[20:] > 0).all()
    assert (found.orders(known.now.head(20), 90) == 0).all()


@pytest.mark.parametrize("learn", [learned.boosted, learned.ziln])
def test_the_same_seed_gives_the_same_bits(learn, settings):
    known = market(200, effect=2.0)
    first, again = (learn(known, settings, SEED).spend(known.now, 90) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_few_lessons_are_refused_in_words(settings):
    with pytest.raises(DataError, match=r"came back within 30 days of one of 1 cut-offs; allowed: 20 or more"):
        learned.boosted(market(40, effect=1.0, level=0.01), settings, SEED)


def lessons(members: int = 1500, seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (n, 2), expected and actual (n, 2): who has the first input above 0 buys twice as often."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(members, 2))
    orders = rng.gamma(2, 0.5, members)
    expected = np.column_stack([orders, orders * 2.0])
    did = rng.poisson(orders * np.where(x[:, 0] > 0, 1.4, 0.7))
    return x, expected, np.column_stack([did, did * np.exp(rng.normal(np.log(2), 0.2, members))])


def test_a_network_that_has_learned_nothing_is_the_model_it_was_given():
    x, expected, _ = lessons(50)
    nothing = Ziln(np.zeros(2), np.ones(2), np.ones((3, 4)), np.zeros((5, 4)), 0.0)
    np.testing.assert_allclose(nothing.predict(x, expected), expected)


def test_the_network_learns_who_buys_more_and_spends_more():
    x, expected, actual = lessons()
    found = Ziln.fit(x, expected, actual, NETWORK, SEED).predict(x, expected) / expected
    high = x[:, 0] > 0.5
    low = x[:, 0] < -0.5
    assert found[high, 0].mean() / found[low, 0].mean() == pytest.approx(2, rel=0.2)
    assert found[high, 1].mean() > 1.3 * found[low, 1].mean()


def test_the_network_is_drawn_from_its_seed_alone_and_leaves_threads_as_they_were():
    threads = torch.get_num_threads()
    first, again, other = (Ziln.fit(*lessons(), NETWORK, seed) for seed in (1, 1, 2))
    assert first.hidden.tobytes() == again.hidden.tobytes() and first.heads.tobytes() == again.heads.tobytes()
    assert first.loss == again.loss and not np.array_equal(first.hidden, other.hidden)
    assert torch.get_num_threads() == threads


def test_the_loss_is_that_of_scipy():
    x, expected, actual = lessons(200)
    hidden, heads = np.random.default_rng(0).normal(size=(3, 4)), np.random.default_rng(1).normal(size=(5, 4))

    def by_scipy(heads: np.ndarray) -> float:
        inner = np.maximum(x @ hidden[:-1] + hidden[-1], 0)
        change = ziln._WIDEST * np.tanh(inner @ heads[:-1] + heads[-1])
        odds = np.expm1(expected[:, 0]) * np.exp(change[:, 0])
        mean, sigma = expected[:, 1] / -np.expm1(-expected[:, 0]) * np.exp(change[:, 1]), np.exp(change[:, 2])
        spent = actual[:, 1] > 0
        total = stats.bernoulli.logpmf(spent, odds / (1 + odds)).sum()
        total += stats.poisson.logpmf(actual[:, 0], expected[:, 0] * np.exp(change[:, 3])).sum()
        scale = (mean * np.exp(-(sigma**2) / 2))[spent]
        return -(total + stats.lognorm.logpdf(actual[spent, 1], sigma[spent], scale=scale).sum()) / len(x)

    def by_torch(heads: np.ndarray) -> float:
        layers = [torch.from_numpy(layer) for layer in (hidden, heads)]
        rows = (torch.from_numpy(np.ascontiguousarray(part)) for part in (x, *expected.T, *actual.T))
        return float(ziln._loss(torch, layers, *rows))

    difference = by_scipy(heads) - by_scipy(0 * heads)  # without what no parameter changes
    assert by_torch(heads) - by_torch(0 * heads) == pytest.approx(difference)


def past(actual: np.ndarray, **predicted: np.ndarray) -> pd.DataFrame:
    """Predictions of one origin, the same for orders and spend."""
    parts = [
        pd.DataFrame(
            {
                "origin": "o", "member_id": np.arange(len(actual)), "candidate": name, "orders": column,
                "spend": column, "actual_orders": actual, "actual_spend": actual,
            }
        )
        for name, column in predicted.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def fixed(amount: float) -> Candidate:
    return Candidate(lambda f, days: np.full(len(f), amount * days), lambda f, days: np.full(len(f), amount * days))


def test_the_stack_finds_the_mixture_and_predicts_it_for_any_horizon():
    rng = np.random.default_rng(2)
    a, b, c = rng.gamma(2, 10, (3, 500))
    found = learned.stack(past(0.7 * a + 0.3 * b, a=a, b=b, c=c), {"a": fixed(1), "b": fixed(2), "c": fixed(50)})
    assert found.parameters["value"].loc[["spend:a", "spend:b"]].tolist() == pytest.approx([0.7, 0.3], abs=1e-6)
    np.testing.assert_allclose(found.spend(pd.DataFrame(index=range(3)), 10), 10 * (0.7 + 0.6), rtol=1e-4)


def test_the_stack_keeps_the_level_whatever_that_of_the_last_window_was():
    a = np.random.default_rng(3).gamma(2, 10, 100)
    found = learned.stack(past(5 * a, a=a, zero=0 * a), {"zero": fixed(0), "a": fixed(1)})
    assert found.parameters["value"].to_dict() == {"orders:a": 1, "spend:a": 1}
    low = learned.stack(past(0 * a, a=a, zero=0 * a), {"zero": fixed(0), "a": fixed(1)})
    assert low.parameters["value"].to_dict() == {"orders:a": 1, "spend:a": 1}


def test_a_stack_without_an_earlier_origin_is_refused():
    with pytest.raises(DataError, match="no earlier origin"):
        learned.stack(pd.DataFrame(), {"a": fixed(1)})
