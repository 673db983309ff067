"""What no section knows is checked before a stage runs: peers, metrics, features, overrides of other commands."""

import importlib.util

import pytest
import yaml

from membership.base.errors import ParamError
from membership.pipeline import beforehand, fingerprint
from membership.settings import params


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("recommend.peers", {"magic": {}}, "recommend.peers: peer 'magic': unknown; there are: als"),
        ("recommend.peers", {"als": {"factrs": 3}}, "factrs"),
        ("evaluate.primary_metric", "joy_at_10", "evaluate.primary_metric: metric 'joy_at_10' is unknown"),
        ("decide.guardrails", [{"metric": "joy", "margin": 1}], "decide.guardrails: metric 'joy' is unknown"),
        ("evaluate.primary_metric", "recall_at_3", "recall_at_3: lists have recommend.k = 10 items"),
        ("recommend.k", 7, "decide.guardrails = hit_at_10: lists have recommend.k = 7 items"),
        ("monitor.features", ["mood"], "monitor.features: mood: no such column; there are orders"),
        ("quick", {"value.nothing": 1}, "quick: override value.nothing = 1: there is no such parameter"),
        ("replay.overrides", {"value.horizon_days": -1}, "replay.overrides: value.horizon_days = -1"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(workspace, capsys, key, value, words):
    raw = params.override(params.read(), {key: value})
    (workspace / "params.yaml").write_text(yaml.safe_dump(raw))
    with pytest.raises(ParamError) as refused:
        beforehand.checked()
    assert words in str(refused.value)
    assert fingerprint.main() == 1 and words in capsys.readouterr().err
    assert not (workspace / "data").exists()


def test_what_is_right_is_returned():
    assert beforehand.checked() == params.parse(params.read())


@pytest.mark.skipif(importlib.util.find_spec("opendp") is not None, reason="OpenDP is installed")
def test_an_extra_that_is_not_installed_is_named(workspace):
    raw = params.override(params.read(), {"privacy.epsilon": 1.0})
    (workspace / "params.yaml").write_text(yaml.safe_dump(raw))
    with pytest.raises(ParamError, match=r"privacy\.epsilon.*pip install"):
        beforehand.checked()
