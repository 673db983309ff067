"""The future is planted where a harness could see it, and nothing changes: with dates, and without."""

import json
import re
import shutil
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from meaning import meant
from ordered_market import ordered_market
from scipy import sparse
from small_market import purchases, table

from benchmarks import next_basket, ordered
from benchmarks.labelled import FOLDS, LabelledCandidates, folded
from membership.recommend import policies, train
from membership.recommend.situation import View

CUTOFF = date(2024, 6, 1)
DAYS = pd.date_range("2024-06-01", "2024-07-30", freq="5D").strftime("%Y-%m-%d %H:%M").tolist()
EVERYBODY = [f"m{number:02d}" for number in range(60)]
FUTURES = {
    "in the first minute": [(member, "i00", "2024-06-01 00:00") for member in EVERYBODY],
    "every few days": [(member, "i07", day) for member in EVERYBODY for day in DAYS],
    "an item that was never sold": [(member, "new", day) for member in EVERYBODY[:30] for day in DAYS],
    "members who were never seen": [(f"new{number}", f"i{number:02d}", day) for number in range(20) for day in DAYS],
    "one member buys everything": [("m00", f"i{number:02d}", day) for number in range(40) for day in DAYS],
}


@pytest.fixture(scope="module")
def past(frame):
    """What happened before the cut-off, a fifth of it at a discount."""
    kept = frame[frame["local_at"] < "2024-06-01"]
    return kept.assign(amount=100, discount=np.random.default_rng(0).choice([0, 20], len(kept), p=[0.8, 0.2]))


def planted(rows):
    """Purchases of (member, item, local time) at prices that nobody has ever paid."""
    return purchases(rows).assign(amount=1, discount=10_000)


@pytest.fixture(scope="module")
def learned(past, items, p):
    return learn(past, items, p)


def learn(frame, items, p):
    settings = p.train.settings.model_dump()
    found = policies.fit("model", settings, table(frame), items, CUTOFF, p)
    return found.recommend(found.baskets.members, 10)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("future", FUTURES.values(), ids=FUTURES)
def test_purchases_after_the_cutoff_change_nothing_that_is_learned_or_recommended(future, past, learned, items, p):
    assert same(learn(pd.concat([past, planted(future)]), items, p), learned)


@pytest.mark.parametrize("kind", ["return", "view", "contact"])
def test_other_events_after_the_cutoff_change_nothing_either(kind, past, learned, items, p):
    future = planted(FUTURES["every few days"]).assign(kind=kind, quantity=-1 if kind == "return" else 0)
    future = meant(future)
    assert same(learn(pd.concat([past, future]), items, p), learned)


def rows(frame, items, p):
    """Training rows of the one origin 30 days before the cut-off, all of them."""
    knobs = p.train.model_copy(update={"origins": 1, "negative_share": 1.0})
    return train.samples(table(frame), items, CUTOFF, p.recommend, knobs, p.seed)


def test_what_is_bought_after_the_next_basket_of_an_origin_changes_no_training_row(past, items, p):
    shopped = past[past["local_at"] >= "2024-05-02"].groupby("member_id")["local_at"].min()
    later = [(member, "i07", "2024-05-31 20:00") for member in shopped.index[shopped < "2024-05-31"]]
    plain, after = rows(past, items, p), rows(pd.concat([past, planted(later)]), items, p)
    for name in ("inputs", "bought", "size"):
        assert np.array_equal(getattr(plain, name), getattr(after, name))


def test_what_is_bought_in_the_next_basket_of_an_origin_is_a_label_and_no_signal(past, items, p):
    early = [(member, "i07", "2024-05-02 06:00") for member in EVERYBODY]
    plain, other = rows(past, items, p), rows(pd.concat([past, planted(early)]), items, p)
    assert np.array_equal(plain.inputs, other.inputs)
    assert not np.array_equal(plain.bought, other.bought)


MARKET = ordered_market(members=60, items=30, seed=3)
TRAIN, VAL, TEST = np.split(MARKET.known.members, [40, 50])


@pytest.fixture(scope="module")
def given():
    return folded(MARKET.known, MARKET.next.of(TRAIN), np.random.default_rng(0))


