"""One contract for every policy."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from small_market import START, market, purchases, table

from membership.base.errors import DataError, ParamError
from membership.base.timeline import Window
from membership.recommend import baskets, heads, metrics, policies, policy, stack
from membership.recommend.model import NextBasket, Settings

FOR_EVERYBODY = ("g_topfreq", "newest")  # peers that list the same to all
CUTOFF = date(2024, 6, 1)
SETTINGS = {
    "upcf": {"recency": 5, "alpha": 0.5, "locality": 3, "neighbours": 20, "shrink": 10},
    "tifuknn": {"neighbours": 10, "within_decay": 0.9, "group_decay": 0.7, "alpha": 0.5, "groups": 3},
    "item_knn": {"neighbours": 10, "asymmetry": 0.5, "shrink": 1, "decay": 0.9, "own": 2},
    "ease": {"most_bought": 30, "penalty": 10, "decay": 0.9, "own": 0.5},
    "als": {"factors": 4, "iterations": 5, "confidence": 5, "penalty": 1, "decay": 0.9, "own": 0.5},
    "content": {"decay": 0.9, "popularity": 0.5, "own": 0.5},
    "model": {"learning_rate": 0.01, "weight_decay": 0.0, "dropout": 0.1, "hidden": 16},
}
SETTINGS["stack"] = {
    "model": SETTINGS["model"],
    "peers": {"upcf": SETTINGS["upcf"], "item_knn": SETTINGS["item_knn"]},
    "weights": dict.fromkeys(stack.signals(["model", "upcf", "item_knn"]), 0.5),
}
SETTINGS["heads"] = {"model": SETTINGS["model"], heads.REPEAT: heads.PRIOR, heads.EXPLORE: heads.PRIOR}


def fit(name, events, items, p, cutoff=CUTOFF):
    return policies.fit(name, SETTINGS.get(name, {}), events, items, cutoff, p)


@pytest.fixture(scope="module", params=policies.names())
def fitted(request, events, items, p):
    return fit(request.param, events, items, p)


def test_lists_have_the_asked_shape_and_known_distinct_items_in_order_of_score(fitted):
    members = fitted.baskets.members
    ids, scores = fitted.recommend(members, 5)
    assert ids.shape == scores.shape == (len(members), 5)
    assert (fitted.baskets.columns(ids) >= 0).all()
    assert all(len(set(row)) == 5 for row in ids)
    assert (np.diff(scores, axis=1) <= 0).all() and np.isfinite(scores).all()


def test_a_member_gets_the_same_list_alone_and_among_others(fitted):
    members = fitted.baskets.members
    ids, scores = fitted.recommend(members[::-1], 5)
    alone, score = fitted.recommend(members[:1], 5)
    assert np.array_equal(ids[-1:], alone)
    assert scores[-1:] == pytest.approx(score)


def test_however_few_members_are_listed_together_the_list_is_the_same(fitted, items, monkeypatch):
    members, listed = fitted.baskets.members[:20], []
    for together in (1, 7, 20):
        for module in (policy, stack):
            monkeypatch.setattr(module, "MEMBERS", together)
        listed.append(policy.listed(fitted, items, members, 5))
    for other in listed[1:]:
        pd.testing.assert_frame_equal(listed[0].drop(columns="score"), other.drop(columns="score"))
        score = listed[0]["score"].to_numpy()
        assert other["score"].to_numpy() == pytest.approx(score, rel=1e-5)  # products of float32


def test_equal_scores_go_by_item_id(fitted):
    ids, scores = fitted.recommend(fitted.baskets.members, 12)
    tied = (np.diff(scores, axis=1) == 0) & (ids[:, 1:] != "")
    assert (ids[:, :-1] < ids[:, 1:])[tied].all()


def test_a_member_without_a_history_gets_what_is_popular(fitted):
    ids, _ = fitted.recommend(np.array(["nobody", fitted.baskets.members[0]]), 5)
    counts = fitted.baskets.matrix().sum(axis=0)
    assert ids[0].tolist() == fitted.baskets.items[np.argsort(-counts, kind="stable")[:5]].tolist()


def test_more_than_the_catalogue_is_filled_with_nothing(fitted):
    n_items = len(fitted.baskets.items)
    ids, scores = fitted.recommend(fitted.baskets.members[:3], n_items + 7)
    there = ids != ""
    assert (there.sum(axis=1) <= n_items).all() and not there[:, n_items:].any()
    assert (np.diff(there.astype(int), axis=1) <= 0).all() and (scores[~there] == 0).all()


def test_the_same_data_give_the_same_list_and_the_order_of_members_in_it_is_free(fitted, frame, items, p):
    again = fit(fitted.name, table(frame.sample(frac=1, random_state=3)), items, p)
    members = fitted.baskets.members
    for one, other in zip(fitted.recommend(members, 12), again.recommend(members, 12), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("members", [[1, 2], ["m00", None], [1.5], "m00", [["m00"]]])
def test_ids_of_the_wrong_type_are_named(fitted, members):
    with pytest.raises(DataError, match=r"members: (ids are text, but .* is not|.* is no list of ids)"):
        fitted.recommend(members, 3)


@pytest.mark.parametrize("k", [0, -1, 2.0, "3"])
def test_a_length_that_is_none_is_named(fitted, k):
    with pytest.raises(ParamError, match=r"k = .*: allowed: whole numbers, 1 and up"):
        fitted.recommend(["m00"], k)


def test_nobody_asks_nobody_answers(fitted):
    ids, scores = fitted.recommend(np.array([], dtype=str), 5)
    assert ids.shape == scores.shape == (0, 5)


@pytest.mark.parametrize("name", policies.names())
def test_what_happens_from_the_cutoff_on_changes_nothing(name, frame, events, items, p):
    later = market(seed=9)
    later = later[later["local_at"] >= "2024-06-01"].assign(member_id="m00")
    planted = table(pd.concat([frame[frame["local_at"] < "2024-06-01"], later]))
    before, after = fit(name, events, items, p), fit(name, planted, items, p)
    members = before.baskets.members
    for one, other in zip(before.recommend(members, 5), after.recommend(members, 5), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", policies.names())
def test_buying_an_item_twice_on_a_day_is_buying_it_in_one_basket(name, frame, events, items, p):
    twice = table(pd.concat([frame, frame]))
    stricter = p.model_copy(update={"recommend": p.recommend.model_copy(update={"min_item_purchases": 4})})
    once, doubled = fit(name, events, items, p), fit(name, twice, items, stricter)
    assert np.array_equal(once.recommend(once.baskets.members, 5)[0], doubled.recommend(once.baskets.members, 5)[0])


@pytest.mark.parametrize("name", policies.names())
def test_a_member_with_one_basket_of_one_item_is_served(name, frame, items, p):
    once = purchases([("newcomer", "i00", "2024-05-20")])
    lenient = p.model_copy(update={"recommend": p.recommend.model_copy(update={"min_baskets": 1})})
    found = fit(name, table(pd.concat([frame, once])), items, lenient)
    ids, scores = found.recommend(["newcomer"], 5)
    listed = ids[ids != ""]
    assert len(set(listed)) == len(listed) >= 1 and np.isfinite(scores).all()
    assert name in FOR_EVERYBODY or "i00" in listed


@pytest.mark.parametrize("name", policies.names())
def test_a_single_member_is_served(name, frame, items, p):
    lonely = fit(name, table(frame[frame["member_id"] == "m00"]), items, p)
    ids, _ = lonely.recommend(np.array(["m00"]), 3)
    assert (ids != "").all()


@pytest.mark.parametrize("name", [name for name in policies.names() if name not in FOR_EVERYBODY])
def test_the_item_that_was_in_every_basket_is_recommended_first(name, items, p):
    days = [START + timedelta(days=day) for day in range(0, 140, 5)]
    baskets_of = {n: [(str(day), {n, 12 + (n + 3 * visit) % 18}) for visit, day in enumerate(days)] for n in range(12)}
    rows = [
        (f"m{n:02d}", f"i{item:02d}", day) for n, held in baskets_of.items() for day, basket in held for item in basket
    ]
    found = fit(name, table(purchases(rows)), items, p)
    ids, _ = found.recommend(found.baskets.members, 1)
    assert ids[:, 0].tolist() == [member.replace("m", "i") for member in found.baskets.members]


def test_the_model_sees_when_an_item_is_due_and_counting_does_not(items, p):
    weeks = [START + timedelta(days=7 * week) for week in range(26)]
    rows = [  # two items of their own in turn, half of the members beginning with either
        (f"m{n:02d}", f"i{(n + 15 * ((week + n) % 2)) % 30:02d}", str(day))
        for n in range(30)
        for week, day in enumerate(weeks)
    ]
    asked, learned = weeks[-1], p.train.model_copy(update={"epochs": 12, "origin_step_days": 7})
    recall = {}
    for name in ("gp_topfreq", "model"):
        found = fit(name, table(purchases(rows)), items, p.model_copy(update={"train": learned}), asked)
        target = baskets.targets(table(purchases(rows)), Window(asked, asked + timedelta(days=1)), found.baskets)
        ids, _ = found.recommend(target.members, 1)
        recall[name] = metrics.per_member(ids, target, found.baskets, 1)["recall_at_1"].mean()
    assert recall["model"] > 0.9 and recall["gp_topfreq"] < 0.6, recall


def test_scores_of_the_model_are_probabilities_that_add_up_to_what_is_bought(events, items, p):
    found = fit("model", events, items, p)
    target = baskets.targets(events, Window(CUTOFF, date(2024, 7, 1)), found.baskets)
    ids, scores = found.recommend(target.members, 5)
    hits = metrics.per_member(ids, target, found.baskets, 5)["recall_at_5"] * target.matrix.sum(axis=1)
    assert scores.sum(axis=1).mean() == pytest.approx(hits.mean(), rel=0.15)


def test_a_listing_names_items_and_says_what_is_new(events, items, p):
    found = fit("gp_topfreq", events, items, p)
    listed = policy.listed(found, items, found.baskets.members[:2], 12)
    columns = ["member_id", "rank", "item_id", "name", "category", "score", "source", "reason"]
    assert listed.columns.tolist() == columns
    assert listed["rank"].tolist() == [*range(1, 13)] * 2
    own = found.baskets.matrix()[[0, 1]].toarray().astype(bool)
    bought = [own[row // 12, column] for row, column in enumerate(found.baskets.columns(listed["item_id"]))]
    assert (listed["source"] == "repeat").tolist() == bought


def test_unknown_policies_and_settings_are_named(events, items, p):
    with pytest.raises(ParamError, match=r"'magic': unknown; there are: als, .*, upcf"):
        policies.fit("magic", {}, events, items, CUTOFF, p)
    with pytest.raises(ParamError, match=r"recommend\.peers\.upcf\.alpha = 2: .* less than or equal to 1"):
        policies.fit("upcf", {"alpha": 2}, events, items, CUTOFF, p)
    with pytest.raises(ParamError, match=r"'model'\.hidden = 0: .* greater than or equal to 1"):
        policies.fit("model", SETTINGS["model"] | {"hidden": 0}, events, items, CUTOFF, p)


def test_a_model_of_other_signals_is_refused(events, items, p):
    with pytest.raises(DataError, match="trained on other signals than there are now; run `dvc repro train`"):
        policy.serve(NextBasket(["one"], Settings(0.01, 0.0, 0.0, 4)), events, items, CUTOFF, p)
