import importlib.util

import pytest

from membership.base.errors import ParamError, ProjectError
from membership.pipeline import cluster


def test_a_part_that_is_none_names_those_that_are(workspace):
    with pytest.raises(ParamError, match="--only nonsense: allowed: postgres, mlflow, spark"):
        cluster.run(["nonsense", "spark"], check=True)


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="Spark is installed")
def test_what_is_not_installed_is_one_message(workspace):
    with pytest.raises(ProjectError, match=r"Spark is not installed: pip install -e '\.\[spark\]'"):
        cluster.run(["spark"], check=True)
