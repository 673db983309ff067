"""How what people read is written."""

from importlib.resources import files
from pathlib import Path

from pydantic import field_validator

from membership.settings.section import Section

SOURCE = "en"  # that templates are written in


class Report(Section):
    """`language`: of the site, the memo and the README's table; a catalogue of phrases each, in `report/languages`."""

    language: str = SOURCE

    @field_validator("language")
    @classmethod
    def _has_a_catalogue(cls, language: str) -> str:
        there = [SOURCE, *catalogues()]
        if language not in there:
            raise ValueError(f"there is no such language; there are: {', '.join(there)}")
        return language


def catalogues() -> dict[str, Path]:
    """Return the files of phrases, by language, of all languages but the one that templates are written in."""
    folder = Path(str(files("membership").joinpath("report/languages")))
    return {path.stem: path for path in sorted(folder.glob("*.po"))}
