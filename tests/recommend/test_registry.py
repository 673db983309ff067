"""Peers as plug-ins: registering one, the check of its settings, and lists for members who come in later."""

from typing import Literal

import numpy as np
import pytest
from ordered_market import ordered_market

from membership.base.errors import ParamError
from membership.recommend import policies
from membership.recommend.peers import registry
from membership.recommend.peers.peer import PEERS, Range, peer
from membership.recommend.ranking import ranked
from membership.settings.section import Count, Section

MARKET = ordered_market(members=60, items=30, seed=4)
KNOWN = MARKET.known


class Recent(Section):
    """Settings of the toy."""

    baskets: Count = 1
    order: Literal["first", "last"] = "last"


@pytest.fixture
def toy():
    """A peer that lists what was in anybody's last baskets, as a module beside the others would register it."""
    before = dict(PEERS)

    @peer(Recent, reason="{buyers} of {members} members bought it, some of them lately", space={"baskets": Range(1, 9)})
    def lately(known, settings, _context):
        counts = np.bincount(known.item[known.basket < settings.baskets], minlength=len(known.items)).astype(float)
        return lambda _asked: ranked(lambda rows: np.tile(counts, (len(rows), 1)))

    yield "lately"
    PEERS.clear()
    PEERS.update(before)


def test_a_new_peer_is_a_policy_with_lists_and_reasons_of_its_own(toy):
    assert toy in policies.names()
    found = policies.peer(toy, {"baskets": 2}, KNOWN)
    ids, scores = found.recommend(KNOWN.members[:5], 30)
    counts = np.bincount(KNOWN.item[KNOWN.basket < 2], minlength=30)
    assert (scores == counts[KNOWN.columns(ids)]).all() and (np.diff(scores, axis=1) <= 0).all()
    words, new = found.reasons(KNOWN.members[:5], ids), ~KNOWN.bought(KNOWN.members[:5], ids)
    buyers = KNOWN.matrix().sign().sum(axis=0).astype(int)[KNOWN.columns(ids)]
    assert new.any()
    for said, many in zip(words[new], buyers[new], strict=True):
        assert said == f"{many} of 60 members bought it, some of them lately"


def test_settings_of_peers_are_their_defaults_under_what_params_yaml_says(toy):
    found = registry.settings({toy: {"baskets": 3}, "gp_topfreq": None})
    assert set(found) == set(PEERS)
    assert found[toy] == Recent(baskets=3) and found["gp_topfreq"].ties == "popularity"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lately": {"baskets": 0}}, r"recommend\.peers\.lately\.baskets = 0: .*greater than or equal to 1"),
        ({"lately": {"order": "any"}}, r"recommend\.peers\.lately\.order = 'any': .*'first' or 'last'"),
        ({"lately": {"days": 3}}, r"recommend\.peers\.lately\.days = 3: unknown key"),
        ({"ease": {"most_bought": 20_001}}, r"recommend\.peers\.ease\.most_bought = 20001: .*20000"),
        ({"als": {"penalty": 0}}, r"recommend\.peers\.als\.penalty = 0: .*greater than 0"),
        ({"gp_topfreq": {"ties": "random"}}, r"recommend\.peers\.gp_topfreq\.ties = 'random': .*'first_bought'"),
        ({"magic": {}}, r"'magic': unknown; there are: als, content, .*item_knn, lately, newest, p_topfreq"),
    ],
)
def test_an_impossible_setting_is_one_line_naming_key_value_and_what_is_allowed(toy, given, words):
    with pytest.raises(ParamError, match=words) as error:
        registry.settings(given)
    assert "\n" not in str(error.value)


def test_peers_are_listed_in_one_order_whichever_was_imported_first(toy):
    asked = registry.names(), list(registry.settings({})), policies.names()
    backwards = dict(reversed(PEERS.items()))
    PEERS.clear()
    PEERS.update(backwards)
    assert (registry.names(), list(registry.settings({})), policies.names()) == asked


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", "peer 'other': it has no reason: say in words why an item is listed; fields: {lead}"),
        ("  ", "peer 'other': it has no reason"),
        ("near to {friend}", "peer 'other': its reason has unknown fields: friend; allowed: {lead}"),
    ],
)
def test_a_peer_without_a_reason_that_can_be_said_is_not_registered(toy, reason, words):
    def other(known, settings, context): ...

    with pytest.raises(ParamError) as error:
        peer(reason=reason)(other)
    assert words in str(error.value) and "other" not in PEERS


def test_a_peer_is_registered_once_and_searches_only_among_its_own_settings(toy):
    def lately(known, settings, context): ...

    def other(known, settings, context): ...

    with pytest.raises(ParamError, match="peer 'lately': there is one of this name already"):
        peer(reason="bought lately")(lately)
    with pytest.raises(ParamError, match="peer 'other': it has no settings depth, which its search space names"):
        peer(Recent, reason="bought lately", space={"depth": [1]})(other)


@pytest.mark.parametrize("name", sorted(set(PEERS) - {"content"}))
def test_every_setting_of_a_peer_has_a_default_and_a_place_where_a_search_looks(name):
    assert {*PEERS[name].space, *PEERS[name].dated} == set(PEERS[name].settings.model_fields)
    assert PEERS[name].settings() == registry.settings({})[name]


def only(known, rows):
    """The histories of some rows, as they would come in later."""
    chosen = np.isin(known.member, rows)
    place = np.full(len(known.members), -1)
    place[rows] = np.arange(len(rows))
    lines = {name: getattr(known, name)[chosen] for name in ("item", "basket", "age")}
    member = place[known.member[chosen]].astype(np.int32)
    return type(known)(known.cutoff, known.members[rows], known.items, member, **lines)


@pytest.mark.parametrize("name", sorted(set(PEERS) - {"content"}))
def test_who_comes_in_later_gets_the_list_of_the_whole_market_and_nobody_else_changes_it(name):
    ready, whole = policies.ready(name, {}, KNOWN, seed=3), policies.peer(name, {}, KNOWN, seed=3)
    rows = np.array([3, 17, 40])
    ids, scores = whole.recommend(KNOWN.members[rows], 10)
    for some in (rows, rows[:1]):
        found, score = ready(only(KNOWN, some)).recommend(KNOWN.members[some], 10)
        assert np.array_equal(found, ids[: len(some)])
        assert score == pytest.approx(scores[: len(some)], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(PEERS) - {"content"}))
def test_a_stranger_with_the_history_of_a_member_gets_a_list_that_begins_like_a_members(name):
    """The member counts among the stranger's neighbours, so lists are alike and not the same."""
    ready = policies.ready(name, {}, KNOWN, seed=3)
    one = only(KNOWN, np.array([7]))
    stranger = type(one)(**{**vars(one), "members": np.array(["stranger"])})
    ids, scores = ready(stranger).recommend(["stranger"], 10)
    like, _ = ready(one).recommend(one.members, 10)
    assert np.isfinite(scores).all() and (ids != "").sum() == (like != "").sum()
    assert len(np.intersect1d(ids[ids != ""], like[like != ""])) >= 0.7 * (like != "").sum()


def test_who_comes_in_without_a_history_gets_what_sells():
    nobody = only(KNOWN, np.array([], dtype=int))
    ids, _ = policies.ready("item_knn", {}, KNOWN)(nobody).recommend(["new"], 5)
    counts = KNOWN.matrix().sum(axis=0)
    assert ids[0].tolist() == KNOWN.items[np.argsort(-counts, kind="stable")[:5]].tolist()
