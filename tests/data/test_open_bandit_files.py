"""A log of decisions by a mapping: the Open Bandit logs, as the README of data maps them, keep arm and propensity."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from membership.base import tables
from membership.data.sources import files
from membership.settings.dataset import Files
from membership.stats import bandit_log, offpolicy

README = Path(__file__).resolve().parents[2] / "src" / "membership" / "data" / "README.md"


@pytest.fixture(scope="module")
def log(shared_data):
    """The canonical tables of the random log of men, by the mapping of the README."""
    section = README.read_text(encoding="utf-8").split("### A log of decisions: Open Bandit")[1]
    text = re.search(r"```yaml\n(.*?)```", section, re.DOTALL).group(1)
    mapping = yaml.safe_load(text.replace("data/raw/", f"{shared_data / 'open_bandit'}/"))["dataset"]
    for table in mapping["files"].values():
        table["folders"] = [str(shared_data)]
    return files.read(Files.model_validate(mapping["files"]), mapping["timezone"], mapping["currency"])


def test_every_decision_keeps_its_arm_its_position_and_every_digit_of_its_propensity(log):
    exposures = tables.check("exposures", log.exposures)
    assert len(exposures) == 10_000
    assert set(exposures["arm"].astype(int)) == set(range(34))
    assert sorted(exposures["offer_id"].unique()) == ["1", "2", "3"]
    assert (exposures["propensity"] == 1 / 34).all()


def test_off_policy_values_from_the_mapped_tables_are_those_of_the_raw_log(log, shared_data):
    folder = shared_data / "open_bandit"
    raw = pd.read_csv(folder / "random_men.csv.gz", index_col=0)
    rows = log.exposures.merge(log.events[["member_id", "kind"]], on="member_id")
    probability = pd.read_csv(folder / "bts_men_action_probability.csv", index_col="item_id").to_numpy()

    def value(arm, click, propensity, position):
        evaluated = bandit_log.at_position(probability, np.asarray(position) - 1)
        found = bandit_log.read(arm, click, propensity, evaluated, position=position)
        terms = offpolicy.ips(found)
        return terms.numerator.sum() / terms.denominator.sum()

    mapped = value(
        rows["arm"].astype(int), rows["kind"].eq("favourite"), rows["propensity"], rows["offer_id"].astype(int)
    )
    assert mapped == pytest.approx(value(raw["item_id"], raw["click"], raw["propensity_score"], raw["position"]))
