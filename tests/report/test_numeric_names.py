"""Names that look like numbers or dates, such as the ids of items without a name, are drawn as names."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from membership.report.figures import data, recommend

IDS = ["4006381333931", "20170101", "5000000000", "1e400"]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_list_of_items_without_names_is_drawn_by_their_numbers():
    rows = {"rank": range(1, 5), "item_id": IDS, "name": None, "score": [0.4, 0.3, 0.2, 0.1], "source": "repeat"}
    ax = recommend.recommended(pd.DataFrame({"member_id": "7", "reason": "bought", **rows}))
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"{rank + 1}. {id_}" for rank, id_ in enumerate(IDS)
    ]


def test_categories_that_are_numbers_are_drawn_as_names():
    ax = data.categories(pd.Series([4.0, 3.0, 2.0, 1.0], index=pd.Index(IDS, name="category")))
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == IDS
