"""The page about single members: it names nobody, finds, sorts and filters, and tells what is known of one."""

import html
import json
import re
import shutil
from pathlib import Path

import browser
import pandas as pd
import pytest
from hostile import MARK

from membership.base import absent, tables
from membership.data import pseudonyms
from membership.report.site import members

TRIED = Path(__file__).with_name("tried_members.js")


@pytest.fixture
def folder(workspace, monkeypatch):
    """Three members' tables, and where their page is to lie."""
    monkeypatch.setenv(pseudonyms.KEY, "a key for tests only")
    known = pd.DataFrame(
        {
            "member_id": ["anna", "zoltan", "cleo"],
            "value": [300.0, 9000.0, 100.0],
            "p_repurchase": [0.2, 0.9, 0.6],
            "tier": ["Gold", "Silver", "Silver"],
            "stage": ["lapsed", "loyal", "active"],
            "next_action": ["Win back once", "Thank", f"</script><img src=x onerror=document.title='{MARK}'>"],
            "next_tier": ["", "Gold", "Gold"],
            "spend_to_next": [0, 1250, 99],
            "points": [7, 8, 9],
        }
    )
    others = {name: column for name, column in tables.ALL["actions"].columns.items() if name not in known}
    rest = {name: one.among[0] if one.among else "" if "str" in str(one.dtype) else 0 for name, one in others.items()}
    tables.write("actions", known.assign(**rest, item_1="Bread", item_1_reason="bought 3 times"))
    return workspace / "reports" / "private"


def test_the_page_and_its_data_name_nobody(folder):
    page = members.write(folder)
    texts = [path.read_text() for path in folder.iterdir()]
    assert page in set(folder.iterdir())
    assert not any(name in text for text in texts for name in ("anna", "zoltan", "cleo"))


def test_without_actions_there_is_no_page(folder):
    members.write(folder)
    absent.write(tables.ALL["actions"].path(), "nobody buys", tables.empty("actions"))
    assert members.write(folder) is None
    assert not (folder / "members.html").exists()


@browser.NEEDED
def test_members_are_found_filtered_sorted_and_told(folder, tmp_path):
    page = members.write(folder)
    shutil.copy(TRIED, folder / "tried.js")
    text = page.read_text().replace("</body>", '<script src="tried.js"></script></body>')
    page.write_text(text)
    with browser.proxy() as asked:
        document, found = browser.shown(page, asked, tmp_path / "profile", wait=4000)
    told = json.loads(html.unescape(re.search(r'<pre id="tried">(.*?)</pre>', document, re.DOTALL).group(1)))
    anna, ben, cleo = pseudonyms.of(pd.Series(["anna", "zoltan", "cleo"]))
    assert told["all"] == [ben, anna, cleo]
    assert told["found"] == [anna]
    assert told["tier"] == [anna]
    assert told["likely"] == [ben, cleo]
    assert told["rising"] == [anna, cleo, ben]
    assert anna in told["one"] and "Bread: bought 3 times" in told["one"]
    assert f"<title>{MARK}" not in document
    assert found == []


@browser.NEEDED
def test_the_page_fits_and_has_no_serious_fault(folder, tmp_path):
    page = members.write(folder)
    with browser.proxy() as asked:
        told = browser.checked(page, asked, tmp_path)
    fine = {"faults": [], "wider": 0, "charts": 0, "drawn": 0, "asked": []}
    assert told == {browser.NARROW: fine, browser.BROAD: fine}
