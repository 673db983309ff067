"""What the tests take for granted: members tell different things, and arms follow nothing but chance.

An A/A check draws arms anew among the same members. It cannot see that ten of them are one household, or that the arms
of the test at hand follow who joined when; both make a test reject a true null far too often. Both are looked for here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.base.errors import ParamError
from membership.evaluate import verdicts
from membership.evaluate.arms import CONTROL, TREATMENT
from membership.evaluate.verdicts import Check, Kind
from membership.settings.evaluate import Evaluate
from membership.stats import twins
from membership.stats.twins import Twins
from membership.trials import gates

_SHUFFLES = 500  # of clusters, for the p value of their inflation


@dataclass(frozen=True)
class Dependence:
    """How far members hang together: by identical rows (`found`), and by the clusters that the data name, where any.

    `level`: how often a test at `meant`, 1 - confidence, rejects a true null for that; `allowed`: what an honest test
    stays below in an A/A check. `clusters` is 0 and `inflation` 1 where no clusters are named.
    """

    found: Twins
    meant: float
    clusters: int
    inflation: float
    p_value: float
    level: float
    allowed: float

    @property
    def passed(self) -> bool:
        """Whether no dependence is shown that makes the tests reject too often."""
        return self.level <= self.allowed


def look(
    both: Mapping[str, pd.DataFrame], metric: str, labels: pd.Series | None, knobs: Evaluate, rng: np.random.Generator
) -> Dependence:
    """Look for members with the same figures, and for `labels` (by member_id) whose members fare alike.

    `both` is that of `validity.potential`: everything that is known of each member before and under either policy.
    """
    rows = pd.concat([both[arm].add_suffix(f" {arm}") for arm in (CONTROL, TREATMENT)], axis=1)
    found = twins.find(rows, knobs.aa_band)
    raised = [found.inflation]
    clusters, inflation, p_value = 0, 1.0, 1.0
    if labels is not None:
        own = labels.reindex(both[CONTROL].index)
        own = own.where(own.notna(), own.index.to_series()).to_numpy(str)
        change = (both[TREATMENT][metric] - both[CONTROL][metric]).to_numpy()
        clusters, inflation = len(np.unique(own)), twins.clustered(change, own)
        chance = [twins.clustered(rng.permutation(change), own) for _ in range(_SHUFFLES)]
        p_value = float((1 + np.sum(np.array(chance) >= inflation)) / (1 + _SHUFFLES))
        raised.append(inflation if p_value < 1 - knobs.aa_band else 1.0)
    level = twins.level(max(raised), knobs.confidence)
    most = scipy.stats.binom.ppf((1 + knobs.aa_band) / 2, knobs.aa_repeats, 1 - knobs.confidence)
    return Dependence(found, 1 - knobs.confidence, clusters, inflation, p_value, level, float(most / knobs.aa_repeats))


def labels(members: pd.DataFrame, knobs: Evaluate) -> pd.Series | None:
    """Return `knobs.cluster` of table `members`, by member_id; None where none is named.

    Raises ParamError where there is no such column.
    """
    if not knobs.cluster:
        return None
    if knobs.cluster not in members:
        raise ParamError(
            f"params.yaml: evaluate.cluster = {knobs.cluster!r}: no such column of table 'members'; there are "
            f"{', '.join(members.columns)}. Name one of them, or leave it out."
        )
    return members.set_index("member_id")[knobs.cluster]


def check(found: Dependence) -> Check:
    """Return the check that members are independent."""
    able = found.found.could_find or found.clusters > 1
    numbers = {name: getattr(found, name) for name in ("clusters", "meant", "level", "allowed")}
    numbers |= {"members": found.found.rows, "twins": found.found.twins, "inflation": found.inflation}
    return verdicts.check("independence", Kind.INDEPENDENCE, found.passed, could_fail=able, **numbers)


def assignment(assigned: pd.DataFrame, balance: pd.DataFrame, gate: float) -> Check:
    """Return the check that arms follow chance alone: not what was known before, nor the ids of members.

    `assigned` as of `arms.assign`, `balance` as of `arms.balance`. Looked at are each number of `balance`, the runs of
    arms in the order of ids, and the last letter of ids; the lowest p value, times their number, must reach `gate`.
    """
    ids = gates.in_order(assigned["member_id"])
    treated = (assigned["arm"] == TREATMENT).to_numpy()[ids]
    p_values = dict(zip(balance["known"], balance["p_value"], strict=True))
    p_values["order of ids"] = gates.runs(treated)
    p_values["last letter of ids"] = gates.by_letter(assigned["member_id"], (assigned["arm"] == TREATMENT).to_numpy())
    lowest = min(p_values, key=p_values.get)
    p_value = min(1.0, p_values[lowest] * len(p_values))
    able = gates.runs(np.sort(treated)) * len(p_values) < gate
    numbers = {"looked_at": len(p_values), "furthest": lowest, "p_value": p_value, "gate": gate}
    return verdicts.check("assignment", Kind.ASSIGNMENT, p_value >= gate, could_fail=able, **numbers)
