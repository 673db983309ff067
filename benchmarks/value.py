"""Value against published figures, known truth, held-out time and peers: `python -m benchmarks.value --out JSON`.

Parts: published (parameters and log-likelihoods), recovery (how often 95 % intervals cover the truth of simulated
markets), cdnow (39 weeks of holdout, opened by this part alone), speed (beside lifetimes and pymc-marketing; needs
`make peers`). Parts that are not asked for stay in the JSON as they were.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import value_cdnow, value_published, value_recovery, value_speed
from membership.base import files
from membership.base.errors import DataError
from membership.settings import params

PARTS = ("published", "recovery", "cdnow", "speed")


def main() -> None:
    """Run the parts asked for, write the JSON after each and print the tables."""
    given = _arguments()
    seed = params.parse(params.read()).seed
    runs = {
        "published": (value_published.run, value_published.in_words),
        "recovery": (lambda: value_recovery.run(given.markets, seed), value_recovery.in_words),
        "cdnow": (value_cdnow.run, value_cdnow.in_words),
        "speed": (lambda: value_speed.run(seed, given.members), value_speed.in_words),
    }
    found = files.read_json(given.out) if given.out.exists() else {}
    for part in given.parts:
        run, in_words = runs[part]
        found[part] = run()
        files.write_json(given.out, found)
        sys.stdout.write(f"\n{part}\n\n{in_words(found[part])}\n")
    if given.figure:
        value_speed.figure(found["speed"], given.figure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write, or to add parts to")
    parser.add_argument("--parts", type=_parts, default=PARTS, help=f"of {','.join(PARTS)}; all if not given")
    parser.add_argument("--markets", type=int, default=400, help="simulated markets a model; 400 if not given")
    parser.add_argument("--members", type=int, default=10_000_000, help="most members whose speed is measured")
    parser.add_argument("--figure", type=Path, help="SVG file to draw the growth with members to")
    return parser.parse_args()


def _parts(text: str) -> tuple[str, ...]:
    wrong = set(text.split(",")) - set(PARTS)
    if wrong:
        raise argparse.ArgumentTypeError(f"no part {', '.join(sorted(wrong))}; there are {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in text.split(","))


if __name__ == "__main__":
    try:
        main()
    except DataError as error:
        sys.exit(str(error))
