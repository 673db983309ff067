"""Champion or challenger, by the written rule of `params.yaml`: the verdict, and every check that it rests on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from membership.base import files, paths
from membership.base.errors import DataError, ProjectError
from membership.evaluate import experiment, metrics, verdicts
from membership.evaluate.guardrails import KEY
from membership.evaluate.metrics import Counted
from membership.evaluate.verdicts import Check, Found, Kind, Result
from membership.settings.decide import Decide, Guardrail
from membership.settings.evaluate import Evaluate

Champion = Mapping[str, Any]  # the content of champion.json: policy, settings, reason, previous (a Champion or null)


@dataclass(frozen=True)
class Decision:
    """The verdict; `champion` is what is live and `challenger` is what would replace it, as in champion.json."""

    verdict: Literal["promote", "trial", "keep"]  # trial: fails no check, and is to be tried in a live test
    checks: tuple[Check, ...]
    champion: dict[str, Any]
    challenger: dict[str, Any]

    @property
    def winner(self) -> dict[str, Any]:
        """The policy that the rule makes live."""
        return self.challenger if self.verdict == "promote" else self.champion

    @property
    def arm(self) -> str:
        """The winner's name in tables `recommendations` and `outcomes`."""
        return "challenger" if self.verdict == "promote" else "champion"

    @property
    def deciding(self) -> tuple[Check, ...]:
        """What decided: the failed checks of a 'keep', the live test of a 'trial', all checks of a 'promote'."""
        if self.verdict == "trial":
            return tuple(check for check in self.checks if check.kind == Kind.LIVE_TEST)
        return tuple(check for check in self.checks if self.verdict == "promote" or check.result == Result.FAILED)

    def rows(self, as_of: date) -> pd.DataFrame:
        """Return table `decisions`: the checks with what was decided on `as_of`."""
        policies = {"champion": self.champion["policy"], "challenger": self.challenger["policy"]}
        return verdicts.table(self.checks).assign(as_of=pd.Timestamp(as_of), verdict=self.verdict, **policies)

    def to_json(self) -> dict[str, Any]:
        """Return what `data/decision.json` holds: verdict, champion, challenger, each check and how many passed."""
        policies = {"champion": self.champion, "challenger": self.challenger}
        found = {"checks": verdicts.to_json(self.checks), "counts": verdicts.counts(self.checks)}
        return {"verdict": self.verdict, **found, **policies}


def read(path: Path | None = None) -> Decision:
    """Return the decision in `path` (data/decision.json).

    Raises DataError where there is none, or where an earlier version of this project made it.
    """
    path = path or paths.data("decision.json")
    found = files.read_json(path)
    checks = verdicts.from_json(found.get("checks"), str(path))
    missing = [name for name in ("verdict", "champion", "challenger") if name not in found]
    if missing:
        raise DataError(f"{path}: {', '.join(missing)} missing; run `dvc repro` to make it again.")
    return Decision(found["verdict"], checks, found["champion"], found["challenger"])


def decide(
    rows: pd.DataFrame,
    evaluate: Evaluate,
    rule: Decide,
    champion: Champion,
    challenger: Champion,
    checks: Iterable[Check] = (),
    readings: Iterable[Mapping[str, Any]] = (),
) -> Decision:
    """Promote the challenger if it is another policy and no check of the rule that blocks fails; else keep.

    The checks: the primary metric's lower bound is above `rule.margin`; no guardrail may have lost more than its
    margin, by the bound of its interval (non-inferiority), and one that could not have lost so much is said to be one
    that could not fail; and `checks` that others made. `rows` are the metrics over all members, as of `of_all_members`.
    Where `rule.training_sd` is known, an improvement that another training might not repeat is a warning: it does not
    block, as the model that goes live is the one that was judged. Where `rule.live_test` asks for it, it is promoted to
    a trial first: `readings` are those of live tests (`trials.readings`), of which the last one of these two
    policies counts; one that rejects the challenger keeps the champion.

    Raises ParamError, naming the metrics there are, where the primary metric or that of a guardrail is
    unknown.
    """
    metrics.of(evaluate.primary_metric, experiment.KEY, rows.index)
    primary = rows.loc[evaluate.primary_metric]
    found = (
        _different(champion, challenger),
        _improves(primary, rule.margin, evaluate.confidence),
        *_trained_anew(primary, rule, evaluate.confidence),
        *(_not_inferior(rows, guard, evaluate.confidence) for guard in rule.guardrails),
        *checks,
    )
    tried = _tried(champion, challenger, readings) if rule.live_test else None
    found = (*found, *([tried] if tried else []))
    verdict = "keep" if any(check.result == Result.FAILED for check in found) else "promote"
    if tried and verdict == "promote" and tried.result != Result.PASSED:
        verdict = "trial"
    return Decision(verdict, found, _policy(champion), _policy(challenger))


def of_all_members(effects: pd.DataFrame, guards: pd.DataFrame) -> pd.DataFrame:
    """Return the rows over all members of table `effects` and of `guardrails.fairness` together, index metric."""
    overall = effects[effects["by"] == experiment.ALL]
    return pd.concat([part.dropna(axis=1, how="all") for part in (overall, guards)]).set_index("metric")


