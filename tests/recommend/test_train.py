"""Training rows and training."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
import torch
from ordered_market import ordered_market
from small_market import market, table
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks import ordered
from membership.base.errors import DataError
from membership.base.timeline import Window
from membership.recommend import baskets, train
from membership.recommend.model import Settings

CUTOFF = date(2024, 6, 1)
SETTINGS = Settings(learning_rate=0.01, weight_decay=0.0, dropout=0.1, hidden=16)


@pytest.fixture(scope="module")
def data(events, items, p):
    return train.samples(events, items, CUTOFF, p.recommend, p.train, p.seed)


def test_nothing_from_the_cutoff_on_changes_a_training_row(data, frame, items, p):
    later = market(seed=5)
    planted = table(pd.concat([frame[frame["local_at"] < "2024-06-01"], later[later["local_at"] >= "2024-06-01"]]))
    again = train.samples(planted, items, CUTOFF, p.recommend, p.train, p.seed)
    for name in ("inputs", "bought", "weight", "size"):
        assert np.array_equal(getattr(data, name), getattr(again, name))


def test_labels_are_the_next_basket_after_each_origin(events, items, p):
    known = baskets.history(events, date(2024, 5, 2), p.recommend)
    now = train.situation(known, items, p.train.model_copy(update={"candidates": 1000}))
    after = baskets.targets(events, Window(date(2024, 5, 2), CUTOFF), known)
    assert train.bought_next(now.pairs, known, after).sum() == after.matrix.sum()  # every item is a candidate


def test_thinned_rows_stand_for_all(events, items, p, data):
    thin = p.train.model_copy(update={"negative_share": 0.25})
    some = train.samples(events, items, CUTOFF, p.recommend, thin, p.seed)
    assert some.bought.sum() == data.bought.sum()
    assert len(some.bought) < 0.5 * len(data.bought)
    assert some.weight.sum() == pytest.approx(data.weight.sum(), rel=0.05)


def test_origins_before_the_data_are_left_out_and_none_left_is_an_error(events, items, p, data):
    far = p.train.model_copy(update={"origins": 30})
    more = train.samples(events, items, CUTOFF, p.recommend, far, p.seed)
    assert len(more.bought) > len(data.bought)
    with pytest.raises(DataError, match="before 2024-01-03 no member has 2 baskets"):
        train.samples(events, items, date(2024, 1, 3), p.recommend, p.train, p.seed)
    nameless = events.mutate(item_id=ibis.null("string"))
    with pytest.raises(DataError, match="no purchase names an item"):
        train.samples(nameless, items, CUTOFF, p.recommend, p.train, p.seed)


def test_the_same_seed_gives_the_same_model_and_another_another(data, p):
    state = torch.get_rng_state()
    fits = [train.fit(data, SETTINGS, p.train, seed, "cpu") for seed in (1, 1, 2)]
    first, same, other = (fitted.model.logits(data.inputs) for fitted in fits)
    assert np.array_equal(first, same) and not np.array_equal(first, other)
    assert torch.equal(state, torch.get_rng_state())  # the caller's random numbers are left alone


def test_every_epoch_is_reported_and_the_loss_falls_below_that_of_the_mean(data, p):
    heard = []
    knobs = p.train.model_copy(update={"epochs": 4})
    fitted = train.fit(data, SETTINGS, knobs, 1, "cpu", lambda epoch, loss, _model: heard.append((epoch, loss)))
    assert heard == list(fitted.losses.itertuples(index=False, name=None))
    weight = data.weight / data.size
    weight /= weight.mean()
    share = float((weight * data.bought).mean())
    mean = torch.full((len(weight),), share).logit()
    bought = torch.from_numpy(data.bought.astype(np.float32))
    assert heard[-1][1] < float(binary_cross_entropy_with_logits(mean, bought, torch.from_numpy(weight)))


def test_probabilities_add_up_to_what_was_bought_in_the_training_rows(data, p):
    fitted = train.fit(data, SETTINGS, p.train, 1, "cpu")
    chance = fitted.model.probability(data.inputs)
    assert (chance * data.weight).sum() == pytest.approx(data.bought.sum(), rel=1e-3)


def test_a_member_is_held_out_at_every_origin_or_at_none(events, items, p):
    known = [baskets.history(events, day, p.recommend) for day in (date(2024, 4, 2), date(2024, 5, 2))]
    held = [set(some.members[train.held(some.members)]) for some in known]
    common = set(known[0].members) & set(known[1].members)
    assert held[0] & common == held[1] & common and 0 < len(held[1]) < 0.4 * len(known[1].members)


def drawn(events, items, p, **changed):
    """Training rows with every item a candidate and no row thinned out: a member's purchases by its size make one."""
    knobs = p.train.model_copy(update={"candidates": 1000, "negative_share": 1.0} | changed)
    return train.samples(events, items, CUTOFF, p.recommend, knobs, p.seed)


def members_in(data):
    return pytest.approx((data.bought / data.size).sum(), rel=1e-5)


def test_members_of_the_newest_origin_come_first_until_enough_are_there_in_all(events, items, p):
    newest, all_ = drawn(events, items, p, origins=1), drawn(events, items, p)
    rows, many = len(newest.bought), round((newest.bought / newest.size).sum())
    assert many == 60 and members_in(all_) == 180
    some = drawn(events, items, p, members=many + 7)
    assert members_in(some) == many + 7
    assert np.array_equal(some.inputs[:rows], newest.inputs) and np.array_equal(some.bought[:rows], newest.bought)
    assert np.array_equal(drawn(events, items, p, members=many).inputs, newest.inputs)


def test_fewer_members_than_the_newest_origin_has_are_drawn_from_it(events, items, p):
    newest, few = drawn(events, items, p, origins=1), drawn(events, items, p, members=11)
    assert members_in(few) == 11
    rows = {row.tobytes() for row in newest.inputs}
    assert all(row.tobytes() in rows for row in few.inputs)
    same, other = (drawn(events, items, p.model_copy(update={"seed": seed}), members=11) for seed in (p.seed, 99))
    assert np.array_equal(same.inputs, few.inputs) and not np.array_equal(other.inputs, few.inputs)


def test_without_dates_labels_come_before_earlier_baskets(p):
    market = ordered_market(members=60, items=30)
    after = market.next.of(market.known.members[:20])

    def rows(**changed):
        knobs = p.train.model_copy(update={"candidates": 1000, "negative_share": 1.0, "origins": 2} | changed)
        return ordered.samples(market.known, after, p.model_copy(update={"train": knobs}))

    labelled, both = rows(origins=1), rows()
    assert members_in(labelled) == 20 and members_in(both) == 80
    some = rows(members=33)
    assert members_in(some) == 33 and np.array_equal(some.inputs[: len(labelled.bought)], labelled.inputs)
