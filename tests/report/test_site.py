"""The site: it says what is missing, shows hostile text as it stands, and colours by what is better."""

import json
import re
from pathlib import Path

import browser
import pandas as pd
import pytest
from hostile import MARK, TEXTS

from membership.base import tables
from membership.report.site import build, charts, drawing

METRICS = pd.DataFrame(
    {
        "metric": ["recall_at_10", "discount_per_item_at_10", "hit_at_10", "fairness_gap"],
        "control": [0.2, 50.0, 0.5, 0.1],
        "treatment": [0.3, 40.0, 0.5, 0.2],
        "difference": [0.1, -10.0, 0.0, 0.09],
        "low": [0.05, -12.0, -0.1, 0.01],
        "high": [0.15, -8.0, 0.1, 0.12],
    }
)


@pytest.fixture
def project(workspace) -> Path:
    """A project in which nothing has run."""
    root = Path(__file__).resolve().parents[2]
    (workspace / "notebooks").symlink_to(root / "notebooks")
    (workspace / "reports" / "plots").mkdir(parents=True)
    return workspace


def test_where_nothing_has_run_every_page_is_there_and_says_what_to_run(project):
    first = build.build()
    assert first == project / "reports" / "site" / "index.html"
    for name, title in build.PAGES:
        text = (first.parent / f"{name}.html").read_text()
        assert f"<title>{title} - " in text
        assert "data-chart" not in text
        assert name in ("index", "made") or "dvc repro" in text


def test_a_chart_has_its_rows_as_csv_and_as_a_table(project):
    METRICS.to_csv(project / "reports" / "plots" / "result.csv", index=False)
    page = build.build().read_text()
    drawn = json.loads(re.search(r'id="lists-drawn">(.*?)</script>', page, re.DOTALL).group(1))
    assert [one["x"] for one in drawn["data"] if one["mode"] == "markers"] == [
        [0.5],
        [-0.2],
        [0.0],
        [pytest.approx(0.9)],
    ]
    kept = pd.read_csv(project / "reports" / "site" / "data" / "lists.csv")
    pd.testing.assert_frame_equal(kept, METRICS)
    assert page.count("<td>recall_at_10</td>") == 1


def test_less_discount_is_better_and_a_wider_gap_is_worse(project):
    METRICS.to_csv(project / "reports" / "plots" / "result.csv", index=False)
    dots = [one for one in charts.lists().figure.data if one.mode == "markers"]
    green, red = drawing.COLOURS[2], drawing.COLOURS[3]
    assert [dot.marker.color for dot in dots] == [green, green, drawing.GREY, red]


def test_no_group_of_fewer_than_k_members_is_told(project):
    some = pd.DataFrame(
        {"member_id": [str(number) for number in range(17)], "persona": ["A"] * 10 + ["B"] * 5 + ["C"] * 2}
    )
    rest = dict.fromkeys(("typicality", "need_score"), 0.5) | dict.fromkeys(("main_need", "top_category"), "bread")
    tables.write("personas", some.assign(**rest, stated_need=None, answered_survey=False))
    page = build.build().parent / "needs.html"
    assert pd.read_csv(page.parent / "data" / "personas.csv")["members"].isna().tolist() == [False, True, True]
    assert [card["name"] for card in build.Page(page.parent).cards()] == ["A", "B"]


def test_a_chart_leaves_out_what_is_too_small_to_be_told(project):
    rows = {
        "days": [7, None, 7],
        "from_chance": [0.1, None, 0.2],
        "to_chance": [0.2, None, 0.3],
        "members": [9, None, 8],
    }
    rows |= {name: [0.1, None, 0.2] for name in ("predicted", "actual", "low", "high")}
    pd.DataFrame(rows).to_csv(project / "reports" / "plots" / "repurchase_chances.csv", index=False)
    assert charts.chances().rows["members"].tolist() == [9, 8]


def test_a_tier_called_after_a_metal_has_its_colour_and_any_number_of_tiers_has_one_each():
    assert drawing.tier_colours(["Member", "Silver", "GOLD"])[1:] == [drawing.METALS["silver"], drawing.METALS["gold"]]
    assert len(set(drawing.tier_colours([f"Level {number}" for number in range(7)]))) == 7


@browser.NEEDED
def test_hostile_names_are_shown_and_not_run(project, tmp_path):
    text = f"</script><script>document.title='{MARK}'</script>"
    people = pd.DataFrame({"member_id": [str(number) for number in range(len(TEXTS) + 1)], "persona": [*TEXTS, text]})
    rest = dict.fromkeys(("typicality", "need_score"), 0.5) | {"main_need": text, "top_category": text}
    tables.write("personas", people.assign(**rest, stated_need=None, answered_survey=False))
    page = build.build().parent / "needs.html"
    with browser.proxy() as asked:
        document, found = browser.shown(page, asked, tmp_path / "profile", wait=6000)
    assert f"<title>{MARK}" not in document
    assert document.count("main-svg") >= 1
    assert found == []


@browser.NEEDED
def test_the_check_of_pages_sees_faults(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    faulty = '<!doctype html><title>x</title><body><img src="data:,"><p style="width:2000px;color:#eee">pale</p></body>'
    (folder / "a.html").write_text(faulty)
    with browser.proxy() as asked:
        told = browser.checked(folder / "a.html", asked, tmp_path)[browser.NARROW]
    assert {"image-alt", "html-has-lang"} <= set(told["faults"])
    assert told["wider"] > 1000


def test_what_tiers_and_benefits_bring_follows_responses_and_margin_and_costs_stay(project):
    (project / "reports" / "metrics").mkdir()
    for name, numbers in (
        ("tiers", {"tiers_cost": 100, "tiers_net": 300}),
        ("benefits", {"benefit_cost": 200, "benefit_net": 100}),
    ):
        (project / "reports" / "metrics" / f"{name}.json").write_text(json.dumps(numbers))
    rows = charts.what_if().rows
    believed = rows["margin"].median()
    net = rows.set_index(["response", rows["margin"].div(believed).round(1)])["net"]
    assert net[1.0, 1.0] == pytest.approx(4.0)
    assert net[0.0, 1.4] == pytest.approx(-3.0)
    assert net[0.5, 1.2] == pytest.approx((700 * 0.5 * 1.2 - 300) / 100)
