"""What simulated members answer when they are asked what they need: mostly the truth, and not always.

Who answers at all is one draw, each question is then skipped by some, and an answer slips now and then.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

NEEDS = {"deal": "low prices", "novelty": "new products", "online": "convenience"}  # trait -> answer
SLIP = 0.15  # share of answers that are not the member's true one
SKIP = {"favourite_category": 0.05, "matters_most": 0.05, "buys_regularly": 0.1, "price_importance": 0.1, "wish": 0.7}
REGULAR = 0.15  # of a member's wants: a category at least that large is bought regularly
SCALE = 5  # 1, prices hardly matter, to 5, they matter most
NOISE = 0.6  # standard deviation of an answer on the scale


def survey(
    people: pd.DataFrame, taste: pd.DataFrame, response: float, draw: Callable[[str], np.random.Generator]
) -> pd.DataFrame:
    """Return one row an answer: member (row of `people`), question, answer (text).

    `taste` has one column a category. Single choices: favourite_category, matters_most. Several answers:
    buys_regularly. A scale of 1 to SCALE: price_importance. Free text: wish. `SKIP` says who skips each question.
    """
    rng, more = draw("survey"), draw("survey/more")
    size = len(people)
    answers = rng.random(size) < response
    favourite = taste.idxmax(axis=1)
    matters = people[list(NEEDS)].rank(pct=True).idxmax(axis=1).map(NEEDS)
    said = {
        "favourite_category": _slipped(favourite, rng),
        "matters_most": _slipped(matters, rng),
        "price_importance": _scale(people["deal"], more),
    }
    said["wish"] = "More " + said["favourite_category"] + " please, and " + said["matters_most"]
    found = [pd.DataFrame({"member": np.arange(size), "question": name, "answer": told}) for name, told in said.items()]
    found.append(_several(taste, more))
    found = pd.concat([frame[_not_skipped(frame, size, more)] for frame in found], ignore_index=True)
    return found[answers[found["member"]]].reset_index(drop=True)


def _slipped(truly: pd.Series, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(truly)) < SLIP, rng.permutation(truly), truly)


def _scale(trait: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Return where each share of `trait` lies on the scale, with noise, as text."""
    level = 0.5 + SCALE * trait.to_numpy() + rng.normal(0, NOISE, len(trait))
    return np.clip(np.round(level), 1, SCALE).astype(int).astype(str)


def _several(taste: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the categories that are bought regularly, of which some are forgotten; sorted by member."""
    told = (taste.to_numpy() >= REGULAR) & (rng.random(taste.shape) >= SLIP)
    member, column = np.nonzero(told)
    return pd.DataFrame({"member": member, "question": "buys_regularly", "answer": taste.columns.to_numpy()[column]})


def _not_skipped(frame: pd.DataFrame, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return for each row whether its member answered that question: the same for all answers to it."""
    question = frame["question"].iloc[0] if len(frame) else "buys_regularly"
    return (rng.random(size) >= SKIP[question])[frame["member"]]
