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
        (lambda: metrics.of(p.evaluate.primary_metric, "evaluate.primary_metric"), ""),
        *((lambda name=row.metric: metrics.of(name, "decide.guardrails"), "") for row in p.decide.guardrails),
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


def _features(names: list[str]) -> None:
    there = [name for name, column in ALL["features"].columns.items() if column.dtype in ("int64", "float64")]
    if unknown := [name for name in names if name not in there]:
        raise ParamError(f"monitor.features: {', '.join(unknown)}: no such column; there are {', '.join(there)}.")
