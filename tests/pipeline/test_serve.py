"""The registered model: answers as the batch run decided, and aliases that mirror champion.json."""

import json
import shutil

import mlflow
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from membership.base import tables
from membership.pipeline import serve, track


def recommendations(best: str = "milk") -> pd.DataFrame:
    frame = pd.DataFrame({"member_id": ["a", "a", "b", "b"], "rank": [1, 2, 1, 2]}).assign(
        item_id=[best, "bread", "bread", best], score=[0.5, 0.4, 0.3, 0.2], source="repeat", reason="bought once"
    )
    return pd.concat([frame.assign(policy="champion"), frame.assign(policy="challenger", score=frame["score"] / 2)])


@pytest.fixture
def registry(workspace, monkeypatch, migrated):
    """A checkout whose policies have been judged, with an empty registry and one finished run."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated, workspace / "mlflow.db")
    tables.write("recommendations", recommendations())
    run = track.StageRun("decide", {}, {})
    run.finish(ok=True)
    return run.id


def test_aliases_mirror_champion_json_and_the_challenger(registry, workspace):
    serve.register(registry)
    client, _ = track.connect()
    assert client.get_model_version_by_alias(serve.MODEL, "champion").tags["policy"] == "gp_topfreq"
    assert client.get_model_version_by_alias(serve.MODEL, "challenger").tags["policy"] == "model"
    champion = json.loads((workspace / "champion.json").read_text()) | {"policy": "model"}
    (workspace / "champion.json").write_text(json.dumps(champion))
    tables.write("recommendations", recommendations("soap"))
    serve.register(registry)
    assert client.get_model_version_by_alias(serve.MODEL, "champion").tags["policy"] == "model"


def test_what_is_registered_already_keeps_its_version(registry):
    serve.register(registry)
    serve.register(registry)
    client, _ = track.connect()
    assert len(client.search_model_versions(f"name = '{serve.MODEL}'")) == 2


def test_the_loaded_model_answers_as_the_batch_run_decided_and_refuses_the_rest(registry):
    serve.register(registry)
    model = mlflow.pyfunc.load_model(f"models:/{serve.MODEL}@champion")
    answer = model.predict(pd.DataFrame({"member_id": ["b", "a"]}), params={"k": 1})
    assert answer[["member_id", "item_id"]].to_numpy().tolist() == [["b", "bread"], ["a", "milk"]]
    with pytest.raises(MlflowException, match="unknown members: nobody"):
        model.predict(pd.DataFrame({"member_id": ["nobody"]}))
    with pytest.raises(MlflowException, match="k = 0: must be 1 or more"):
        model.predict(pd.DataFrame({"member_id": ["a"]}), params={"k": 0})
