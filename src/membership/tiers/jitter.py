"""Thresholds that differ between members at random, so that what a tier changes can be measured.

A share of members has thresholds lower or higher by one of a few amounts, for good. Who gets what is a hash of member
and salt: the same on every machine, independent of behaviour, and with a known propensity.
"""

import hashlib

import numpy as np
import pandas as pd

from membership.settings.tiers import Jitter

_BITS = 48


def assigned(members: pd.Index, settings: Jitter) -> pd.DataFrame:
    """Return by how much each member's thresholds differ: index member_id; shift (a share of them), propensity.

    shift is 0 for a share of 1 - `settings.share`; propensity is the chance of the member's own shift.
    """
    if not settings.share:
        return pd.DataFrame({"shift": 0.0, "propensity": 1.0}, index=members)
    arms = np.r_[0.0, settings.amounts]
    chances = np.r_[1 - settings.share, np.full(len(settings.amounts), settings.share / len(settings.amounts))]
    arm = np.searchsorted(np.cumsum(chances)[:-1], uniform(members, settings.salt), side="right")
    return pd.DataFrame({"shift": arms[arm], "propensity": chances[arm]}, index=members)


def uniform(members: pd.Index, salt: str) -> np.ndarray:
    """Return a number in [0, 1) for each member, by SHA-256 of "salt/member_id": (members,)."""
    digests = (hashlib.sha256(f"{salt}/{member}".encode()).digest()[: _BITS // 8] for member in members)
    return np.fromiter((int.from_bytes(digest, "big") for digest in digests), dtype=float) / 2**_BITS