def said(given, members):
    """The candidates of `members` and all signals of them."""
    now = View(LabelledCandidates(MARKET.known, given, 5)).of(MARKET.known.rows(members))
    return now.pairs.member, now.pairs.item, now.pairs.scores, now.inputs


def of_fold(given, fold):
    return MARKET.known.members[given.fold == fold]


def changed(given, rows, how):
    """`given` with the labels of `rows` taken off, or turned to what they did not buy."""
    matrix = given.matrix.toarray()
    matrix[rows] = 0 if how == "removed" else 1 - matrix[rows]
    return replace(given, matrix=sparse.csr_array(matrix))


@pytest.mark.parametrize("how", ["removed", "turned round"])
def test_no_signal_of_a_member_hangs_on_its_own_label_or_on_those_of_its_fold(given, how):
    for fold in range(FOLDS):
        members = of_fold(given, fold)
        before = said(given, members)
        own = MARKET.known.rows(members[:1])
        assert same(said(changed(given, own, how), members[:1]), said(given, members[:1]))
        assert same(said(changed(given, np.flatnonzero(given.fold == fold), how), members), before)


def test_signals_of_other_folds_and_of_members_without_a_label_do_hang_on_a_label(given):
    other = changed(given, np.flatnonzero(given.fold == 0), "turned round")
    for members in (of_fold(given, 1), TEST):
        assert not same(said(other, members), said(given, members))


def test_labels_of_train_members_matter(p):
    turned = replace(MARKET.next.of(TRAIN), matrix=sparse.csr_array(1 - MARKET.next.of(TRAIN).matrix.toarray()))
    one, other = (ordered.fit(MARKET.known, after, p) for after in (MARKET.next.of(TRAIN), turned))
    assert not same(one.recommend(TEST, 5), other.recommend(TEST, 5))


def lists(folder, planted, *more, method="model"):
    """Give the lists of `method` for test members where those of `planted` bought something else next."""
    (folder / "keysets").mkdir(exist_ok=True)
    parts = {"train": TRAIN.tolist(), "val": VAL.tolist(), "test": TEST.tolist()}
    after = {member: [[-1], [0] if member in planted else basket, [-1]] for member, basket in nexts().items()}
    for name, content in {"history": histories(), "future": after, "keysets/fold": parts}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    paths = {
        "history": "history.json",
        "future": "future.json",
        "keysets": "keysets",
        "out": "o",
        "predictions": "to",
    }
    shutil.rmtree(folder / "models", ignore_errors=True)  # no study of an earlier call
    with pytest.MonkeyPatch.context() as patch:
        given = [f"--{name}={folder / place}" for name, place in paths.items()]
        patch.setattr(sys, "argv", ["next_basket", *given, f"--methods={method}", *more])
        next_basket.main()
    return json.loads((folder / "to" / method / "fold.json").read_text())


def test_the_command_learns_from_train_members_chooses_by_val_members_and_never_sees_test_members(workspace):
    knobs = workspace / "params.yaml"
    knobs.write_text(re.sub(r"workers: \d+", "workers: 1", knobs.read_text()))
    plain = lists(workspace, [])
    assert set(plain) == set(TEST)
    assert lists(workspace, [*VAL, *TEST]) == plain
    assert lists(workspace, TRAIN) != plain
    assert lists(workspace, TEST, "--tune=2") == lists(workspace, [], "--tune=2")


def test_what_is_chosen_among_the_model_the_stack_and_peers_never_sees_test_members(workspace):
    assert lists(workspace, TEST, method="ours") == lists(workspace, [], method="ours")


def histories():
    known = MARKET.known
    frame = pd.DataFrame({"member": known.members[known.member], "back": known.basket, "item": known.item})
    baskets = frame.groupby(["member", "back"])["item"].agg(list).sort_index(ascending=[True, False])
    return {member: [[-1], *held, [-1]] for member, held in baskets.groupby(level="member").agg(list).items()}


def nexts():
    bought = MARKET.next.matrix.toarray() > 0
    return {member: np.flatnonzero(row).tolist() for member, row in zip(MARKET.known.members, bought, strict=True)}
