"""Learning from a randomised log with several arms: `python -m benchmarks.campaign_logs --out JSON`.

A log like Hillstrom's (`email_log`; with `--raw FILE` the original) goes through `dataset.files` as the README of data
maps it, and then through the functions of stage campaigns: effects of each arm on orders and spend, what is learned
of benefits, and the multi-armed Qini with its interval and a shuffled null. On the stated law the truth is known:
`coverage` counts how often intervals of the Qini contain it, and how often shuffling calls nothing something.
"""

import argparse
import json
import re
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import yaml

from benchmarks import email_log, goals
from membership.base import files as base_files
from membership.benefits import overview
from membership.campaigns import audience, choice, effects, evidence, reaction
from membership.data import meaning
from membership.data.sources import files
from membership.settings import params
from membership.settings.dataset import Files
from membership.stats import multi_armed

README = Path(__file__).resolve().parents[1] / "src" / "membership" / "data" / "README.md"
COST = {"Mens E-Mail": 15.0, "Womens E-Mail": 10.0}  # cents an e-mail
LOGS, LOG_ROWS, DRAWS = 100, 3000, 50
DAYS = email_log.DAYS


def main() -> None:
    """Measure, write the JSON and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--raw", type=Path, help="Hillstrom's own file instead of a drawn log")
    parser.add_argument("--rows", type=int, default=email_log.ROWS, help="members of the drawn log")
    parser.add_argument("--logs", type=int, default=LOGS, help="logs of each kind for coverage; 0: none")
    given = parser.parse_args()
    raw = pd.read_csv(given.raw) if given.raw else None
    found = one_log(email_log.drawn(given.rows, 1) if raw is None else email_log.Drawn(raw, np.zeros((0, 2))))
    if given.logs:
        found["coverage"] = {name: coverage(given.logs, effect) for name, effect in (("law", 1.0), ("nothing", 0.0))}
    base_files.write_json(given.out, found)
    print(json.dumps(found, indent=1))


def mapped(log: pd.DataFrame, folder: Path):
    """Return params, time zone and canonical tables of `log`, read from `folder` as the README of data maps it."""
    email_log.written(log, folder)
    section = README.read_text(encoding="utf-8").split("### A randomised e-mail test: Hillstrom")[1]
    text = re.search(r"```yaml\n(.*?)```", section, re.DOTALL).group(1)
    mapping = yaml.safe_load(text.replace("data/raw", str(folder)))
    overrides = {f"windows.{name}": day for name, day in mapping["windows"].items()}
    overrides |= {f"campaigns.{name}": value for name, value in mapping["campaigns"].items()}
    data = mapping["dataset"]
    for table in data["files"].values():
        table["folders"] = [str(folder)]
    read = files.read(Files.model_validate(data["files"]), data["timezone"], data["currency"])
    p = params.parse(params.read(), overrides)
    return p, data["timezone"], replace(read, events=meaning.meant(read.events, p.economics))


def one_log(drawn: email_log.Drawn) -> dict:
    """Return what is found in one log, from files on."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        p, timezone, read = mapped(drawn.log, Path(folder))
    settings = p.campaigns.model_copy(update={"repeats": 1, "trim": 0.0})
    nobody = pd.DataFrame({"member_id": [], "as_of": pd.to_datetime([]), "tier": []}).astype(
        {"member_id": "str", "tier": "str"}
    )
    panel = audience.build(
        ibis.memtable(read.events), read.offers, read.exposures, nobody, p.windows, timezone, settings, DAYS, None,
        read.members,
    )  # fmt: skip
    found = effects.estimate(panel, pd.Series(dtype="str"), settings, seed=1)
    people = evidence.members(panel, found, []).drop_duplicates("member_id")
    catalogue = [one for one in p.benefits.catalogue if one.name in settings.evidence]
    prior = reaction.prior(catalogue, people, settings.reaction)
    learned = evidence.learned(prior, panel, found, [], settings)
    (log,) = choice.logs(panel, settings, COST, p.economics.margin_rate, seed=1)
    (judged,) = choice.judged([log], settings.confidence, seed=1)
    half = _half(panel, found, settings, prior, log, p.economics.margin_rate)
    every = np.ones((len(people), len(catalogue)), dtype=bool)
    told = overview.assumed_and_learned(prior, learned, people, every).join(evidence.said(found, settings.evidence))
    result = {
        "rows": len(log.rows),
        "left_out": {name: int(count) for name, count in panel.left_out.items() if count},
        "effects": {name: _frame(effects.by_kind(found, name)) for name in effects.OUTCOMES},
        "learned": _frame(told),
        "qini": {name: float(value) for name, value in vars(judged.ranking).items()},
        "arms": _frame(judged.by_arm),
        "policies": _frame(judged.policies),
        "allocation": _frame(half),
        "seconds": time.perf_counter() - started,
    }
    if len(drawn.gain):
        numbers = log.rows["member_id"].astype(int).to_numpy()
        truth = 100 * p.economics.margin_rate * drawn.gain[numbers]
        result["truth"] = _truth(log, judged, truth)
    return result


