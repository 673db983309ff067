"""How many distinct things two policies show to anybody, and how sure the difference is if other members had come.

A count of distinct things is no mean: members drawn with replacement repeat each other and show fewer, so the plain
bootstrap is biased low. What varies is what few members are shown, and that is counted here.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

_DEEPEST = 4  # members in a set that are left out together
_WEIGHTS = scipy.stats.binom.sf(np.arange(_DEEPEST), _DEEPEST, 0.5)  # 15/16, 11/16, 5/16, 1/16


@dataclass(frozen=True)
class Distinct:
    """Shares of all things that are shown to anybody; `difference` is treatment minus control."""

    members: int
    control: float
    treatment: float
    difference: float
    low: float
    high: float


def paired(control: pd.DataFrame, treatment: pd.DataFrame, things: int, confidence: float) -> Distinct:
    """Compare two frames of member_id and item_id, of `things` there are; the interval is over members.

    It holds the difference that is expected of as many members of the same kind; both policies stay as they are, and
    a member has a list of each. Nobody in either: shares are 0, and the interval is everything; one member: the same
    with shares. Lists that share no thing with few others: the interval is the difference itself.
    """
    lists = pd.concat([control.assign(sign=-1), treatment.assign(sign=1)])[["sign", "member_id", "item_id"]]
    lists = lists.drop_duplicates().reset_index(drop=True)
    counts = lists.groupby("sign")["item_id"].nunique()
    below, above = (counts.get(sign, 0) / things if things else 0.0 for sign in (-1, 1))
    members = lists["member_id"].nunique()
    half = np.inf
    if members > 1:
        error = np.sqrt(variance(lists, members)) / things
        half = float(scipy.stats.t.ppf((1 + confidence) / 2, members - 1) * error)
    change = float(above - below)
    return Distinct(members, float(below), float(above), change, change - half, change + half)


def variance(lists: pd.DataFrame, members: int) -> float:
    """Return the variance of the difference in distinct things, of rows sign (-1, 1), member_id, item_id.

    Leaving a set of members out loses the things that exactly they are shown. The squares of what each member loses
    alone make the jackknife's variance, which is too large in expectation; pairs correct it, triples the pairs, and so
    on, an alternating series whose noise binomial weights hold down. Where they leave nothing, the jackknife's stands.

    Source: Efron and Stein (1981), Annals of Statistics 9: the jackknife's bias by orders; Efron and Thisted (1976),
    Biometrika 63: the series of distinct words, and its weights.
    """
    codes = lists.assign(member=pd.factorize(lists["member_id"])[0])
    codes = codes.sort_values(["sign", "item_id", "member"], kind="stable")
    shown = codes.groupby(["sign", "item_id"])["member"].transform("size").to_numpy()
    orders = []
    for size in range(1, _DEEPEST + 1):
        rows = codes[shown == size]
        owners, signs = rows["member"].to_numpy().reshape(-1, size), rows["sign"].to_numpy()[::size]
        _, place = np.unique(owners, axis=0, return_inverse=True)
        lost = np.bincount(place.ravel(), signs)
        orders.append(float(lost @ lost - (lost.sum() ** 2 / members if size == 1 else 0.0)))
    alternating = np.array([1, -1, 1, -1]) * _WEIGHTS
    smoothed = float(alternating @ orders)
    return (smoothed if smoothed > 0 else orders[0]) * (members - 1) / members
