"""How what people read is written."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from membership.settings.section import Section

SOURCE = "en"  # that templates are written in

Word = Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[^\W\d_][\w '-]*$")]
Words = Annotated[list[Word], Field(min_length=2, max_length=2)]


class Report(Section):
    """`language`: of the site, the memo and the README's table; a catalogue of phrases each, in `report/languages`."""

    language: str = SOURCE
    order_word: Words = ["order", "orders"]  # what pages call coming back: one, many

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
