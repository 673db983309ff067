"""Champion or challenger, by the written rule of `params.yaml`, with the reasons in words."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import pandas as pd

from membership.base.errors import ProjectError
from membership.evaluate import guardrails
from membership.evaluate.experiment import Experiment
from membership.settings.decide import Decide

AA = "A/A check"
Champion = Mapping[str, Any]  # the content of champion.json: policy, settings, reason, previous (a Champion or null)


@dataclass(frozen=True)
class Check:
    """One condition of the rule, whether it holds, why, in words; one that does not block only warns."""

    name: str
    passed: bool
    reason: str
    blocks: bool = True

    @property
    def result(self) -> str:
        """What people read: passed, failed or warning."""
        return "passed" if self.passed else "failed" if self.blocks else "warning"


@dataclass(frozen=True)
class Decision:
    """The verdict; `champion` is what is live and `challenger` is what would replace it, as in champion.json."""

    verdict: Literal["promote", "keep"]
    checks: tuple[Check, ...]
    champion: dict[str, Any]
    challenger: dict[str, Any]

    @property
    def winner(self) -> dict[str, Any]:
        """The policy that the rule would have live."""
        return self.challenger if self.verdict == "promote" else self.champion

    @property
    def arm(self) -> str:
        """The winner's name in tables `recommendations` and `outcomes`."""
        return "challenger" if self.verdict == "promote" else "champion"

    @property
    def reasons(self) -> list[str]:
        """What decided: the failed checks of a 'keep', all checks of a 'promote'."""
        return [check.reason for check in self.checks if self.verdict == "promote" or check.result == "failed"]

    @property
    def table(self) -> pd.DataFrame:
        """The checks, one a row: check, result (passed, failed, warning), reason."""
        return pd.DataFrame({"check": c.name, "result": c.result, "reason": c.reason} for c in self.checks)

    def rows(self, as_of: date) -> pd.DataFrame:
        """Return table `decisions`: the checks with what was decided on `as_of`."""
        policies = {"champion": self.champion["policy"], "challenger": self.challenger["policy"]}
        return self.table.assign(as_of=pd.Timestamp(as_of), verdict=self.verdict, **policies)

    def to_json(self) -> dict[str, Any]:
        """Return what `data/decision.json` holds: verdict, reasons, champion, challenger and each check."""
        checks = [asdict(check) for check in self.checks]
        named = {"verdict": self.verdict, "reasons": self.reasons, "checks": checks}
        return named | {"champion": self.champion, "challenger": self.challenger}


def decide(
    experiment: Experiment,
    rule: Decide,
    champion: Champion,
    challenger: Champion,
    guards: pd.DataFrame | None = None,
    checks: Iterable[Check] = (),
) -> Decision:
    """Promote the challenger if it is another policy and every check of the rule that blocks holds; else keep.

    The checks: the primary metric's lower bound is above `rule.margin`; no guardrail may have lost more than its
    margin, as far as its interval tells (non-inferiority); the A/A check passed; and `checks` that others made, among
    which an A/A check stands for the experiment's own. A guardrail is a metric of `experiment` or of `guards` (rows as
    of `guardrails.fairness`), which come first.

    Raises ParamError, naming the metrics there are, where the metric of a guardrail is unknown.
    """
    rows, others = metrics_of(experiment, guards), tuple(checks)
    found = (
        _different(champion, challenger),
        _improves(experiment, rule.margin),
        *(_not_inferior(rows, guard.metric, guard.margin, experiment.confidence) for guard in rule.guardrails),
        *([] if any(check.name == AA for check in others) else [_honest(experiment)]),
        *others,
    )
    verdict = "keep" if any(check.result == "failed" for check in found) else "promote"
    return Decision(verdict, found, _policy(champion), _policy(challenger))


