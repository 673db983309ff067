"""What sequence models are given, and what becomes of their lists."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks import installed, sequences
from membership.base.errors import DataError
from membership.recommend.baskets import Baskets, Targets


@pytest.fixture
def known():
    """Member a bought items 2 and 1 together and then 0; member b item 2, and 2 again; member c item 1."""
    member, item, basket = np.array([[0, 0, 0], [0, 1, 1], [0, 2, 1], [1, 2, 0], [1, 2, 1], [2, 1, 0]]).T
    return Baskets(None, np.array(["a", "b", "c"]), np.array(["x", "y", "z"]), member, item, basket, basket + 1)


def targets(members, rows, unseen=None):
    matrix = sparse.csr_array(np.array(rows, dtype=float))
    return Targets(np.array(members), matrix, np.zeros(len(members), int) if unseen is None else np.array(unseen))


NOBODY = targets([], np.zeros((0, 3)))


def test_baskets_are_laid_end_to_end_by_item_within_one_and_labels_come_last(known):
    labels = targets(["a"], [[0, 1, 1]])
    given = sequences._lines(known, labels, targets(["c"], [[1, 0, 0]], [2]), np.array(["b", "c"]))
    assert given["train"].T.tolist() == [[0, 1], [0, 2], [0, 0], [0, 1], [0, 2], [1, 2], [1, 2], [2, 1]]
    assert given["known"].T.tolist() == [[0, 2], [0, 2], [1, 1]]
    assert given["answers"].T.tolist() == [[1, 0]] and given["sizes"].tolist() == [0, 3]


def test_answers_of_validation_members_are_never_learned_from(known):
    given = sequences._lines(known, NOBODY, targets(["a", "b"], [[1, 0, 0], [0, 1, 0]]), known.members)
    same = sequences._lines(known, NOBODY, targets(["a", "b"], [[0, 0, 1], [0, 0, 1]]), known.members)
    assert np.array_equal(given["train"], same["train"]) and np.array_equal(given["known"], same["known"])
    assert len(given["train"].T) == len(known.item)


def test_a_member_without_a_history_is_not_asked_of_the_model_but_gets_what_is_popular(known):
    given = sequences._lines(known, NOBODY, targets(["d"], [[1, 0, 0]]), np.array(["a", "d"]))
    assert set(given["known"][0]) == {0} and given["sizes"].tolist() == [0, 1]
    lists = sequences.recommender("sasrec", known, np.array(["a", "d"]), np.array([[1, -1], [-1, -1]]))
    ids, _ = lists.recommend(np.array(["a", "b", "d"]), 3)
    assert ids.tolist() == [["y", "z", "x"], ["z", "y", "x"], ["z", "y", "x"]]


def test_sequences_are_no_longer_than_the_longest_one(known):
    given = sequences._lines(known, NOBODY, targets(["c"], [[1, 0, 0]]), known.members)
    asked = sequences._settings("sasrec", given)
    assert asked["settings"] == sequences.SETTINGS["sasrec"]["settings"] | {"session_max_len": 3}


def test_without_their_environment_it_says_how_to_make_it(known, tmp_path, monkeypatch):
    monkeypatch.setattr(installed, "HOME", tmp_path)
    with pytest.raises(DataError, match="run `make peers`"):
        sequences.fit("sasrec", known, NOBODY, targets(["c"], [[1, 0, 0]]), known.members, 1)
