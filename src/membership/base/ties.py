"""Comparisons that last digits do not decide: processors differ in them, and choices should not."""

from typing import TypeVar

import numpy as np

DIGITS = 9
Values = TypeVar("Values")


def rounded(values: Values) -> Values:
    """Return `values` (number, array, series or frame) rounded to 9 digits, to be compared and not to be kept.

    Values that are equal but for the last digits then tie, and an explicit key decides: the first in a stated order.

    >>> bool(rounded(0.1 + 0.2) > rounded(0.3))
    False
    """
    return np.round(values, DIGITS)
