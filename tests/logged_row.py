"""What the log of live tests keeps of one answer, but for the member."""

ROW = {
    "request_id": "r", "trial": "spring", "arm": "control", "propensity": 0.5, "shown": "[]", "as_of": "2017-12-01",
    "model_version": "m", "at": "2017-12-01T00:00:00.000",
}  # fmt: skip
