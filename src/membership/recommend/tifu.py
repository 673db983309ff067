"""TIFU vectors: how much each item belongs to a member now (Hu et al., SIGIR 2020)."""

import numpy as np
from scipy import sparse

from membership.recommend.baskets import Baskets
from membership.recommend.rhythm import changes


def tifu_vectors(baskets: Baskets, within_decay: float, group_decay: float, groups: int) -> sparse.csr_array:
    """Return TIFU's personalised item frequencies (M, I): Hu et al., SIGIR 2020, as in the authors' code.

    A basket weighs within_decay^(baskets after it). A member's baskets, oldest first, are cut into `groups` of equal
    size (later ones one longer where that does not divide; at most one for each basket); the mean of a group weighs
    group_decay^(groups after it), and the vector is the mean over groups. A member with fewer baskets than groups
    weighs group_decay^(groups - baskets) less, as if its last groups were empty. (The paper restarts the first decay
    in every group; the code does not, and is the better of the two.)
    """
    sizes = baskets.sizes
    many = np.minimum(sizes, groups)
    short, longer, many = (array[baskets.member] for array in (sizes // many, sizes % many, many))
    back, recent = baskets.basket, longer * (short + 1)  # the last `longer` groups hold one basket more
    group = np.where(back < recent, back // (short + 1), longer + (back - recent) // short)
    length = short + (back < recent)
    return baskets.matrix(within_decay**back * group_decay ** (group + groups - many) / length / many)


def dated_vectors(
    baskets: Baskets, within_decay: float, group_decay: float, group_days: int, log_days: bool
) -> sparse.csr_array:
    """Return TIFU vectors by calendar time (M, I): TIFUKNN-TA of Romanov et al., RecSys 2023, as in their code.

    Group g of a member holds its baskets of `group_days` days, those g * `group_days` and more before its last one. A
    basket weighs within_decay^d * group_decay^g, where d is the days from it to the end of its group, or log(1 + d)
    with `log_days`; a group is the mean of its baskets, and the vector the mean over the groups that hold any.
    """
    group, days = np.divmod(baskets.days_before_last, group_days)
    opens = changes(baskets.member) | changes(group)
    place = np.cumsum(opens) - 1  # of each line's group, among all members' groups
    held = np.bincount(place[opens | changes(baskets.basket)])
    groups = np.bincount(baskets.member[opens])
    weight = within_decay ** (np.log1p(days) if log_days else days) * group_decay**group
    return baskets.matrix(weight / held[place] / groups[baskets.member])
