"""Histories with hardly anything in them: a defined answer, or a message that says what is missing."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks import ordered
from membership.base.errors import DataError
from membership.recommend import policies
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.peers.registry import PEERS
from membership.settings import params

HISTORIES = {  # of each member, the oldest basket first
    "one member": [["ab", "a", "ac"]],
    "one member with one basket": [["ab"]],
    "one item": [["a", "a", "a"]] * 8,
    "all members alike": [["ab", "bc", "ab"]] * 8,
    "nothing bought twice": [[f"{chr(97 + 3 * n)}{chr(98 + 3 * n)}", chr(99 + 3 * n)] for n in range(8)],
    "one basket of one item each": [["a"], ["b"], ["c"], ["a"]],
    "one long history among short ones": [["a", "b"]] * 6 + [["abcdefgh", "b"] * 40],
}
LABELS = ("nobody", "one", "half", "all", "all, of items never sold")


def histories(held):
    lines = sorted(
        (m, len(each) - 1 - n, item) for m, each in enumerate(held) for n, b in enumerate(each) for item in b
    )
    member, back, item = (np.array(column) for column in zip(*lines, strict=True))
    items, column = np.unique(item, return_inverse=True)
    member, back, column = (array.astype(np.int32) for array in (member, back, column))
    return Baskets(None, np.array([f"m{n}" for n in range(len(held))]), items, member, column, back, back + 1)


def nexts(known, who):
    """The first item of the catalogue, or one that nobody has bought, as the next basket of some members."""
    some = {"nobody": slice(0, 0), "one": slice(0, 1), "half": slice(0, None, 2)}.get(who, slice(None))
    members, unseen = known.members[some], int("never" in who)
    matrix = np.zeros((len(members), len(known.items)))
    matrix[:, 0] = 1 - unseen
    return Targets(members, sparse.csr_array(matrix), np.full(len(members), unseen))


def check(found, known):
    ids, scores = found.recommend(known.members, 4)
    there = ids != ""
    assert there[:, 0].all() and (np.diff(there.astype(int), axis=1) <= 0).all()
    assert np.isfinite(scores).all() and (np.diff(scores, axis=1) <= 0)[there[:, 1:]].all()
    for row in ids:
        listed = row[row != ""]
        assert len(set(listed)) == len(listed) and np.isin(listed, known.items).all()


@pytest.fixture(scope="module")
def stored():
    return params.parse(params.read(), {"device": "cpu", "train.epochs": 1})


@pytest.mark.parametrize("who", LABELS)
@pytest.mark.parametrize("held", HISTORIES.values(), ids=HISTORIES)
def test_the_model_gives_everybody_a_list_or_says_what_is_missing(held, who, stored):
    known = histories(held)
    try:
        found = ordered.fit(known, nexts(known, who), stored)
    except DataError as error:
        assert "bring more" in str(error) and "\n" not in str(error)
    else:
        check(found, known)
        _, scores = found.recommend(known.members, len(known.items))
        assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("name", [name for name in PEERS if name != "content"])
@pytest.mark.parametrize("held", HISTORIES.values(), ids=HISTORIES)
def test_every_peer_gives_everybody_a_list(held, name, stored):
    known = histories(held)
    check(policies.peer(name, stored.recommend.peers.get(name, {}), known, seed=1), known)


def test_enough_to_learn_from_is_learned_from_without_any_label(stored):
    known = histories(HISTORIES["all members alike"])
    settings = {"learning_rate": 0.01, "weight_decay": 0.01, "dropout": 0.0, "hidden": 64}  # fast enough for few rows
    fitted = ordered.fit(known, nexts(known, "nobody"), stored, settings)
    assert fitted.recommend(["m0"], 1)[0][0, 0] in "ab"


def test_too_little_to_learn_from_is_said(stored):
    known = histories(HISTORIES["one basket of one item each"])
    with pytest.raises(DataError, match="no training rows: no member has a next basket or two baskets; bring more"):
        ordered.fit(known, nexts(known, "nobody"), stored)