def metrics_of(experiment: Experiment, guards: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the rows over all members of `experiment` and of `guards` together, index metric."""
    parts = [experiment.headline] if guards is None else [guards, experiment.headline]
    rows = pd.concat([part.set_index("metric") for part in parts])
    return rows[~rows.index.duplicated()]


def from_json(checks: list[Mapping[str, Any]], blocks: bool = True) -> list[Check]:
    """Return checks that another stage wrote as name, passed, reason; without `blocks` they only warn."""
    return [Check(each["name"], bool(each["passed"]), each["reason"], blocks) for each in checks]


def promote(decision: Mapping[str, Any], champion: Champion, force: bool = False) -> dict[str, Any]:
    """Return the new content of champion.json from `data/decision.json` and the old content, kept as 'previous'.

    Raises ProjectError where the decision says keep (unless `force`), or was made about another champion.
    """
    if _policy(champion) != decision["champion"]:
        raise ProjectError(
            f"data/decision.json compares with '{decision['champion']['policy']}', but champion.json has changed "
            f"since (policy '{champion['policy']}'); run `dvc repro` to decide again, then promote."
        )
    why = " ".join(decision["reasons"])
    if decision["verdict"] != "promote" and not force:
        raise ProjectError(f"the decision is to keep '{champion['policy']}': {why} champion.json is unchanged.")
    reason = why if decision["verdict"] == "promote" else f"Promoted by hand against the decision: {why}"
    return {**decision["challenger"], "reason": reason, "previous": dict(champion)}


def rollback(champion: Champion) -> dict[str, Any]:
    """Return the champion before this one, as it stood. Raises ProjectError where there is none."""
    if not champion.get("previous"):
        raise ProjectError(
            f"champion.json: '{champion['policy']}' has no previous champion, so there is nothing to roll back to; "
            "the file is unchanged."
        )
    return dict(champion["previous"])


def metrics(decision: Decision) -> dict[str, int]:
    """Return the decision as flat names and numbers, for `results.save_metrics`."""
    results = [check.result for check in decision.checks]
    counts = {"checks": len(results), "checks_passed": results.count("passed"), "warnings": results.count("warning")}
    return {"promote": int(decision.verdict == "promote")} | counts


def _policy(champion: Champion) -> dict[str, Any]:
    return {"policy": champion["policy"], "settings": dict(champion["settings"])}


def _different(champion: Champion, challenger: Champion) -> Check:
    same = _policy(champion) == _policy(challenger)
    words = "is live already" if same else f"is another policy than the champion '{champion['policy']}'"
    return Check("another policy", not same, f"The challenger '{challenger['policy']}' {words}.")


def _improves(experiment: Experiment, margin: float) -> Check:
    row = experiment.overall(experiment.primary)
    passed = bool(row["low"] > margin)
    words = f"its lower bound is {'above' if passed else 'not above'} the margin {margin:g}"
    return Check("primary metric", passed, f"{_change(row, experiment.confidence)}; {words}.")


def _not_inferior(rows: pd.DataFrame, metric: str, margin: float, confidence: float) -> Check:
    name = f"guardrail {metric}"
    row = guardrails.of(rows, metric)
    if metric in (guardrails.GAP, guardrails.SPREAD) and not row["members"]:
        return Check(name, False, f"{metric}: nothing is known of groups, so it cannot be judged.", blocks=False)
    falling = guardrails.lower_is_better(metric)
    loss = row["high"] if falling else -row["low"]
    passed = bool(loss <= margin)
    worse = (
        f"{'a rise' if falling else 'a loss'} of more than {margin:g} is {'ruled out' if passed else 'not ruled out'}"
    )
    return Check(name, passed, f"{_change(row, confidence)}; {worse}.")


def _honest(experiment: Experiment) -> Check:
    aa = experiment.aa
    found = f"Random halves of the members under one policy differed in {aa.rejection_share:.1%} of {len(aa.p_values)}"
    allowed = f"tests; chance allows {aa.low:.1%} to {aa.high:.1%}"
    return Check(AA, aa.passed, f"{found} {allowed}: the test {'can' if aa.passed else 'cannot'} be trusted.")


def _change(row: pd.Series, confidence: float) -> str:
    if row["members"] == 0:
        return f"No member has a value of {row.name}"
    digits = "+.1f" if guardrails.in_cents(row.name) else "+.4f"
    unit = " cents a member" if guardrails.in_cents(row.name) else ""
    if row["low"] == row["high"]:
        return f"{row.name} changes by {row['difference']:{digits}}{unit}"
    interval = f"{confidence:.0%} interval {row['low']:{digits}} to {row['high']:{digits}}"
    return f"{row.name} changes by {row['difference']:{digits}}{unit} ({interval})"
