"""What can be wrong with parameters beyond their sections, said before any stage runs and any output is gone.

A section knows ranges and types; which peers, metrics and features there are is known to the rooms that hold them.
"""

from membership.base.errors import ParamError, ProjectError
from membership.base.schemas import ALL
from membership.evaluate import metrics
from membership.recommend.peers import registry
from membership.settings import params
from membership.settings.params import Stage
from membership.stats import noise


def checked() -> Stage:
    """Return the parameters of `params.yaml`, all of them checked. Raises ParamError, one message for all problems."""
    raw = params.read()
    p = params.parse(raw)
    asked = [
        (lambda: registry.settings(p.recommend.peers), "recommend.peers"),
        (lambda: _metric(p.evaluate.primary_metric, "evaluate.primary_metric", p.recommend.k), ""),
        *(
            (lambda name=row.metric: _metric(name, "decide.guardrails", p.recommend.k), "")
            for row in p.decide.guardrails
        ),
        (lambda: params.parse(raw, raw.get("quick") or {}), "quick"),
        (lambda: params.parse(raw, p.replay.overrides), "replay.overrides"),
        (lambda: _features(p.monitor.features), ""),
        (lambda: p.privacy.epsilon and noise.library(), ""),
    ]
    wrong = []
    for check, key in asked:
        try:
            check()
        except ProjectError as error:
            wrong.append(f"params.yaml: {f'{key}: ' if key else ''}{str(error).removeprefix('params.yaml: ')}")
    if wrong:
        raise ParamError("\n".join(wrong))
    return p


def _metric(name: str, key: str, k: int) -> None:
    """Raise ParamError for a metric that is unknown, or of lists of another length than `k`, which a preset may say."""
    right = metrics.of(name, key).column(k)
    if name != right:
        raise ParamError(
            f"{key} = {name}: lists have recommend.k = {k} items, by params.yaml and the preset of its field together; "
            f"allowed: {right}, or another recommend.k."
        )


def _features(names: list[str]) -> None:
    there = [name for name, column in ALL["features"].columns.items() if column.dtype in ("int64", "float64")]
    if unknown := [name for name in names if name not in there]:
        raise ParamError(f"monitor.features: {', '.join(unknown)}: no such column; there are {', '.join(there)}.")
