"""Every test under no difference, and every interval against a known one: 2,000 simulations of 1,000 members each.

`experiments_members.py` says how members come about. A paired test takes both policies of every member; a randomised
one the first half of the members under one, the second half under the other. Sample-ratio (discrete), always-valid,
one-sided and FDR-adjusted tests have no uniform p values and are left out of the A/A part; the bootstrap gives an
interval and no p value.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from benchmarks import experiments_members as simulated
from benchmarks import goals
from membership.base import progress, seeds
from membership.evaluate import guardrails, metrics, randomised, subgroups
from membership.evaluate.randomised import RATIOS, Measure
from membership.stats import distinct, resample, trust

RUNS, MEMBERS, DRAWS = 2000, 1000, 500
CONFIDENCE, BAND = 0.95, 0.99
REJECTIONS, KS_P, COVERED = (69, 134), 0.0008, (1863, 1933)  # of 2,000: joint 1 % of 12 tests, of 30 intervals
LIFT = 0.02
ITEMS, SHOWN = 400, 5  # catalogue and list of the interval of catalogue coverage


@dataclass(frozen=True)
class Ends:
    """What a check asks of a result."""

    low: float
    high: float
    p_value: float


def aa(seed: int, runs: int = RUNS, members: int = MEMBERS) -> dict:
    """Count how often each test rejects at .05 where nothing differs, and say whether its p values are uniform."""
    tests = {**contrasts(), "recall, interaction with tier": interaction}
    draw = partial(simulated.draw, members, 0.0)
    found = trust.aa_check(draw, tests, runs, CONFIDENCE, BAND, seeds.rng(seed, "experiments/aa"))
    low, high = (round(end * runs / RUNS) for end in REJECTIONS)
    rows = found.to_dict("records")
    asked = [goals.between(f"{row['contrast']}: rejections", row["rejections"], low, high) for row in rows]
    asked += [goals.above(f"{row['contrast']}: Kolmogorov-Smirnov p", row["ks_p"], KS_P) for row in rows]
    return {"goals": asked, "runs": runs, "members": members, "table": _plain(found)}


def coverage(seed: int, runs: int = RUNS, members: int = MEMBERS) -> dict:
    """Count how often each 95 % interval holds the truth, where the second policy is better by a known lift."""
    rng = seeds.rng(seed, "experiments/coverage/bootstrap")
    means = {f"{name}, paired bootstrap": partial(_bootstrap, metric=name, rng=rng) for name in _means()}
    fair = {f"{name} between groups": partial(_fair, metric=name) for name in (metrics.GAP, metrics.SPREAD)}
    intervals = {**contrasts(), **means, **fair, "recall in the top tier, paired t": _top_tier}
    known, zero = simulated.truth(LIFT), dict.fromkeys(fair, 0.0)
    truth = {name: known[name.split(",")[0].split(" in ")[0]] for name in intervals if name not in zero} | zero
    draws = seeds.rng(seed, "experiments/coverage")
    draw = partial(simulated.draw, members, LIFT)
    found = trust.coverage(draw, intervals, truth, runs, CONFIDENCE, BAND, draws)
    table = pd.concat([found, catalogue(seed, runs), share(seed, runs)], ignore_index=True)
    low, high = (round(end * runs / RUNS) for end in COVERED)
    asked = [goals.between(f"{row.contrast}: truth held", row.covered, low, high) for row in table.itertuples()]
    return {"goals": asked, "runs": runs, "members": members, "lift": LIFT, "table": _plain(table)}


def contrasts() -> dict[str, trust.Contrast]:
    """Return the two-sided tests of two arms: paired t, Welch and CUPED of means and of ratios, by name."""
    tests: dict[str, trust.Contrast] = {f"{name}, paired t": partial(_paired, metric=name) for name in _means()}
    for measure in (*(Measure(name, name) for name in _means()), *RATIOS):
        for method, adjusted in ((randomised.PLAIN, False), (randomised.ADJUSTED, True)):
            tests[f"{measure.name}, {method}"] = partial(_arms, measure=measure, adjusted=adjusted)
    return tests


def interaction(control: pd.DataFrame, treatment: pd.DataFrame) -> Ends:
    """Test whether the difference in recall differs between tiers."""
    change = treatment[simulated.RECALL] - control[simulated.RECALL]
    return Ends(np.nan, np.nan, subgroups.welch_anova(change, control["tier"])[1])


def catalogue(seed: int, runs: int, members: int = 300) -> pd.DataFrame:
    """Count how often the interval of catalogue coverage holds the mean over all runs; lists follow two Zipf laws."""
    law = np.log(np.arange(1, ITEMS + 1))
    who = np.repeat(np.arange(members), SHOWN)

    def lists(rng: np.random.Generator, flatter: float) -> pd.DataFrame:
        score = rng.gumbel(size=(members, ITEMS)) - flatter * law
        return pd.DataFrame({"member_id": who, "item_id": np.argpartition(score, -SHOWN)[:, -SHOWN:].ravel()})

    found = []
    for run in progress.bar(range(runs), "catalogues"):
        rng = seeds.rng(seed, f"experiments/catalogue {run}")
        found.append(distinct.paired(lists(rng, 1.6), lists(rng, 1.4), ITEMS, CONFIDENCE))
    truth = float(np.mean([each.difference for each in found]))
    return _counted("catalogue coverage", found, truth)


def share(seed: int, runs: int) -> pd.DataFrame:
    """Count how often Wilson's interval holds a share: of 1,000 members, 200 shares from .05 to .95 in turn."""
    rng, truth = seeds.rng(seed, "experiments/share"), np.resize(np.linspace(0.05, 0.95, 200), runs)
    low, high = resample.wilson(rng.binomial(MEMBERS, truth), np.full(runs, MEMBERS), CONFIDENCE)
    held = (low <= truth) & (truth <= high)
    return pd.DataFrame([_row("share, Wilson", np.nan, held, high - low)])


