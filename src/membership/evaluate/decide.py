"""Champion or challenger, by the written rule of `params.yaml`, with the reasons in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from membership.base.errors import ProjectError
from membership.base.policy_knobs import Decide
from membership.evaluate.experiment import Experiment

Champion = Mapping[str, Any]  # the content of champion.json: policy, settings, reason, previous (a Champion or null)


@dataclass(frozen=True)
class Check:
    """One condition of the rule, whether it holds, and why, in words."""

    name: str
    passed: bool
    reason: str


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
        return [check.reason for check in self.checks if self.verdict == "promote" or not check.passed]

    @property
    def table(self) -> pd.DataFrame:
        """The checks, one a row: check, passed, reason."""
        return pd.DataFrame({"check": c.name, "passed": c.passed, "reason": c.reason} for c in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return what `data/decision.json` holds: verdict, reasons, champion, challenger and each check."""
        checks = [asdict(check) for check in self.checks]
        named = {"verdict": self.verdict, "reasons": self.reasons, "checks": checks}
        return named | {"champion": self.champion, "challenger": self.challenger}


def decide(experiment: Experiment, rule: Decide, champion: Champion, challenger: Champion) -> Decision:
    """Promote the challenger if it is another policy and every check of the rule holds; else keep the champion.

    The checks: the primary metric's lower bound is above `rule.margin`; no guardrail's lower bound is below minus
    its margin (non-inferiority); the A/A check passed. Raises ParamError where a guardrail's metric is unknown.
    """
    checks = (
        _different(champion, challenger),
        _improves(experiment, rule.margin),
        *(_not_inferior(experiment, guardrail.metric, guardrail.margin) for guardrail in rule.guardrails),
        _honest(experiment),
    )
    verdict = "promote" if all(check.passed for check in checks) else "keep"
    return Decision(verdict, checks, _policy(champion), _policy(challenger))


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
    passed = sum(check.passed for check in decision.checks)
    return {"promote": int(decision.verdict == "promote"), "checks": len(decision.checks), "checks_passed": passed}


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


def _not_inferior(experiment: Experiment, metric: str, margin: float) -> Check:
    row = experiment.overall(metric)
    passed = bool(row["low"] >= -margin)
    words = f"worse by more than {margin:g} is {'ruled out' if passed else 'not ruled out'}"
    return Check(f"guardrail {metric}", passed, f"{_change(row, experiment.confidence)}; {words}.")


def _honest(experiment: Experiment) -> Check:
    aa = experiment.aa
    found = f"Random halves of the members under one policy differed in {aa.rejection_share:.1%} of {len(aa.p_values)}"
    allowed = f"tests; chance allows {aa.low:.1%} to {aa.high:.1%}"
    return Check("A/A check", aa.passed, f"{found} {allowed}: the test {'can' if aa.passed else 'cannot'} be trusted.")


def _change(row: pd.Series, confidence: float) -> str:
    if row["members"] == 0:
        return f"No member has a value of {row.name}"
    if row["low"] == row["high"]:
        return f"{row.name} changes by {row['difference']:+.4f}"
    interval = f"{confidence:.0%} interval {row['low']:+.4f} to {row['high']:+.4f}"
    return f"{row.name} changes by {row['difference']:+.4f} ({interval})"
