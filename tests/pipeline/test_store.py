"""MLflow's store: what is wrong with it is said before a stage runs, and a moved one is found again."""

import shutil
import sqlite3

import pytest
from mlflow.tracking import MlflowClient

from membership.pipeline import alive, store, track

DEAD = "0" * 32


@pytest.fixture
def root(workspace, monkeypatch, migrated):
    shutil.copy(migrated, workspace / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return workspace


def test_a_store_that_is_new_or_well_can_be_used(root):
    store.check()
    track.connect()
    store.check()
    (root / "mlflow.db").unlink()
    store.check()


def test_a_damaged_store_is_named_with_what_to_do(root):
    (root / "mlflow.db").write_bytes(b"no database " * 1000)
    with pytest.raises(store.Unreachable, match=r"mlflow\.db.*damaged"):
        store.check()
    with pytest.raises(store.Unreachable, match=r"mlflow\.db.*damaged"):
        track.connect()


def test_a_locked_store_is_named_with_what_to_do(root, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    holder = sqlite3.connect(root / "mlflow.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(store.Unreachable, match="locked"):
        store.check()
    holder.close()
    store.check()


def test_a_full_disk_is_told(root, monkeypatch):
    monkeypatch.setattr(store, "ROOM", 2**62)
    with pytest.raises(store.Unreachable, match="free some space"):
        store.check()


def test_a_deleted_experiment_is_told_with_the_command_that_brings_it_back(root):
    client, experiment = track.connect()
    client.delete_experiment(experiment)
    with pytest.raises(store.Unreachable, match=f"restore --experiment-id {experiment}"):
        store.check()


@pytest.mark.parametrize("server", ["http://127.0.0.1:9", "http://user:secret@127.0.0.1:9"])
def test_a_server_that_does_not_answer_is_told_without_its_password(root, monkeypatch, server):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    with pytest.raises(store.Unreachable, match="does not answer") as error:
        store.check()
    assert "secret" not in str(error.value)


def test_a_store_that_was_moved_or_copied_finds_its_artifacts_again_and_leaves_the_other_alone(root, monkeypatch):
    run = track.StageRun("value", {}, {})
    (root / "note.txt").write_text("kept")
    run.log_files([root / "note.txt"])
    run.finish(ok=True)
    for copy in (root.parent / "a copy", root.parent / "moved"):
        shutil.copytree(root, copy)
        monkeypatch.setenv("MEMBERSHIP_ROOT", str(copy))
        monkeypatch.delenv("MLFLOW_TRACKING_URI")  # MLflow sets it where it has connected
        client, experiment = track.connect()
        home = (copy / "mlruns").as_uri()
        assert client.get_experiment(experiment).artifact_location == home
        assert client.get_run(run.id).info.artifact_uri.startswith(home)
        assert [file.path for file in client.list_artifacts(run.id)] == ["note.txt"]
    original = MlflowClient(f"sqlite:///{root}/mlflow.db").get_run(run.id).info.artifact_uri
    assert original.startswith((root / "mlruns").as_uri())


def test_runs_of_a_process_that_is_gone_are_closed_at_the_next_start_and_those_of_the_living_stay(root):
    client, experiment = track.connect()
    folder = root / "mlruns" / ".open"
    folder.mkdir(exist_ok=True)
    (folder / f"{DEAD}.lock").touch()
    dead = client.create_run(experiment, tags={alive.TAG: DEAD}).info.run_id
    own = track.StageRun("value", {}, {})
    own.log_nested([{"kind": "trial", "name": "a", "params": {}, "metrics": {}}])
    assert client.get_run(dead).info.status == "KILLED"
    assert client.get_run(own.id).info.status == "RUNNING"
    assert [path.stem for path in folder.iterdir()] == [own_token(client, own)]
    own.finish(ok=True)
    assert list(folder.iterdir()) == []
    assert client.get_run(own.id).info.status == "FINISHED"


def own_token(client: MlflowClient, run: track.StageRun) -> str:
    return client.get_run(run.id).data.tags[alive.TAG]
