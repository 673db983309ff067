"""Groups of points: how many are stable, and whether they are better separated than chance would produce.

k-means, then the same in the metric of the scatter within groups until no point moves: the classification EM of a
mixture of normals with one covariance (Celeux & Govaert 1992; Friedman & Rubin 1967). Columns that do not separate the
groups, or repeat another column, get little weight. Stability: Ben-Hur, Elisseeff & Guyon (2002), Hennig (2007).
Scores are rounded before they are compared (`base.ties`); a tie goes to the lower group number.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances, silhouette_score

from membership.base import seeds
from membership.base.ties import rounded
from membership.settings.needs import Clustering

TREE = 1000  # points at most in the tree from which k-means starts
ROUNDS = 30  # at most, until no point changes its group
_DIAGONAL = 0.5  # weight of the diagonal in the scatter within groups: half of the correlations may be chance
_RIDGE = 0.01  # added variance; the columns have a variance near 1
_SURE_SDS = 3.0  # standard deviations of the pairs that are subtracted from the stability
_CHANCE_SDS = 2.0  # standard deviations above those of chance from which a silhouette counts as separated


@dataclass(frozen=True)
class Groups:
    """Groups of points; rows of `centres` are the groups, columns those of the points."""

    centres: np.ndarray  # (groups, columns)
    precision: np.ndarray  # (columns, columns), inverse of the covariance within groups
    shares: np.ndarray  # (groups,) of the points it was fitted to

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Return the squared Mahalanobis distance to each centre: (points, groups)."""
        own = np.einsum("nd,nd->n", points @ self.precision, points)
        middle = np.einsum("kd,kd->k", self.centres @ self.precision, self.centres)
        return np.maximum(own[:, None] - 2 * points @ self.precision @ self.centres.T + middle, 0.0)

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """Return the number of the nearest group of each point."""
        return rounded(self.distances(points)).argmin(axis=1)

    def membership(self, points: np.ndarray) -> np.ndarray:
        """Return the probability of each group if all are normal with the covariance within: (points, groups)."""
        return softmax(np.log(self.shares) - self.distances(points) / 2, axis=1)


def fit(points: np.ndarray, count: int, seed: int) -> Groups:
    """Find `count` groups in `points` (points, columns)."""
    return fit_each(points, [count], seed)[count]


def fit_each(points: np.ndarray, counts: list[int], seed: int) -> dict[int, Groups]:
    """Find as many groups in `points` as each of `counts` says, all started by one tree (Ward 1963) on a sample.

    The tree starts k-means where clear groups are, so that it rarely ends in a poor optimum (Fraley & Raftery 1998).
    """
    some = sampled(points, TREE, seed)
    alone = np.zeros((len(some), len(counts)), int)
    cuts = cut_tree(linkage(rounded(some), "ward"), counts) if len(some) > 1 else alone
    return {count: _refined(points, _centres(some, cut, count)) for count, cut in zip(counts, cuts.T, strict=True)}


def _refined(points: np.ndarray, centres: np.ndarray) -> Groups:
    """Move points to the nearest centre until none moves: first by plain distance, then in the metric within."""
    count = len(centres)
    found = KMeans(count, init=centres, n_init=1).fit(points)
    labels = rounded(found.transform(points)).argmin(axis=1)
    groups = _groups(points, labels, count)
    for _ in range(ROUNDS):
        moved = groups.nearest(points)
        if (moved == labels).all() or len(np.unique(moved)) < count:
            break
        labels, groups = moved, _groups(points, moved, count)
    return groups


