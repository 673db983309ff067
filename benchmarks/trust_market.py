"""A copy of the project on a small simulated market whose words act as code where they are not escaped.

The market lies in it as the user's own CSV files, `data/raw/*.csv`: events with items, survey, campaigns, points and
consent. A page in which such a word runs is called RAN. Budgets are as small as the pipeline's test has them.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.data.canonical import Canonical
from membership.data.sources import simulate
from membership.pipeline import sandbox
from membership.settings.benefits import CATALOGUE
from membership.settings.dataset import Simulate
from membership.settings.lifecycle import Strategy
from membership.settings.tiers import Tiers

RAN = "ran"  # what a page's title becomes, were one of WORDS to run in it
WORDS = (
    f"<script>document.title='{RAN}'</script>",
    f"<img src=x onerror=\"document.title='{RAN}'\">",
    f"</td></script><svg onload=document.title='{RAN}'>",
    f"[link](javascript:document.title='{RAN}') ![x](http://127.0.0.1:9/x)",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "$\\frac$ and $x_1",
    "{{ 7 * 7 }} {% raw %}",
    'a|b, `code` and "quotes"',
    "VIP+?",
)
MEMBERS = 60
BUDGETS = {
    "recommend.min_item_purchases": 2,
    "tune.trials": 2,
    "train.epochs": 2,
    "value.bootstrap": 20,
    "evaluate.bootstrap": 100,
    "evaluate.aa_repeats": 20,
    "evaluate.coverage_repeats": 20,
    "trials.aa_salts": 20,
    "decide.training_sd": None,
}
_SEED = 16
_TABLES = {  # canonical table -> its columns in the files
    "events": ("event_id", "member_id", "item_id", "kind", "at", "quantity", "amount", "discount", "order_id",
               "channel", "name", "category", "subcategory", "brand"),
    "survey": ("member_id", "question", "answer"),
    "offers": ("offer_id", "kind", "starts_at", "ends_at"),
    "exposures": ("exposure_id", "member_id", "offer_id", "at", "arm", "propensity"),
    "points": ("member_id", "at", "earned", "redeemed"),
    "consent": ("member_id", "purpose", "allowed"),
}  # fmt: skip


def made(folder: Path, members: int = MEMBERS) -> Path:
    """Make the project in `folder`, an absent one, and return it; `dvc repro` there is the caller's."""
    canonical = market(members)
    raw = folder / "data" / "raw"
    raw.mkdir(parents=True)
    found = _hostile(canonical) | {"points": _points(canonical.events)}
    found |= {"consent": _consent(canonical.members["member_id"])}
    for name, table in found.items():
        table[list(_TABLES[name])].to_csv(raw / f"{name}.csv", index=False)
    return sandbox.copy(folder, _settings(found))


@cache
def market(members: int) -> Canonical:
    """Return a market of so many members, in plain words; catalogue and kinds of members are always the same."""
    return simulate.market(Simulate(members=members, items=40), _SEED, "UTC", "EUR").canonical


def ready(folder: Path) -> Path:
    """Return the project in `folder`, run; what an earlier call has made of it stays. Raises DataError if it fails."""
    if not (folder / "dvc.yaml").exists():
        made(folder)
    done = sandbox.repro(folder, log=folder / "repro.log")
    if done.returncode:
        raise DataError(f"the pipeline failed there; see {folder / 'repro.log'}.")
    return folder


def said(names: pd.Series, start: int = 0) -> pd.Series:
    """Return one of WORDS for each different one of `names`, numbered where there are more names than words."""
    places, _ = pd.factorize(names, sort=True)
    texts = [_word(start + place) if place >= 0 else None for place in places]
    return pd.Series(texts, names.index, dtype="str")


def _word(number: int) -> str:
    again, place = divmod(number, len(WORDS))
    return WORDS[place] + (f" {again}" if again else "")


def _hostile(plain: Canonical) -> dict[str, pd.DataFrame]:
    items = plain.items.assign(
        **{name: said(plain.items[name], start) for start, name in enumerate(("name", "category", "subcategory"))},
        brand=said(plain.items["brand"], 3),
    )
    events = plain.events.merge(items, on="item_id", how="left").assign(channel=said(plain.events["channel"], 1))
    survey = plain.survey.assign(question=said(plain.survey["question"]), answer=said(plain.survey["answer"], 2))
    offers = plain.offers.assign(kind=said(plain.offers["kind"]))
    return {
        "events": events.assign(amount=events["amount"] / 100, discount=events["discount"] / 100),
        "survey": survey,
        "offers": offers,
        "exposures": plain.exposures,
    }


def _points(events: pd.DataFrame) -> pd.DataFrame:
    """Return books of a point for each unit of currency bought; every tenth row redeems as many."""
    bought = events[events["kind"] == "purchase"].groupby(["member_id", "at"], as_index=False)["amount"].sum()
    earned = (bought["amount"] // 100).clip(lower=0)
    return bought.assign(earned=earned, redeemed=np.where(bought.index % 10 == 9, earned, 0))


def _consent(members: pd.Series) -> pd.DataFrame:
    """Return what every tenth member refuses, of one purpose after the other."""
    some = members.sort_values().iloc[::10]
    purposes = np.resize(["offers", "trials", "profiling"], len(some))
    return pd.DataFrame({"member_id": some, "purpose": purposes, "allowed": "no"})


def _settings(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    mapped = {name: {"paths": [f"data/raw/{name}.csv"], "columns": {one: one for one in columns}}
              for name, columns in _TABLES.items()}  # fmt: skip
    questions = sorted(tables["survey"]["question"].unique())
    tiers = [one.model_dump() | {"name": _word(place)} for place, one in enumerate(Tiers().levels)]
    benefits = [
        one.model_dump() | {"name": _word(place + 1), "action": f"do {_word(place)}"}
        for place, one in enumerate(CATALOGUE)
    ]
    strategy = {
        stage: step.model_dump() | {"goal": _word(place), "watch": _word(place + 2), "action": f"{_word(place)} now",
                                    "top_action": None}
        for place, (stage, step) in enumerate(Strategy())
    }  # fmt: skip
    return BUDGETS | {
        "dataset.source": "files",
        "dataset.timezone": "UTC",
        "dataset.currency": "EUR",
        "dataset.consent": mapped.pop("consent"),
        "dataset.files": mapped,
        "tiers.levels": tiers,
        "benefits.catalogue": benefits,
        "benefits.fairness.attributes": questions[:1],
        "campaigns.evidence": {benefits[0]["name"]: sorted(tables["offers"]["kind"].unique())},
        "lifecycle.strategy": strategy,
        "needs.survey": {},
        "needs.needs_from_answers": {},
        "clean.non_product_pattern": "",
    }