def _means() -> tuple[str, str]:
    return simulated.RECALL, simulated.MARKED


def _paired(control: pd.DataFrame, treatment: pd.DataFrame, metric: str) -> Ends:
    return Ends(*resample.student(treatment[metric].to_numpy() - control[metric].to_numpy(), CONFIDENCE))


def _bootstrap(control: pd.DataFrame, treatment: pd.DataFrame, metric: str, rng: np.random.Generator) -> Ends:
    found = resample.paired(control[metric], treatment[metric], CONFIDENCE, DRAWS, 0.8, rng)
    return Ends(found.bootstrap_low, found.bootstrap_high, np.nan)


def _arms(control: pd.DataFrame, treatment: pd.DataFrame, measure: Measure, adjusted: bool) -> randomised.Contrast:
    half = len(control) // 2
    return randomised.contrast(control.iloc[:half], treatment.iloc[half:], measure, adjusted, CONFIDENCE)


def _top_tier(control: pd.DataFrame, treatment: pd.DataFrame) -> Ends:
    top = control["tier"] == 2
    return _paired(control[top], treatment[top], simulated.RECALL)


def _fair(control: pd.DataFrame, treatment: pd.DataFrame, metric: str) -> Ends:
    groups = control["group"].map({0: "first", 1: "second"}).rename_axis("member_id").reset_index()
    found = guardrails.fairness(control, treatment, simulated.RECALL, groups, 30, CONFIDENCE).set_index("metric")
    return Ends(found.loc[metric, "low"], found.loc[metric, "high"], np.nan)


def _counted(name: str, found: list, truth: float) -> pd.DataFrame:
    low, high = (np.array([getattr(each, end) for each in found]) for end in ("low", "high"))
    return pd.DataFrame([_row(name, truth, (low <= truth) & (truth <= high), high - low)])


def _row(name: str, truth: float, held: np.ndarray, width: np.ndarray) -> dict:
    counts = {"repeats": len(held), "covered": int(held.sum()), "share": float(held.mean())}
    return {"contrast": name, "truth": truth, **counts, "width": float(width.mean())}


def _plain(table: pd.DataFrame) -> list[dict]:
    """Return the rows without what is judged by the goals instead, and without arrays."""
    return table.drop(columns=["low", "high", "passed", "p_values", "expected"], errors="ignore").to_dict("records")
