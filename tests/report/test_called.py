"""Metrics in words."""

import pytest

from membership.evaluate import metrics
from membership.report.called import called


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_each_metric_of_lists_is_called_something_of_its_own(metric):
    others = {called(other.column(10)) for other in metrics.METRICS if other is not metric}
    assert called(metric.column(10)) not in others | {metric.name}
