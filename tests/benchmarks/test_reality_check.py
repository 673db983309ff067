"""Reading the Reality Check format, and what is wrong with a file that is none."""

import gzip
import json

import numpy as np
import pytest

from benchmarks import reality_check
from membership.base.errors import DataError

HISTORY = {
    "10": [[-1], [3, 1, 1], [], [2], [-1]],  # a repeated item and an empty basket
    "9": [[-1], [7], [-1]],
    "8": [[-1], [-1]],  # nothing
}
FUTURE = {"10": [[-1], [2, 5, 5], [-1]], "9": [[-1], [1], [-1]], "8": [[-1], [7], [-1]]}
KEYSET = {"item_num": 9, "train": ["10"], "val": ["9"], "test": ["8"]}


def write(path, content):
    text = content if isinstance(content, str) else json.dumps(content)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.fixture
def data(tmp_path):
    history, future = write(tmp_path / "h.json", HISTORY), write(tmp_path / "f.json.gz", FUTURE)
    return reality_check.read(history, future)


def test_baskets_are_counted_back_without_the_empty_ones_and_hold_an_item_once(data):
    known = data.baskets
    assert known.members.tolist() == ["10", "9"] and known.items.tolist() == ["1", "2", "3", "7"]
    lines = zip(known.members[known.member], known.basket.tolist(), known.items[known.item], strict=True)
    assert list(lines) == [("10", 0, "2"), ("10", 1, "1"), ("10", 1, "3"), ("9", 0, "7")]
    assert known.age.tolist() == [1, 2, 2, 1] and not known.dated and known.sizes.tolist() == [2, 1]


def test_what_no_history_holds_is_counted_and_members_without_a_history_stay_in_the_futures(data):
    futures = data.futures
    assert futures.members.tolist() == ["10", "8", "9"]
    assert futures.sizes.tolist() == [2, 1, 1] and futures.unseen.tolist() == [1, 0, 0]
    assert data.baskets.items[futures.matrix.indices].tolist() == ["2", "7", "1"]
    assert futures.of(["9", "8", "nobody"]).members.tolist() == ["8", "9"]


def test_items_are_numbers_where_all_of_them_are(data, tmp_path):
    named = write(tmp_path / "n.json", {"a": [[-1], ["milk", 3], [-1]]})
    assert data.numbered and not reality_check.read(named, named).numbered


def test_folds_come_by_the_name_of_their_file_plain_or_gzipped(data, tmp_path):
    folder = tmp_path / "keysets"
    folder.mkdir()
    write(folder / "k_1.json.gz", KEYSET)
    write(folder / "k_0.json", KEYSET | {"train": [10]})  # ids may be numbers, too
    folds = reality_check.folds(folder, data)
    assert [fold.name for fold in folds] == ["k_0.json", "k_1.json"]
    assert all(np.concatenate([fold.train, fold.val, fold.test]).tolist() == ["10", "9", "8"] for fold in folds)


@pytest.mark.parametrize(
    "keyset, message",
    [
        ({"train": []}, r"not a keyset: no list 'val', 'test'"),
        (KEYSET | {"val": ["10"]}, r"member '10' is in two parts"),
        (KEYSET | {"test": ["12"]}, r"1 members have no next basket in the futures, e\.g\. '12'"),
        ([1], r"holds a list, not an object"),
        ("{", r"cannot be read as JSON"),
        (None, r"holds no keysets"),
    ],
)
def test_a_keyset_that_is_none_is_named(data, tmp_path, keyset, message):
    folder = tmp_path / "keysets"
    folder.mkdir()
    if keyset is not None:
        write(folder / "k.json", keyset)
    with pytest.raises(DataError, match=message):
        reality_check.folds(folder, data)


@pytest.mark.parametrize("history", [{"1": [3, 4]}, {"1": "milk"}, {"1": [[1.5]]}, {"1": [[-1], None]}])
def test_a_member_in_another_format_is_named(tmp_path, history):
    path = write(tmp_path / "h.json", history)
    with pytest.raises(DataError, match=r"h\.json: member '1' is not in the Reality Check format; expected \{member"):
        reality_check.read(path, path)


def test_files_that_are_not_there_or_empty_are_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.json: cannot be read as JSON"):
        reality_check.read(tmp_path / "none.json", tmp_path / "none.json")
    empty = write(tmp_path / "empty.json", {})
    with pytest.raises(DataError, match=r"empty\.json: no member has a basket"):
        reality_check.read(empty, empty)
