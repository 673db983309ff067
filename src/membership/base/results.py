"""What a stage reports: metrics that DVC and MLflow compare, the data behind DVC's plots, and figures for pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from membership.base import files, paths, spreadsheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save_metrics(stage: str, metrics: Mapping[str, float | int], root: Path | None = None) -> pd.Series:
    """Write `reports/metrics/<stage>.json`, one flat name -> number; return the metrics as a series to show."""
    files.write_json((root or paths.root()) / "reports" / "metrics" / f"{stage}.json", dict(metrics))
    return pd.Series(dict(metrics), name=stage)


def save_plot(name: str, frame: pd.DataFrame, root: Path | None = None) -> None:
    """Write `reports/plots/<name>.csv`, the data of one plot of `dvc plots`."""
    spreadsheet.write((root or paths.root()) / "reports" / "plots" / f"{name}.csv", frame)


def save_figure(path: Path, ax: Axes) -> None:
    """Write an SVG file; the same figure gives the same bytes, so that it can be committed."""
    import matplotlib as mpl  # seconds that stages without a figure need not wait for

    with mpl.rc_context({"svg.hashsalt": path.stem}), files.whole(path) as temporary:
        ax.figure.savefig(temporary, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
