"""Where the project lives, found from any working directory."""

import os
from pathlib import Path

ROOT = "MEMBERSHIP_ROOT"
SANDBOX = ".quick"
REPLAY = ".replay"
_PACKAGE_ROOT = Path(__file__).resolve().parents[3]


def root() -> Path:
    """Return the project's root: the nearest folder upwards with a `dvc.yaml`, else the package's own.

    `$MEMBERSHIP_ROOT` goes before both: so the stage runner tells a notebook's kernel. (DVC's own `$DVC_ROOT` names
    the checkout even while an experiment runs in a temporary folder of its own.)
    """
    if os.environ.get(ROOT):
        return Path(os.environ[ROOT]).resolve()
    here = Path.cwd().resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "dvc.yaml").exists()), _PACKAGE_ROOT)


def data(*parts: str) -> Path:
    """Return a path under `data/`, where stages leave their tables."""
    return root().joinpath("data", *parts)


def models(*parts: str) -> Path:
    """Return a path under `models/`, where stages leave fitted models."""
    return root().joinpath("models", *parts)


def reports(*parts: str) -> Path:
    """Return a path under `reports/`, what people read."""
    return root().joinpath("reports", *parts)


def checkout() -> Path:
    """Return the checkout whose runs belong together: their parent's for folders made within it.

    Those are DVC's temporary experiments, `.quick/` and the periods of `.replay/`.
    """
    here = root()
    return next((folder.parent for folder in (here, *here.parents) if folder.name in {".dvc", SANDBOX, REPLAY}), here)
