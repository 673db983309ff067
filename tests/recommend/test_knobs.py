"""Frontiers of the knobs: the same lists as a policy with knobs makes, judged as metrics are."""

import numpy as np
import pandas as pd
import pytest
from ordered_market import ordered_market

from membership.recommend import exploration, knobs, metrics, rerank, rules
from membership.recommend.policy import Recommender
from membership.settings.recommend import Recommend, Rules

MARKET = ordered_market(members=60, items=40, seed=3)
KNOWN, AFTER = MARKET.known, MARKET.next.of(MARKET.known.members[::2])
ITEMS = pd.DataFrame({"item_id": KNOWN.items, "category": [f"kind {number % 7}" for number in range(40)]})
SET = Recommend(k=5, rerank={"novelty": 0.4})
SCORES = np.random.default_rng(0).beta(0.5, 4, KNOWN.shape)


def top(rows, k):
    columns = np.argsort(-SCORES[rows], axis=1)[:, :k]
    return columns, np.take_along_axis(SCORES[rows], columns, axis=1)


FREE = Recommender("toy", KNOWN, top)


@pytest.fixture(scope="module")
def turned() -> pd.DataFrame:
    return knobs.frontiers(FREE, AFTER, SET, ITEMS, turned=(0.0, 1.0))


def test_values_are_swept_with_what_is_in_use_and_compared_with_none(turned):
    novelty = turned[turned["knob"] == "novelty"].set_index("value")
    assert novelty.index.tolist() == [0, 0.4, 1] and novelty["in_use"].tolist() == [False, True, False]
    assert novelty.loc[0, ["metric_gain", "recall_gain", "recall_low", "recall_high"]].eq(0).all()
    assert novelty.loc[1, "metric_gain"] == pytest.approx(novelty.loc[1, "metric"] - novelty.loc[0, "metric"])
    assert novelty["metric"].is_monotonic_increasing
    assert novelty.loc[1, "recall_low"] <= novelty.loc[1, "recall_gain"] <= novelty.loc[1, "recall_high"]


def test_what_these_data_lack_has_no_row(turned):
    assert knobs.lacking(turned) == ["freshness"]  # no dates
    bare = knobs.frontiers(FREE, AFTER, SET, ITEMS.assign(category=None), turned=(1.0,))
    assert knobs.lacking(bare) == ["diversity", "freshness"]


def test_each_point_is_what_a_policy_with_that_knob_lists(turned):
    day = None
    for row in turned.itertuples():
        asked = SET.model_copy(update={"rerank": SET.rerank.model_copy(update={row.knob: row.value})})
        made = rules.ruled(FREE, Rules(), ITEMS, day, reranker=rerank.of_catalogue(KNOWN, asked, ITEMS))
        ids, _ = made.recommend(AFTER.members, 5)
        assert metrics.per_member(ids, AFTER, KNOWN, 5)["recall_at_5"].mean() == pytest.approx(row.recall)
        name = "popularity_bias" if row.knob == "popularity" else row.knob
        judged = exploration.per_member(ids, AFTER, KNOWN, 5, ITEMS).mean(numeric_only=True)
        found = metrics.coverage(ids, KNOWN) if name == "coverage" else judged[f"{name}_at_5"]
        assert found == pytest.approx(row.metric), row.knob


def test_a_price_is_recall_lost_for_a_hundredth_of_the_metric():
    rows = [("novelty", 1, 0.2, -0.004, -0.01, 0.002), ("popularity", 1, -0.05, -0.01, -0.02, 0)]
    rows += [("diversity", 1, 0.0, -0.1, -0.1, -0.1), ("coverage", 3, 0.2, -0.1, -0.1, -0.1)]
    columns = ["knob", "value", "metric_gain", "recall_gain", "recall_low", "recall_high"]
    found = knobs.prices(pd.DataFrame(rows, columns=columns)).set_index("knob")
    assert found.loc["novelty"].tolist() == pytest.approx([0.0002, -0.0001, 0.0005])
    assert found.loc["popularity"].tolist() == pytest.approx([0.002, 0, 0.004])
    assert found.index.tolist() == ["novelty", "popularity"]
