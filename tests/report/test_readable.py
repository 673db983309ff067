"""Tables for people: an example of rows that shows nobody."""

import pandas as pd

from membership.report import readable


def test_a_made_up_row_tells_the_middle_and_what_enough_members_share():
    frame = pd.DataFrame(
        {
            "member_id": list("abcab"),
            "order_id": ["o1", "o1", "o2", "o1", "o1"],  # of two members
            "kind": ["purchase"] * 5,
            "at": pd.to_datetime([f"2024-01-0{day}" for day in range(1, 6)]),
            "amount": [100, 200, 300, 400, 1000],
        }
    )
    shown = readable.made_up(frame, 3).data.iloc[:, 0].to_dict()
    assert shown == {"order_id": "", "kind": "purchase", "at": "2024-01-03", "amount": "300.00"}
    assert readable.made_up(frame.iloc[:0], 3).data.shape == (4, 1)
