"""Figures: a frame goes in, Axes come out. All text is drawn as it stands."""

import matplotlib as mpl
from matplotlib import category
from matplotlib.axis import Axis
from matplotlib.ticker import LogFormatter

# Names come from tables and settings: "$5 to $10" is no formula, and a broken one would stop the stage.
mpl.rcParams["text.parse_math"] = False

# Nor is a name such as "1. 5000000000" a date: matplotlib asks only in order to log a hint, and fails on a year so far.
category.UnitData._str_is_convertible = staticmethod(lambda _: False)


def plain_log(*axes: Axis) -> None:
    """Label log `axes` with plain numbers; matplotlib's own labels of them are formulas."""
    for axis in axes:
        axis.set_major_formatter(LogFormatter())
        if axis.get_scale() == "log":
            axis.set_minor_formatter(LogFormatter())
