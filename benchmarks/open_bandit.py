"""Open Bandit, small logs of a fashion site: random arms logged, Bernoulli Thompson sampling evaluated.

Source: Saito, Aihara, Matsutani and Narita (2020, arXiv:2008.07146); files of st-tech/zr-obp, features as its own.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from benchmarks import rewards
from membership.base.errors import DataError
from membership.stats import bandit_log, offpolicy
from membership.stats.bandit_log import BanditLog

CAMPAIGNS = ("men", "women")
FOLDS, SEED = 3, 12345
MODEL = LogisticRegression(C=100, max_iter=1000)
PUBLISHED = pd.DataFrame(  # ../shared/reference/experiments.md
    {"IPS": [0.004534, 0.006813], "SNIPS": [0.004604, 0.006811], "DM": [0.004302, 0.004737], "DR": [0.004522, 0.006974]}
    | {"actual": [0.0069, 0.0046]},
    index=CAMPAIGNS,
)
_DATA = "MEMBERSHIP_DATA"


@dataclass(frozen=True)
class OpenBandit:
    """One campaign: the random log with the evaluated policy's probabilities, and what that policy really earned."""

    log: BanditLog
    context: np.ndarray  # (rows, columns) indicators of user features
    arms: np.ndarray  # (arms, columns) features of items
    actual: float  # clicks an impression in the evaluated policy's own log


def read(campaign: str) -> OpenBandit:
    """Read the shared files. Raises DataError, saying what is missing, where they are not there."""
    folder = Path(os.environ.get(_DATA, Path(__file__).parents[2] / "shared" / "data")) / "open_bandit"
    names = {"random": ".csv.gz", "bts": ".csv.gz"}
    paths = {policy: folder / f"{policy}_{campaign}{ending}" for policy, ending in names.items()}
    paths["items"] = folder / f"random_{campaign}_item_context.csv"
    paths["evaluated"] = folder / f"bts_{campaign}_action_probability.csv"
    missing = [str(path) for path in paths.values() if not path.exists()]
    if missing:
        raise DataError(f"no {' and no '.join(missing)}; set {_DATA} to the folder that holds open_bandit/.")
    rows = pd.read_csv(paths["random"], index_col=0).sort_values("timestamp", kind="stable")
    position = rows["position"].to_numpy() - 1
    probability = pd.read_csv(paths["evaluated"], index_col="item_id").sort_index().to_numpy()
    log = bandit_log.read(
        arm=rows["item_id"].to_numpy(),
        reward=rows["click"].to_numpy(),
        propensity=rows["propensity_score"].to_numpy(),
        evaluated=bandit_log.at_position(probability, position),
        position=position,
    )
    users = rows.filter(like="user_feature")
    return OpenBandit(
        log=log,
        context=pd.get_dummies(users, drop_first=True).to_numpy(dtype=float),
        arms=_items(pd.read_csv(paths["items"], index_col="item_id").sort_index()),
        actual=float(pd.read_csv(paths["bts"], usecols=["click"])["click"].mean()),
    )


def estimates(data: OpenBandit, confidence: float, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return IPS, SNIPS, DM and DR as a frame: index estimator, columns as the fields of `offpolicy.Estimate`."""
    log, fold = data.log, np.empty(data.log.rows, dtype=int)
    for number, (_, here) in enumerate(KFold(FOLDS, shuffle=True, random_state=SEED).split(data.context)):
        fold[here] = number
    expected = rewards.cross_fit(log, data.context, fold, MODEL, data.arms)
    terms = [
        offpolicy.ips(log),
        offpolicy.snips(log),
        offpolicy.direct(log, expected),
        offpolicy.doubly_robust(log, expected),
    ]
    return pd.DataFrame([vars(offpolicy.estimate(one, confidence, draws, rng)) for one in terms]).set_index("estimator")


def _items(items: pd.DataFrame) -> np.ndarray:
    """Return codes of the hashed features in order of their hashes, as the publishers have them, then the number."""
    hashed = items.drop(columns=["Unnamed: 0", "item_feature_0"], errors="ignore")
    codes = hashed.apply(lambda column: pd.factorize(column, sort=True)[0])
    return np.column_stack([codes.to_numpy(dtype=float), items["item_feature_0"]])
