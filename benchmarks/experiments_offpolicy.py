"""Off-policy and sequential figures: Open Bandit, coverage on biased logs, tests read every week, the textbook.

Each part returns `goals` (rows: goal, found, asked, reached) and whatever else it found, made of plain values.
"""

import numpy as np
import pandas as pd
import scipy.stats

from benchmarks import biased_logs, goals, open_bandit
from membership.base import progress, seeds
from membership.stats import offpolicy, power, resample, sequential
from membership.trials import gates

CONFIDENCE, DRAWS = 0.95, 10_000
RUNS, RUN_DRAWS = 1000, 400  # biased logs; bootstrap draws in each
ASKED = ("IPS", "SNIPS", "DR")  # whose intervals must cover; of others only the t interval is counted
WATCHED, WEEKS, A_WEEK = 2000, 26, 100  # experiments, looks, members who come in at each

SLEEP = (  # hours of extra sleep of ten patients, second drug and first: Student (1908), Biometrika 6
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
)


def bandit(seed: int) -> dict:
    """Estimate what Thompson sampling earns from the random logs of two campaigns, and compare with what it earned."""
    asked, tables = [], {}
    for campaign in open_bandit.CAMPAIGNS:
        data = open_bandit.read(campaign)
        found = open_bandit.estimates(data, CONFIDENCE, DRAWS, seeds.rng(seed, f"open bandit {campaign}"))
        published = open_bandit.PUBLISHED.loc[campaign]
        tolerance = {"IPS": 5e-7, "SNIPS": 5e-7, "DM": 0.02 * published["DM"], "DR": 0.02 * published["DR"]}
        asked += [
            goals.within(f"{campaign}, {name}", found.loc[name, "value"], published[name], allowed)
            for name, allowed in tolerance.items()
        ]
        asked += [_holds(campaign, name, row, data.actual) for name, row in found.iterrows()]
        tables[campaign] = found.reset_index().to_dict("records")
    return {"goals": asked, "tables": tables}


def coverage(seed: int, runs: int = RUNS) -> dict:
    """Count how often 95 % intervals hold the truth on logs that favour the wrong members."""
    truth, rows = biased_logs.truth(seed), []
    for run in progress.bar(range(runs), "biased logs"):
        rng = seeds.rng(seed, f"biased log {run}")
        for name, terms in biased_logs.terms(biased_logs.draw(rng), rng).items():
            found = offpolicy.estimate(terms, CONFIDENCE, RUN_DRAWS if name in ASKED else 1, rng)
            held = {"t": found.low <= truth <= found.high}
            if name in ASKED:
                held["bootstrap"] = found.bootstrap_low <= truth <= found.bootstrap_high
            rows.append({"estimator": name, "value": found.value, "error": found.error} | held)
    by_name = pd.DataFrame(rows).groupby("estimator", sort=False)
    table = by_name.agg(
        value=("value", "mean"), error=("error", "mean"), t=("t", "mean"), bootstrap=("bootstrap", "mean")
    )
    table["spread"], table["bias"] = by_name["value"].std(), table["value"] - truth
    asked = [
        goals.within(f"{name}: coverage of {way}", table.loc[name, way], 0.95, 0.02)
        for name in ASKED
        for way in ("t", "bootstrap")
    ]
    asked += [goals.told(f"{name}: coverage of t", table.loc[name, "t"]) for name in table.index if name not in ASKED]
    return {"goals": asked, "truth": truth, "runs": runs, "table": table.reset_index().to_dict("records")}


def watched(seed: int, experiments: int = WATCHED) -> dict:
    """Read a test every week, without and with an effect that a test at the end finds with power .9."""
    size, alpha = WEEKS * A_WEEK, 1 - CONFIDENCE
    effect = (scipy.stats.norm.ppf([1 - alpha / 2, 0.9]).sum()) * 2 / np.sqrt(size)
    null, lifted = (_watch(seed, experiments, shift) for shift in (0.0, effect))
    found = lifted["week"][lifted["always"]]
    asked = [
        goals.at_most("null: rejected at any look, always-valid", null["always"].mean(), alpha),
        goals.told("null: rejected at any look, fixed test read every week", null["any_fixed"].mean()),
        goals.at_least("null: all intervals of a run hold 0", null["held"].mean(), CONFIDENCE),
        goals.told("effect: found by the last look, always-valid", lifted["always"].mean()),
        goals.told("effect: found at the last look by a fixed test", lifted["last_fixed"].mean()),
        goals.told(
            "effect: median week in which the always-valid test finds it, where it does", float(np.median(found))
        ),
    ]
    return {"goals": asked, "experiments": experiments, "weeks": WEEKS, "members": size}


def textbook(seed: int) -> dict:
    """Solve for the sizes and the sample ratio of the textbook, and read the sleep data by a paired t."""
    sleep = resample.paired(*SLEEP, CONFIDENCE, 100, 0.8, seeds.rng(seed, "sleep"))
    asked = [
        goals.within("members in each arm, d .5", power.members_per_arm(0.5, 0.8, 0.95), 63.7656, 5e-5),
        goals.within("members in each arm, d .2", power.members_per_arm(0.2, 0.8, 0.95), 393.4057, 5e-5),
        goals.within(
            "sample ratio 821588 / 815482, p",
            gates.sample_ratio({"a": 821588, "b": 815482}, {"a": 0.5, "b": 0.5}, 0.001).p_value,
            1.8218e-6,
            5e-11,
        ),
        goals.within("sleep, paired t, p", sleep.p_value, 0.00283289, 5e-9),
        goals.within("sleep, paired t, low end", sleep.low, -2.459886, 5e-7),
        goals.within("sleep, paired t, high end", sleep.high, -0.700114, 5e-7),
    ]
    return {"goals": asked}


def _watch(seed: int, experiments: int, effect: float) -> pd.DataFrame:
    look, rows = np.repeat(np.arange(WEEKS), A_WEEK), []
    mixture = sequential.spread(2 / np.sqrt(len(look)), CONFIDENCE)
    for run in progress.bar(range(experiments), f"experiments watched, effect {effect:.3f}"):
        rng = seeds.rng(seed, f"watched {effect > 0} {run}")
        treated = rng.random(len(look)) < 0.5
        found = sequential.watch(rng.normal(size=len(look)) + effect * treated, treated, look, mixture, CONFIDENCE)
        p_value, fixed = found["p_value"].to_numpy(), found["fixed_p_value"].to_numpy()
        reached, held = p_value <= 1 - CONFIDENCE, (found["low"] <= effect) & (found["high"] >= effect)
        row = {"always": reached.any(), "week": int(reached.argmax()) + 1, "held": held.all()}
        rows.append(row | {"any_fixed": (fixed <= 0.05).any(), "last_fixed": fixed[-1] <= 1 - CONFIDENCE})
    return pd.DataFrame(rows)


def _holds(campaign: str, name: str, row: pd.Series, actual: float) -> dict:
    """Return the goal that the bootstrap interval holds what was earned; that of the direct method should not."""
    low, high, wanted = row["bootstrap_low"], row["bootstrap_high"], name != "DM"
    words = f"{'in' if wanted else 'not in'} {low:.6f} to {high:.6f}"
    goal = f"{campaign}, actual value and the interval of {name}"
    return {"goal": goal, "found": actual, "asked": words, "reached": bool((low <= actual <= high) == wanted)}