def choose(points: np.ndarray, settings: Clustering, seed: int) -> pd.DataFrame:
    """Try every number of groups in the range of `settings`, on at most `settings.sample` of the points.

    One row a number (index `personas`): stability (mean adjusted Rand index between all pairs of groupings fitted to
    bootstrap resamples, of all points); stability_sd (of the pairs); silhouette; chance and chance_sd (mean and
    standard deviation of the silhouettes in normal clouds of the same covariance, which have no groups); smallest
    (points in the smallest group); stable (at least `min_stability`, and no group below `min_members`); apart (the
    silhouette is more than 2 chance_sd above chance); chosen. The choice is among the numbers that are stable and
    apart, or among the stable ones if none is apart: the largest whose stability, less 3 standard deviations, is within
    `tolerance` of the best. A few kinds merged into one are slightly more stable than the kinds themselves, but one
    group too many is clearly unstable. Stable groups that are not apart are cuts through one cloud: useful, but no
    kinds. Numbers for which there are too few points are left out.
    """
    points = sampled(points, settings.sample, seed)
    most = min(settings.most, len(points) // settings.min_members)
    different = len(np.unique(rounded(points), axis=0))
    counts = [count for count in range(settings.fewest, most + 1) if count < different]
    groupings, apart = _resampled(points, counts, settings.bootstrap, seed), _by_chance(points, counts, settings, seed)
    distance = pairwise_distances(points) if counts else None
    rows = {}
    for count, groups in (fit_each(points, counts, seed) if counts else {}).items():
        labels, rand = groups.nearest(points), agreement(groupings[count], count)
        rows[count] = {
            "stability": rand.mean(),
            "stability_sd": rand.std(),
            "silhouette": _silhouette(distance, labels),
            "chance": apart[count].mean() if settings.chance else np.nan,
            "chance_sd": apart[count].std(ddof=1) if settings.chance > 1 else 0.0,
            "smallest": np.bincount(labels, minlength=count).min(),
        }
    columns = ["stability", "stability_sd", "silhouette", "chance", "chance_sd", "smallest"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("personas")
    return _marked(table.astype({"smallest": "int64"}), settings)


def sampled(points: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return at most `most` of the points, in their order."""
    if len(points) <= most:
        return points
    return points[np.sort(seeds.rng(seed, "personas/sample").choice(len(points), most, replace=False))]


def _marked(table: pd.DataFrame, settings: Clustering) -> pd.DataFrame:
    """Return `table` with stable, apart and chosen."""
    stable = rounded(table["stability"]) >= settings.min_stability
    stable &= table["smallest"] >= settings.min_members
    by_chance = (table["chance"] + _CHANCE_SDS * table["chance_sd"]).fillna(-1.0)
    apart = rounded(table["silhouette"] - by_chance) > 0
    sure = table["stability"] - _SURE_SDS * table["stability_sd"]
    sure = sure.where(stable & apart if (stable & apart).any() else stable)
    good = table.index[rounded(sure.max() - sure) <= settings.tolerance]
    return table.assign(stable=stable, apart=apart, chosen=table.index == max(good, default=0))


def _groups(points: np.ndarray, labels: np.ndarray, count: int) -> Groups:
    centres = _centres(points, labels, count)
    apart = points - centres[labels]
    scatter = apart.T @ apart / len(points)
    diagonal = np.diag(np.diag(scatter))
    within = (1 - _DIAGONAL) * scatter + _DIAGONAL * diagonal + _RIDGE * np.eye(points.shape[1])
    sizes = np.maximum(np.bincount(labels, minlength=count), 1)
    return Groups(centres, np.linalg.inv(within), sizes / sizes.sum())


def _centres(points: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    sizes = np.bincount(labels, minlength=count)
    return np.eye(count)[labels].T @ points / np.maximum(sizes, 1)[:, None]


def _resampled(points: np.ndarray, counts: list[int], resamples: int, seed: int) -> dict[int, np.ndarray]:
    """Return for each count the group of every point by each bootstrap resample: (resamples, points)."""
    found = {count: [] for count in counts}
    rng = seeds.rng(seed, "personas/stability")
    for _ in range(resamples if counts else 0):
        resample = points[rng.integers(len(points), size=len(points))]
        for count, groups in fit_each(resample, counts, int(rng.integers(2**31))).items():
            found[count].append(groups.nearest(points))
    return {count: np.array(labels) for count, labels in found.items()}


def _by_chance(points: np.ndarray, counts: list[int], settings: Clustering, seed: int) -> dict[int, np.ndarray]:
    """Return for each count the silhouettes in clouds without groups: (settings.chance,)."""
    found = {count: [] for count in counts}
    for draw in range(settings.chance if counts else 0):
        cloud = _cloud(points, seeds.rng(seed, f"personas/chance/{draw}"))
        distance = pairwise_distances(cloud)
        for count, groups in fit_each(cloud, counts, seed).items():
            found[count].append(_silhouette(distance, groups.nearest(cloud)))
    return {count: np.array(silhouettes) for count, silhouettes in found.items()}


def agreement(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the adjusted Rand index (Hubert & Arabie 1985) of every pair of rows of `labels` (groupings, points).

    All tables of two groupings are one matrix product; NaN where both groupings have a single group.
    """
    groupings, points = labels.shape
    belongs = np.eye(count)[labels.T].reshape(points, groupings * count)
    together = (belongs.T @ belongs).reshape(groupings, count, groupings, count)
    pairs = (together * (together - 1) / 2).sum(axis=(1, 3))
    own = np.diag(pairs)
    expected, most = np.outer(own, own) / (points * (points - 1) / 2), np.add.outer(own, own) / 2
    rand = np.divide(pairs - expected, most - expected, out=np.full_like(pairs, np.nan), where=most > expected)
    return rand[np.triu_indices(groupings, 1)]


def _silhouette(distance: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette (Rousseeuw 1987); NaN where all are in one group or each in its own."""
    groups = len(np.unique(labels))
    return silhouette_score(distance, labels, metric="precomputed") if 1 < groups < len(labels) else np.nan


def _cloud(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return as many normal points with the covariance of `points`."""
    _, sizes, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return rng.normal(size=(len(points), len(sizes))) * (sizes / np.sqrt(len(points))) @ axes
