"""The registered model: aliases that mirror champion.json, and a server that answers and refuses with a 4xx."""

import importlib.metadata
import json
import shutil
import subprocess
import sys

import mlflow
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from benchmarks import serving
from membership.base import tables
from membership.base.errors import DataError, ParamError
from membership.data import pseudonyms
from membership.pipeline import serve, stage, track


@pytest.fixture
def registry(batch, tmp_path, monkeypatch, migrated):
    """A checkout with a batch run, an empty registry and one finished run; its id."""
    root = tmp_path / "checkout"
    shutil.copytree(batch, root)
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated, root / "mlflow.db")
    run = track.StageRun("decide", {}, {})
    run.finish(ok=True)
    return root, run.id


def champion() -> str:
    client, _ = track.connect()
    return client.get_model_version_by_alias(serve.MODEL, "champion")


def test_aliases_mirror_champion_json_and_what_is_registered_keeps_its_version(registry):
    root, run = registry
    serve.register(run)
    client, _ = track.connect()
    first = champion()
    assert first.tags["policy"] == "gp_topfreq"
    assert client.get_model_version_by_alias(serve.MODEL, "challenger").tags["policy"] == "model"
    serve.register(run)
    assert champion().version == first.version and len(client.search_model_versions("name = 'membership'")) == 2
    live = json.loads((root / "champion.json").read_text()) | {"policy": "g_topfreq"}
    (root / "champion.json").write_text(json.dumps(live))
    serve.register(run)
    assert champion().tags["policy"] == "g_topfreq" and champion().version != first.version


def test_the_loaded_model_has_a_signature_an_example_and_answers_it(registry):
    serve.register(registry[1])
    model = mlflow.pyfunc.load_model(f"models:/{serve.MODEL}@champion")
    assert model.metadata.get_input_schema().input_names() == ["member_id", "events", "joined_at"]
    assert model.metadata.get_output_schema().input_names()[-1] == "items"
    example, params = model.input_example, {"k": 2}
    known, new = model.predict(example, params=params)
    assert (known["answered_from"], new["answered_from"]) == ("batch", "events")
    assert len(known["items"]) == len(new["items"]) == 2
    later, _ = model.predict(example, params={"now": "2017-12-05"})
    assert (known["as_of"], known["model_age_days"]) == ("2017-12-01", 0)
    assert (later["as_of"], later["model_age_days"]) == ("2017-12-05", 4)
    value = tables.read("value")
    assert [known["value"]] == value.loc[pseudonyms.of(value["member_id"]) == known["member_id"], "value"].tolist()
    with pytest.raises(MlflowException, match="unknown members: nobody") as refused:
        model.predict(pd.DataFrame({"member_id": ["nobody"]}))
    assert refused.value.get_http_status_code() == 400


def test_no_champion_and_no_registry_are_refused_in_words_and_change_nothing(registry, monkeypatch):
    root, run = registry
    serve.register(run)
    before = champion().version
    content = (root / "champion.json").read_text()
    (root / "champion.json").write_text('{"policy": "crystal_ball", "settings": {}}')
    with pytest.raises(ParamError, match=r"policy 'crystal_ball' is unknown; there are: .*g_topfreq"):
        serve.register(run)
    (root / "champion.json").write_text(content)
    assert champion().version == before
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(track.Unreachable, match="does not answer"):
        serve.register(run)


def test_a_registry_that_breaks_down_leaves_the_stage_done(registry, monkeypatch, capsys):
    _, run = registry
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    stage._register("decide", run)
    assert "does not answer" in capsys.readouterr().err


def test_a_fault_while_the_scorer_is_packed_is_no_fault_of_mlflow(registry, capsys):
    shutil.rmtree(registry[0] / "models")
    tracked = track.StageRun("decide", {}, {})
    with (
        pytest.raises(DataError, match="no such file"),
        stage._finished(tracked, "decide", 0.0, ok=True),
    ):
        stage._register("decide", tracked.id)
    client, _ = track.connect()
    assert client.get_run(tracked.id).info.status == "FAILED"
    assert "MLflow" not in capsys.readouterr().err


def test_what_the_scorer_imports_is_among_the_libraries_that_the_model_lists():
    """In an interpreter of its own: which libraries the modules of `membership` that it loads name."""
    code = (
        "import ast, sys, membership.pipeline.scorer\n"
        "ours = [m.__file__ for n, m in sys.modules.items() if n.startswith('membership.') and m.__file__]\n"
        "nodes = [node for path in ours for node in ast.parse(open(path).read()).body]\n"
        "names = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]\n"
        "names += [n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module]\n"
        "print(*{name.split('.')[0] for name in names} - set(sys.stdlib_module_names) - {'membership'})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    known = importlib.metadata.packages_distributions()
    assert {known[name][0].lower() for name in found} <= set(serve.NEEDS)


def request(*rows, **more) -> bytes:
    return json.dumps({"dataframe_records": list(rows)} | more).encode()


LATE = [{"kind": "purchase", "local_at": "2018-02-01T10:00:00"}]
MALFORMED = {
    "now = '2016-01-01'": request({"member_id": "m01"}, params={"now": "2016-01-01"}),
    "k = 0: allowed: whole numbers, 1 to 5": request({"member_id": "m01"}, params={"k": 0}),
    "Can not safely convert": request({"member_id": "m01"}, params={"k": "many"}),
    "unknown members: nobody": request({"member_id": "nobody"}),
    "field 'member': unknown": request({"member": "m01"}),
    "the request holds no member": b'{"dataframe_split": {"columns": ["member_id"], "data": []}}',
    "kind = 'steal'": request({"member_id": "x", "events": [{"kind": "steal", "local_at": "2017-11-01"}]}),
    "local_at = 'soon'": request({"member_id": "x", "events": [{"kind": "view", "local_at": "soon"}]}),
    "an ISO time before 2017-12-01": request({"member_id": "x", "events": LATE}),
    "an event has no kind": request({"member_id": "x", "events": [{"local_at": "2017-11-01"}]}),
    "not valid JSON": b"{",
}


@pytest.mark.slow
def test_the_server_answers_ids_and_events_and_says_what_is_wrong_with_the_rest(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "to be changed, and set back")
    ids = tables.read("members")["member_id"]
    members = pseudonyms.of(ids).tolist()
    with serving.served(tmp_path, "champion") as (port, _):
        status, content = serving.ask(port, request(*({"member_id": one} for one in members)))
        known = json.loads(content)["predictions"]
        assert status == 200 and [one["member_id"] for one in known] == members
        raw = serving.raw_requests(ids[:3].tolist(), "2017-12-01")
        for member, body in zip(known, raw, strict=False):
            status, content = serving.ask(port, body)
            (found,) = json.loads(content)["predictions"]
            assert status == 200 and found["value"] == pytest.approx(member["value"], rel=1e-9, abs=1e-6)
            assert [item["item_id"] for item in found["items"]] == [item["item_id"] for item in member["items"]]
        for words, body in MALFORMED.items():
            status, content = serving.ask(port, body)
            assert 400 <= status < 500 and words in json.loads(content)["message"], (words, status, content)
