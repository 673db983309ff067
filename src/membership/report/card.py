"""The model card, `reports/model_card.md`: what the model is, for whom, how good, and where it ends.

After Mitchell et al., "Model cards for model reporting" (FAT* 2019). Every number comes from `data/training.json`, an
output of stage train: another wording trains nothing again.
"""

from membership.base import files, paths
from membership.report import words

_ABOUT = {  # first word of a signal's name -> what the signal is about
    "own": "the member's rhythm with the item: how often, how regularly, when last",
    "item": "the item: how popular it is, its trend, how it is bought again, its price",
    "member": "the member: how often and how much it shops",
    "subcategory": "the member's rhythm with the item's subcategory",
    "name": "the member's rhythm with items of this name",
    "group": "the member's rhythm with items of its kind",
}
_SOURCES = "what other members, or other items, say of it (sources)"


def render() -> str:
    """Return the card as Markdown. Raises DataError where stage train has not left its facts."""
    facts = files.read_json(paths.data("training.json"))
    used = next(row for row in facts["tradeoff"] if row["explore"] == facts["recommend"]["explore"])
    about: dict[str, list[str]] = {}
    for name in facts["signals"]:
        about.setdefault(_ABOUT.get(name.split("_")[0], _SOURCES), []).append(name)
    return words.render("model_card", facts=facts, used=used, about=about) + "\n"
