"""Needs on a simulated market: what members truly are is found in what they do and in what they say."""

import pandas as pd
import pytest

from membership.base import engine, tables
from membership.data import features, habits
from membership.data.sources import simulate
from membership.profile import needs, stated, survey
from membership.settings import params

P = params.parse(params.read(), {"dataset.simulate.members": 600, "dataset.simulate.items": 120})


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("market")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMBERSHIP_ROOT", str(root))
        market = simulate.market(P.dataset.simulate, 3, "UTC", "EUR")
        market.canonical.save()
        con, day = engine.connect(), P.windows.as_of
        events, items, members = (engine.load(con, name) for name in ("events", "items", "members"))
        facts = tables.check("features", features.table(events, members, [day]))
        shares = tables.check("category_shares", features.category_table(events, items, [day], 0.0))
        counts, levels = habits.at(events, items, day), habits.levels(events, items, day)
        preferences = needs.preferences(facts, shares, counts, levels, P.needs)
        told = survey.read(tables.read("survey"), tables.read("members")["member_id"], P.needs, day)
        said = stated.needs(told, sorted(shares["category"].unique()), P.needs)
    return market.truth.set_index("member_id"), preferences, told, said


def correlation(scores, truth):
    both = pd.concat([scores, truth], axis=1).dropna()
    return both.corr("spearman").iloc[0, 1]


@pytest.mark.parametrize(
    ("need", "truth", "least"),
    [("bargains", "deal", 0.7), ("web shopping", "online", 0.8), ("variety", "novelty", 0.5)],
)
def test_behaviour_reveals_what_drives_it(found, need, truth, least):
    assert correlation(found[1].scores[need], found[0][truth]) > least


def test_tastes_are_revealed_by_shares_of_categories(found):
    truth, preferences, _, _ = found
    tastes = [column for column in truth if column.startswith("taste_")]
    known = [taste for taste in tastes if taste.removeprefix("taste_").lower() in preferences.scores]
    rank = [correlation(preferences.scores[taste.removeprefix("taste_").lower()], truth[taste]) for taste in known]
    assert len(known) >= len(tastes) / 2
    assert min(rank) > 0.5


def test_what_the_market_makes_no_difference_in_is_no_need(found):
    assert not {"weekend shopping", "evening shopping"} & set(found[1].scores)


def test_stated_needs_agree_with_what_members_do(found):
    _, preferences, told, said = found
    agreed = stated.agreement(preferences.scores, said, 0.95)
    assert {"bargains", "web shopping"} <= set(agreed.index)
    assert (agreed.loc[["bargains", "web shopping"], "low"] > 0).all()
    assert told.text["question"].eq("wish").all()
    assert len(told.text) > 0
    assert told.quality[list(survey.PROBLEMS)].to_numpy().sum() == 0