def _half(panel, found, settings, prior: reaction.Reaction, log: choice.Log, margin: float) -> pd.DataFrame:
    """Return what the rule of the allocation is worth on half of the members, as assumed and as the others taught."""
    number = panel.rows["member_id"].astype(int)
    taught = audience.Audience(panel.rows[number % 2 == 0], panel.x, panel.x_placebo, panel.left_out)
    beliefs = {"as assumed": prior, "as learned": evidence.learned(prior, taught, found, [], settings)}
    rows, kinds = evidence.members(panel, found, []), settings.evidence
    choices = {name: choice.by_belief(log, rows, belief, kinds, margin) for name, belief in beliefs.items()}
    others = (log.rows["member_id"].astype(int) % 2 == 1).to_numpy()
    names = {name: chosen[others] for name, chosen in choices.items()}
    return choice.by_policy(choice.subset(log, others), names, settings.confidence)


def coverage(logs: int, effect: float) -> dict:
    """Return how often the 95 % interval of the multi-armed Qini holds the truth, and shuffling finds something.

    Predictions are the true gains plus noise of the same size (with no effect: noise alone), as if from other data.
    """
    covered = found = 0
    for seed in range(1, logs + 1):
        drawn, rng = email_log.drawn(LOG_ROWS, seed, effect), np.random.default_rng(seed)
        arm = drawn.log["segment"].map({email_log.NONE: 0} | {name: 1 + at for at, name in enumerate(email_log.ARMS)})
        gain = multi_armed.scores(arm.to_numpy(), 30 * drawn.log["spend"].to_numpy(), np.full(LOG_ROWS, 1 / 3), 2)
        truth, cost = 30 * drawn.gain, np.array(list(COST.values()))
        predicted = truth + rng.normal(0.0, max(truth.std(), 10.0), truth.shape) + (0.0 if effect else 15.0)
        ranked = multi_armed.ranking(predicted, cost, gain, 0.95, DRAWS, rng)
        right = multi_armed.ranking(predicted, cost, truth, 0.95, 1, rng).qini
        covered += ranked.low <= right <= ranked.high
        found += ranked.p_value <= 0.05
    name = "shuffled predictions do as well in at most 5 %"
    return {
        "covered": goals.between("95 % intervals of the multi-armed Qini hold the truth", covered / logs, 0.88, 1.0),
        "found": goals.told(name, found / logs) if effect else goals.at_most(name, found / logs, 0.1),
    }


def _truth(log: choice.Log, judged: choice.Judged, truth: np.ndarray) -> dict:
    rng = np.random.default_rng(1)
    best = np.maximum(truth - log.cost, 0.0).max(axis=1).mean()
    every, padded = np.arange(len(truth)), np.column_stack([np.zeros(len(truth)), truth - log.cost])
    right = multi_armed.ranking(log.predicted, log.cost, truth, 0.95, 1, rng).qini
    ranking = judged.ranking
    return {
        "gain_by_arm": dict(zip(log.names, truth.mean(axis=0).tolist(), strict=True)),
        "worth_of_best_predicted": float(padded[every, log.best].mean()),
        "worth_of_the_truly_best": float(best),
        "qini_of_these_predictions": float(right),
        "qini_inside_interval": bool(ranking.low <= right <= ranking.high),
    }


def _frame(table: pd.DataFrame) -> dict:
    return json.loads(table.to_json(orient="index", double_precision=6))


if __name__ == "__main__":
    main()