def promote(decision: Decision, champion: Champion, reason: str, force: bool = False) -> dict[str, Any]:
    """Return the new content of champion.json: the challenger, why (`reason`, in words), and the old one as 'previous'.

    Raises ProjectError where the decision says keep (unless `force`), or was made about another champion.
    """
    if _policy(champion) != decision.champion:
        raise ProjectError(
            f"data/decision.json compares with '{decision.champion['policy']}', but champion.json has changed "
            f"since (policy '{champion['policy']}'); run `dvc repro` to decide again, then promote."
        )
    if decision.verdict != "promote" and not force:
        told = "first try it in a live test" if decision.verdict == "trial" else f"keep '{champion['policy']}'"
        raise ProjectError(f"the decision is to {told}: {reason} champion.json is unchanged.")
    by_hand = "" if decision.verdict == "promote" else "Promoted by hand against the decision: "
    return {**decision.challenger, "reason": by_hand + reason, "previous": dict(champion)}


def rollback(champion: Champion) -> dict[str, Any]:
    """Return the champion before this one, as it stood. Raises ProjectError where there is none."""
    if not champion.get("previous"):
        raise ProjectError(
            f"champion.json: '{champion['policy']}' has no previous champion, so there is nothing to roll back to; "
            "the file is unchanged."
        )
    return dict(champion["previous"])


def flat(decision: Decision) -> dict[str, int]:
    """Return the decision as flat metrics."""
    counts = verdicts.counts(decision.checks)
    named = {"passed": "checks_passed", "could_not_fail": "checks_that_could_not_fail"}
    flat = {named.get(name, name): count for name, count in counts.items()}
    return {"promote": int(decision.verdict == "promote")} | flat


def _policy(champion: Champion) -> dict[str, Any]:
    return {"policy": champion["policy"], "settings": dict(champion["settings"])}


def _different(champion: Champion, challenger: Champion) -> Check:
    same = _policy(champion) == _policy(challenger)
    named = {"champion": champion["policy"], "challenger": challenger["policy"]}
    return verdicts.check("another policy", Kind.POLICY, not same, **named)


def _tried(champion: Champion, challenger: Champion, readings: Iterable[Mapping[str, Any]]) -> Check:
    """Return what the last live test of these two policies said; only one that rejects the challenger blocks."""
    pair = {"champion": _policy(champion), "challenger": _policy(challenger)}
    own = [
        reading for reading in readings if reading.get("policies") == pair and "challenger" in reading["given"].values()
    ]
    last = max(own, key=lambda reading: reading["began"], default=None)
    if last is None:
        return verdicts.check(
            "live test", Kind.LIVE_TEST, False, blocks=False, found=Found.NOBODY, trial=None, verdict=None
        )
    arm = next(arm for arm, given in last["given"].items() if given == "challenger")
    said = last["verdicts"].get(arm)
    numbers = {"trial": last["trial"], "verdict": said}
    return verdicts.check("live test", Kind.LIVE_TEST, said == "adopt", blocks=said == "reject", **numbers)


def _improves(row: pd.Series, margin: float, confidence: float) -> Check:
    nobody = None if row["members"] else Found.NOBODY
    numbers = _numbers(row, margin, confidence)
    return verdicts.check("primary metric", Kind.PRIMARY, row["low"] > margin, found=nobody, **numbers)


def _trained_anew(row: pd.Series, rule: Decide, confidence: float) -> tuple[Check, ...]:
    """Return the check of the interval in which the variances over members and over trainings are added."""
    if rule.training_sd is None or not row["members"]:
        return ()
    apart = stats.norm.ppf((1 + confidence) / 2) * rule.training_sd
    low = row["difference"] - np.hypot(row["difference"] - row["low"], apart)
    high = row["difference"] + np.hypot(row["high"] - row["difference"], apart)
    numbers = _numbers(row, rule.margin, confidence) | {"low": low, "high": high, "sd": rule.training_sd}
    half = (row["high"] - row["low"]) / 2
    numbers["share"] = rule.training_sd / half if half else None
    return (verdicts.check("another training", Kind.TRAINING, low > rule.margin, blocks=False, **numbers),)


def _not_inferior(rows: pd.DataFrame, guard: Guardrail, confidence: float) -> Check:
    name = guard.metric
    metric = metrics.of(name, KEY, rows.index)
    row = rows.loc[name]
    margin = guard.allowed(row["control"])
    numbers = _numbers(row, margin, confidence)
    named = {"name": f"guardrail {name}", "kind": Kind.GUARDRAIL}
    if not row["members"]:
        groups = metric.how == Counted.BETWEEN_GROUPS  # a challenger is not to blame for unknown groups
        found = Found.NO_GROUPS if groups else Found.NOBODY
        return verdicts.check(**named, passed=False, blocks=not groups, found=found, **numbers)
    loss = -row["low"] if metric.higher_is_better else row["high"]
    change = -row["difference"] if metric.higher_is_better else row["difference"]
    # the worst challenger there can be, with an interval as wide as this one
    could_fail = abs(metric.worst - row["control"]) + (loss - change) > margin
    return verdicts.check(**named, passed=loss <= margin, could_fail=could_fail, **numbers)


def _numbers(row: pd.Series, margin: float, confidence: float) -> dict[str, Any]:
    metric = metrics.of(row.name)
    about = {"metric": row.name, "unit": str(metric.unit), "higher_is_better": metric.higher_is_better}
    bounds = {name: row[name] for name in ("control", "difference", "low", "high")}
    return about | bounds | {"margin": margin, "confidence": confidence}
