"""Many tests at once: p values adjusted for the false discovery rate."""

import pandas as pd
import scipy.stats


def adjusted(p_values: pd.Series) -> pd.Series:
    """Return `p_values` adjusted for the false discovery rate over those that are known; NaN stays NaN.

    Source: Benjamini and Hochberg (1995).
    """
    known = p_values.dropna()
    return pd.Series(scipy.stats.false_discovery_control(known) if len(known) else [], known.index).reindex(
        p_values.index
    )
