"""Tables for many eyes: small groups are hidden, and so is what would give one away."""

import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.report import few, language, words

K = 5


@given(st.lists(st.integers(0, 40), min_size=2, max_size=8), st.integers(2, 12))
def test_what_is_told_never_gives_a_small_group_away(counts, k):
    hidden = few.hidden(counts, k)
    told = [count for count, gone in zip(counts, hidden, strict=True) if not gone]
    assert all(count == 0 or count >= k for count in told)
    lost = sum(counts) - sum(told)  # what the total tells of all that is hidden together
    assert lost == 0 or hidden.sum() >= 2 or not any(count >= k for count in counts)


def test_a_small_row_loses_its_numbers_and_the_next_smallest_too():
    table = pd.DataFrame({"tier": list("abc"), "members": [3, 40, 7], "value": [1.0, 2.0, 3.0]})
    found = few.frame(table, K)
    assert found["tier"].tolist() == list("abc") and found["members"].isna().tolist() == [True, False, True]
    assert found["value"].dropna().tolist() == [2.0]
    assert few.frame(table, 3) is table


def test_a_table_in_markdown_is_hidden_once_and_for_all():
    text = "Before.\n\n| tier | members | value |\n|:--|--:|--:|\n"
    text += "| a | 3 (6%) | 12 |\n| b | 1,040 (80%) | 2 |\n| c | 7 | 9 |\n"
    found = few.markdown(text, K)
    assert found.splitlines()[-3:] == ["| a | few | - |", "| b | 1,040 (80%) | 2 |", "| c | few | - |"]
    assert few.markdown(found, K) == found and few.markdown(text, 3) == text


def test_of_a_small_whole_no_part_is_told_as_nearly_all_of_it():
    assert few.markdown("Then 0 of 3 members came.", 5) == "Then few of few members came."


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 9))
def test_a_sentence_tells_no_small_group_nor_the_rest_of_one(count, more, k):
    whole = count + more
    text = f"Since then, {count:,} of {whole:,} members came, and {words.formats.plural(count, 'member')} left."
    found = few.markdown(text, k)
    assert (f"{count:,} of" in found) == (not 0 < count < k and not 0 < more < k)
    assert (f" {count:,} member" in found) == (not 0 < count < k)
    assert few.markdown(found, k) == found


def test_what_is_no_count_of_members_stays():
    text = "Steps of 3, 0.3 members a day, -2 members, 3 items; members 4. A group has 12 members."
    assert few.markdown(text, K) == text


def test_counts_are_hidden_in_every_language():
    with language.spoken("zh"):
        told = words.formats.plural(3, "member")
    assert few.HIDDEN in few.markdown(told, K).lower() and "3" not in few.markdown(told, K)


@pytest.mark.parametrize("styled", [True, False])
def test_a_table_of_a_notebook_is_hidden(styled, tmp_path):
    frame = pd.DataFrame(
        {"members": [3, 40, 70], "value": [11, 22, 33], "about_to_drop": [0, 2, 9]},
        index=pd.Index(list("abc"), name="g"),
    )
    shown = frame.style.to_html() if styled else frame.to_html()
    cell = nbformat.v4.new_code_cell("x")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": shown, "text/plain": "3"})]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    assert few.guard(tmp_path / "a.ipynb", K) and not few.guard(tmp_path / "a.ipynb", K)
    data = nbformat.read(tmp_path / "a.ipynb", 4).cells[0].outputs[0].data
    cells = [cell.get_text(strip=True) for cell in few.BeautifulSoup(data["text/html"], "html.parser").find_all("td")]
    assert cells == ["few", "-", "-", "few", "-", "-", "70", "33", "few"]
    assert "text/plain" not in data


def test_sentences_with_tables_are_guarded_too(workspace):
    told = words.render("decide_stages", stages=stages([3, 40, 7]), currency="USD")
    assert told.count(few.HIDDEN) >= 2 and "40" in told


def stages(members: list[int]) -> pd.DataFrame:
    frame = pd.DataFrame({"members": members, "value": 0.0, "p_repurchase": 0.5, "with_benefits": 0})
    texts = dict.fromkeys(("goal", "action", "watch"), "x")
    return frame.assign(**texts).set_axis(pd.Index(["new", "active", "loyal"], name="stage"))


def test_what_stands_right_of_a_small_part_is_of_that_part():
    text = "| tier | members | value | with benefits | cost |\n|:--|--:|--:|--:|--:|\n"
    found = few.markdown(text + "| a | 90 | 7 | 1 | 14 |\n| b | 80 | 8 | 12 | 33 |\n| c | 70 | 9 | 60 | 99 |\n", K)
    assert found.splitlines()[2:] == [
        "| a | 90 | 7 | few | - |",
        "| b | 80 | 8 | few | - |",
        "| c | 70 | 9 | 60 | 99 |",
    ]


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6).filter(sum), st.integers(2, 12))
def test_shares_that_are_told_never_give_a_small_group_away(counts, k):
    whole = sum(counts)
    table = pd.DataFrame([[count / whole for count in counts]])
    told = few.shares(table, pd.Series([whole]), k)
    assert told.isna().to_numpy().tolist() == [few.hidden(counts, k).tolist()]


def test_metrics_of_small_groups_and_of_what_would_give_them_away_are_not_told():
    found = {"share_a": 0.02, "share_b": 0.1, "share_c": 0.88, "promoted": 3, "auc": 0.7}
    groups = [{"share_a": 2, "share_b": 10, "share_c": 88}, {"promoted": 3, "others": 97}]
    told = few.metrics(found, groups, K)
    assert pd.Series(told).isna().tolist() == [True, True, False, True, False]
    assert few.metrics(found, groups, 2) == found


def test_a_picture_shows_groups_that_are_large_enough():
    table = pd.DataFrame({"tier": list("abcd"), "members": [3, 4, 40, 0]})
    assert few.told(table)["tier"].tolist() == ["c", "d"]
