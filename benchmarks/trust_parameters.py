"""Malformed `params.yaml` and `dvc.yaml`: as files, and value by value."""

# ruff: noqa: E501  (tables of cases, one after another)

from collections.abc import Iterator
from typing import Any

import yaml

from benchmarks.trust_cases import SECRET, Case, folder_for, put
from membership.base import paths
from membership.pipeline import beforehand
from membership.settings import params


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from _parameter_files()
    yield from _values()


def _load() -> Any:
    return beforehand.checked()


def _bomb() -> bytes:
    return b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
    )


_FILES = {
    "empty": b"", "only a comment": b"# nothing\n", "a list": b"- seed\n", "a number": b"7\n", "a text": b"seed\n",
    "not UTF-8": b"seed: 1 # caf\xe9\n", "UTF-16": "seed: 1\n".encode("utf-16"), "a NUL": b"seed: 1\x00\n",
    "tabs": b"dataset:\n\tsource: files\n", "an open bracket": b"seed: [1\n", "an open quote": b'seed: "1\n',
    "an alias bomb": _bomb(), "an endless alias": b"a: &a [*a]\n", "an unknown alias": b"seed: *x\n",
    "nested too deeply": b"a: " + b"[" * 5000 + b"]" * 5000 + b"\n", "a day that is none": b"seed: 2017-13-45\n",
    "code in a tag": b"seed: !!python/object/apply:os.getcwd []\n", "a binary value": b"seed: !!binary aGk=\n",
    "a key twice": b"seed: 1\nseed: 2\n", "a key of a section twice": b"value: {penalizer: 1, penalizer: 2}\n",
    "an unknown section": b"valeu: {}\n", "a key that is a list": b"? [a]\n: 1\n", "two documents": b"a: 1\n---\nb: 2\n",
    "half a letter": b'seed: "\\ud800"\n', "a merge of nothing": b"<<: 1\n", "only dashes": b"---\n",
}  # fmt: skip


def _parameter_files() -> Iterator[Case]:
    for name, content in _FILES.items():
        yield Case("params.yaml as a file", name, lambda root, c=content: put(root / "params.yaml", c), _load)
    yield Case("params.yaml as a file", "missing", lambda root: (root / "params.yaml").unlink(), _load)
    yield Case("params.yaml as a file", "a folder", folder_for("params.yaml"), _load)
    yield Case("params.yaml as a file", "a broken dvc.yaml", lambda root: put(root / "dvc.yaml", b"[1"), _load_stage)


def _load_stage() -> Any:
    return params.load("value")


