"""The environments of the peers that have one of their own: `make peers` makes them."""

from pathlib import Path

from membership.base.errors import DataError

HOME = Path(__file__).parents[1] / ".peers"


def python(name: str) -> Path:
    """Return the Python of the environment `name`, made of `peers/NAME.txt`. Raises DataError where there is none."""
    if not (HOME / name / "installed").exists():
        raise DataError(f"{HOME / name}: not installed; run `make peers`, or leave out the methods that need it.")
    return HOME / name / "bin" / "python"
