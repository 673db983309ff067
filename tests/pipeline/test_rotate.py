"""A new key: what was kept under the old pseudonyms is found under the new ones, also after a kill."""

import pandas as pd
import pytest
from logged_row import ROW

from membership.base import paths, spreadsheet, tables
from membership.base.errors import DataError
from membership.data import pseudonyms
from membership.pipeline import rotate
from membership.trials import log

IDS = ["10", "11", "2"]


@pytest.fixture
def root(workspace, monkeypatch):
    monkeypatch.delenv(pseudonyms.KEY, raising=False)
    monkeypatch.delenv(log.URL, raising=False)
    tables.write("members", pd.DataFrame({"member_id": IDS, "joined_at": pd.NaT}))
    masked = pseudonyms.masked(pd.DataFrame({"member_id": IDS, "value": [1, 2, 3]}))
    for name in ("live", "private"):
        paths.reports(name).mkdir(parents=True)
        masked.to_parquet(paths.reports(name, "a.parquet"))
        spreadsheet.write(paths.reports(name, "a.csv"), masked)
    log.Log().append([ROW | {"member_id": one} for one in masked["member_id"]])
    return workspace


def values(frame: pd.DataFrame) -> dict:
    return pseudonyms.unmasked(frame, "x").set_index("member_id")["value"].astype(int).to_dict()


def kept() -> list[dict]:
    folders = [paths.reports(name) for name in ("live", "private")]
    read = [pd.read_parquet(folder / "a.parquet") for folder in folders]
    return [values(frame) for frame in [*read, *(pd.read_csv(folder / "a.csv") for folder in folders)]]


def test_all_that_was_kept_is_of_the_same_members_under_the_new_key(root):
    first = pd.read_parquet(paths.reports("live", "a.parquet"))["member_id"].tolist()
    assert rotate.main() == 0
    assert kept() == [{"10": 1, "11": 2, "2": 3}] * 4
    assert sorted(pseudonyms.unmasked(log.Log().read(), "log")["member_id"]) == IDS
    assert not set(first) & set(pd.read_parquet(paths.reports("live", "a.parquet"))["member_id"])


def test_a_rotation_that_was_killed_is_gone_on_with(root, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(log.Log, "rename", lambda self, names: (_ for _ in ()).throw(DataError("the log is down")))
        assert rotate.main() == 1
    with pytest.raises(DataError, match="make rotate-key"):
        pseudonyms.current()
    assert rotate.main() == 0
    assert kept() == [{"10": 1, "11": 2, "2": 3}] * 4 and not (root / pseudonyms.PENDING).exists()


def test_a_key_of_the_environment_needs_its_successor_there(root, monkeypatch, capsys):
    monkeypatch.setenv(pseudonyms.KEY, pseudonyms.from_file(root / pseudonyms.FILE).decode())
    assert rotate.main() == 1 and pseudonyms.NEW_KEY in capsys.readouterr().err
    monkeypatch.setenv(pseudonyms.NEW_KEY, "the next of the keys")
    assert rotate.main() == 0
    monkeypatch.setenv(pseudonyms.KEY, "the next of the keys")
    assert kept() == [{"10": 1, "11": 2, "2": 3}] * 4