_EVENTS = {
    "paths": ["data/raw/a.csv"],
    "columns": {"member_id": "who", "at": "when"},
    "constants": {"kind": "purchase"},
}
_SETTINGS: list[tuple[str, Any]] = [
    ("seed", "many"), ("seed", True), ("seed", -1), ("seed", 2**40), ("seed", 1.5), ("seed", None), ("seed", [1]),
    ("device", "tpu"), ("device", 1), ("dataset.timezone", "Mars/Olympus"), ("dataset.timezone", "EST5"),
    ("dataset.timezone", "../../etc/passwd"), ("dataset.timezone", ""), ("dataset.currency", "dollars"),
    ("dataset.currency", "eur"), ("dataset.max_members", 0), ("dataset.max_members", True),
    ("dataset.max_members", float("inf")), ("dataset.source", "ftp"), ("dataset.files", []),
    ("clean.cancellation_pattern", "("), ("clean.product_pattern", "(?<=a)b"), ("clean.non_product_pattern", "a**"),
    ("clean.cancellation_pattern", 7), ("clean.outlier_quantity", 0), ("clean.outlier_quantity", float("nan")),
    ("clean.zero_amounts", "yes"), ("clean.earliest", "soon"), ("windows.start", "yesterday"),
    ("windows.start", "2017-02-30"), ("windows.holdout_end", "2017-11-15"), ("windows.start", "9999-12-31"),
    ("economics.margin_rate", 1.5), ("economics.margin_rate", float("inf")), ("economics.margin_rate", float("nan")),
    ("economics.margin_rate", True), ("economics.margin_rate", "25%"), ("economics.repurchase_days", 0),
    ("economics.repurchase_days", 60), ("economics.repurchase_days", 1e9), ("economics.discount_rate", -0.1),
    ("economics.activity_kinds", ["steal"]), ("repurchase.candidates", []), ("repurchase.candidates", ["magic"]),
    ("repurchase.horizons", [0]), ("value.horizon_days", None), ("value.horizon_days", "90 days"),
    ("value.candidates", "bgnbd"), ("value.confidence", 1), ("value.high_value_share", 2), ("needs.personas.most", 0),
    ("needs.survey", {"q": {"kind": "scale"}}), ("needs.survey", {"q": {"kind": "scale", "low": 5, "high": 1}}),
    ("needs.survey", ["q"]), ("lifecycle.new_days", -1), ("lifecycle.strategy", {"limbo": {}}),
    ("tiers.levels", []), ("tiers.search.budget", -1), ("tiers.search.budget", float("inf")),
    ("tiers.thresholds", [5, 1, 2]), ("tiers.point_value", "dear"), ("campaigns.reach_costs", []),
    ("benefits.budget", -1), ("benefits.catalogue", []), ("benefits.catalogue", [{"name": "x"}]),
    ("benefits.fairness.min_ratio", 3), ("recommend.k", 0), ("recommend.k", 101), ("recommend.k", True),
    ("recommend.peers", {"magic": {}}), ("recommend.peers", ["als"]), ("tune.trials", 0), ("tune.workers", 10_000),
    ("tune.storage", f"postgresql://me:{SECRET}@host/db"), ("tune.storage", f"mysql://h/?password={SECRET}"),
    ("trials.log", f"postgresql://me:{SECRET}@host/db"), ("trials.holdout_share", 0.9), ("train.settings", []),
    ("train.settings.hidden", 0), ("train.settings.learning_rate", float("inf")), ("evaluate.primary_metric", "joy_at_10"),
    ("evaluate.salt", ""), ("decide.guardrails", [{"metric": "joy", "margin": 1}]), ("decide.margin", float("nan")),
    ("monitor.confidence", 2), ("monitor.features", ["mood"]), ("quick", {"value.nothing": 1}), ("replay.periods", 0),
    ("dataset.files.events", _EVENTS | {"encoding": "klingon"}), ("dataset.files.events", _EVENTS | {"encoding": "base64"}),
    ("dataset.files.events", _EVENTS | {"time_format": "%Q"}), ("dataset.files.events", _EVENTS | {"time_format": "DD/MM/YYYY"}),
    ("dataset.files.events", _EVENTS | {"time_format": "%d.%m"}), ("dataset.files.events", _EVENTS | {"delimiter": ";;"}),
    ("dataset.files.events", _EVENTS | {"delimiter": ""}), ("dataset.files.events", _EVENTS | {"decimal": "'"}),
    ("dataset.files.events", _EVENTS | {"timezone": "MSK"}), ("dataset.files.events", _EVENTS | {"year": 3}),
    ("dataset.files.events", _EVENTS | {"paths": "data/raw/a.csv"}), ("dataset.files.events", _EVENTS | {"paths": []}),
    ("dataset.files.events", _EVENTS | {"columns": {"member_id": "who"}}),
    ("dataset.files.events", _EVENTS | {"columns": {"mood": "m"}}), ("dataset.files.events", _EVENTS | {"kinds": {"1": "steal"}}),
    ("dataset.files.events", "data/raw/a.csv"), ("privacy.epsilon", 0), ("privacy.epsilon", True), ("privacy.releases", 0),
    ("privacy.most_spend", -1),
]  # fmt: skip


def _values() -> Iterator[Case]:
    for number, (key, value) in enumerate(_SETTINGS):
        name = f"{key} = {str(value)[:70]} ({number})".replace(SECRET, "...")
        yield Case("values of params.yaml", name, lambda root: None, lambda k=key, v=value: _with(k, v))


def _with(key: str, value: Any) -> Any:
    changed = params.override(params.read(), {key: value})
    params.parse(changed)
    path = paths.root() / "params.yaml"
    before = path.read_bytes()
    path.write_text(yaml.safe_dump(changed), encoding="utf-8")
    try:
        return beforehand.checked()
    finally:
        path.write_bytes(before)
