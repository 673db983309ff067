"""Languages: catalogues have every phrase and no other, layout and data are the same, small groups stay hidden."""

import doctest
import re
from datetime import date

import nbformat
import pandas as pd
import pytest

from membership.base import files, graph
from membership.report import few, formats, language, pages, phrases, words
from membership.report.site import build, stored
from membership.settings import params
from membership.settings.report import catalogues

PLACES = re.compile(r"\{\w+\}")


@pytest.fixture
def chinese(workspace):
    """An empty project whose language is Chinese."""
    file = workspace / "params.yaml"
    file.write_text(file.read_text().replace("language: en", "language: zh"))
    (workspace / "notebooks").symlink_to(phrases._ROOM.parents[2] / "notebooks")
    return workspace


def test_examples():
    assert doctest.testmod(language).failed == 0


@pytest.mark.parametrize("spoken", catalogues())
def test_a_catalogue_has_every_phrase_and_no_other(spoken):
    said, known = phrases.found(), language.catalogue(spoken)
    there = {(message.id, message.context): message.string for message in known if message.id}
    assert there.keys() == said.keys(), "run `make phrases`, then translate what is new"
    for (text, _), told in there.items():
        forms = [told] if isinstance(told, str) else told
        asked = sorted(PLACES.findall(text if isinstance(text, str) else text[0]))
        assert all(form and sorted(PLACES.findall(form)) == asked for form in forms), text


@pytest.mark.parametrize("name", phrases.templates())
def test_a_template_whose_phrases_stay_is_the_same(name):
    source = (phrases._ROOM / "templates" / name).read_text()
    assert language._rewritten(source, lambda text, _: text) == source


def test_what_is_compared_with_or_is_code_is_no_phrase():
    source = '<p>Run <code>dvc repro</code></p>{{ "so it is" if kind == "of two words" else "not" }}{% if a == "b" %}'
    assert list(language.phrases(source)) == ["Run", "so it is", "not"]


def test_numbers_days_and_money_are_written_as_the_language_does():
    with language.spoken("de"):
        assert (formats.number(1234.5, 1), formats.share(0.123)) == ("1.234,5", "12,3\xa0%")
        assert formats.money(123456, "USD") == "1.234,56 US-Dollar"
        assert formats.day(date(2017, 12, 1)) == "1. Dezember 2017"
    with language.spoken("zh"):
        assert formats.plural(1234, "member") == "1,234 名会员"
        assert formats.interval(1.0, 2.0) == "1 至 2"


def test_a_phrase_without_a_translation_stays_english_and_that_is_said_once(monkeypatch, capsys):
    monkeypatch.setattr(language, "_TOLD", set())
    with language.spoken("zh"):
        assert [language.phrase(text) for text in ("Quite new", "Newer yet")] == ["Quite new", "Newer yet"]
        assert language.counted(2, "galaxy", "galaxies") == "galaxies"
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Quite new" in said


def test_a_small_group_is_hidden_in_every_language():
    row = dict.fromkeys(("control", "treatment", "difference", "low", "high"), 0.5)
    rows = pd.DataFrame(
        [
            {"metric": name, "unit": "share", "members": count, **row}
            for name, count in (("hit_at_5", 2), ("ndcg_at_5", 90), ("recall_at_5", 80))
        ]
    )
    with language.spoken("zh"):
        shown = words.render("evaluate_effects", rows=rows, confidence=0.95)
    assert few.HIDDEN in shown and "| 2 |" not in shown and "| 80 |" not in shown and "| 90 |" in shown


def test_the_site_speaks_the_language_of_the_settings(chinese):
    page = build.build().read_text()
    assert '<html lang="zh">' in page and language.said("zh", "Summary") in page
    assert '"shortMonths": ["1' in page


FACTS = dict.fromkeys(("share_active_90d", "median_purchase_days", "median_gap_days", "median_spend"), 3)


def test_what_a_notebook_concluded_is_told_in_the_language_of_the_pages(chinese):
    metrics = FACTS | {"share_with_purchases": 0.25, "members": 1234, "share_repurchase": 0.5}
    told = words.conclude("features", metrics=metrics, as_of=date(2017, 12, 1), days=14)
    data, beside = told._repr_markdown_()
    shown = output(data, beside)
    cell = nbformat.v4.new_code_cell(outputs=[shown], metadata={"tags": [pages.CONCLUSION]})
    files.write_text(
        chinese / "reports/notebooks/20_features.ipynb", nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))
    )
    assert "of 1,234 members had bought" in stored.conclusion("features")
    with language.spoken("zh"):
        assert "1,234 名会员" in stored.conclusion("features") and "members" not in stored.conclusion("features")
    with language.spoken("de"):  # the run had no such catalogue
        assert "1,234 members" in stored.conclusion("features")


def test_a_small_group_is_hidden_in_every_language_of_a_conclusion(tmp_path):
    table = "| tier | members |\n|:--|--:|\n| a | 2 |\n| b | 90 |\n| c | 80 |\n"
    cell = nbformat.v4.new_code_cell(outputs=[output(table, {language.OTHERS: {"zh": table}})])
    executed = tmp_path / "a.ipynb"
    files.write_text(executed, nbformat.writes(nbformat.v4.new_notebook(cells=[cell])))
    assert few.guard(executed, 5) and not few.guard(executed, 5)
    (guarded,) = nbformat.read(executed, 4).cells[0].outputs
    (others,) = guarded.metadata["text/markdown"].values()
    assert others["zh"] == guarded.data["text/markdown"] and "| 2 |" not in others["zh"]


def output(data, metadata):
    """What a notebook keeps of Markdown that a cell showed."""
    return nbformat.v4.new_output("display_data", {"text/markdown": data}, metadata={"text/markdown": metadata})


def test_a_language_without_a_catalogue_is_refused_and_those_there_are_named(workspace):
    with pytest.raises(params.ParamError, match=r"report.language = 'xx'.*en, zh"):
        params.load("report", {"report.language": "xx"})


def test_the_language_is_seen_by_stage_report_alone():
    assert [node.name for node in graph.nodes() if "report" in params.stage_keys(node.name)] == ["report"]
