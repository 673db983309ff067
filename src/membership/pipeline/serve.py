"""The live policy as an MLflow model: a member's id in, what the batch run decided for that member out.

This file is also the model's code (models-from-code): MLflow stores a copy of it beside the tables it answers from,
so it imports nothing of the project at load time.
"""

import tempfile
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.exceptions import INVALID_PARAMETER_VALUE, MlflowException
from mlflow.models import ModelSignature, set_model
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema

MODEL = "membership"


class BatchAnswers(mlflow.pyfunc.PythonModel):
    """Answers from a batch run: member ids in, the top `k` recommendations of one policy out."""

    def load_context(self, context) -> None:
        """Load the recommendations that were logged with the model."""
        self._table = pd.read_parquet(context.artifacts["recommendations"])

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> pd.DataFrame:
        """Return member_id, rank, item_id, score, source and reason, one row a recommendation, in the order asked.

        Raises MlflowException (a 4xx when served) for unknown members and for `k` below 1.
        """
        k = int((params or {}).get("k", 10))
        asked = pd.Index(model_input["member_id"].astype(str)).unique()
        unknown = asked.difference(self._table["member_id"])
        if k < 1 or len(unknown):
            problem = f"unknown members: {', '.join(unknown[:5])}" if len(unknown) else f"k = {k}: must be 1 or more"
            raise MlflowException(problem, error_code=INVALID_PARAMETER_VALUE)
        rows = self._table[self._table["rank"] <= k].set_index("member_id").loc[asked].reset_index()
        return rows[["member_id", "rank", "item_id", "score", "source", "reason"]]


set_model(BatchAnswers())


def register(run_id: str) -> None:
    """Register both policies of the last evaluation, and point the aliases at them.

    `champion` mirrors `champion.json`, which stays the truth; `challenger` is the tuned model. A policy whose
    recommendations are already registered keeps its version.
    """
    from membership.base import files, paths, tables
    from membership.pipeline import track

    client, _ = track.connect()
    _make_registry(client)
    live = files.read_json(paths.root() / "champion.json")
    everything = tables.read("recommendations")
    for policy in ("champion", "challenger"):
        chosen = everything[everything["policy"] == policy].drop(columns="policy")
        name = live["policy"] if policy == "champion" else "model"
        version = _version(client, chosen, name, run_id)
        client.set_registered_model_alias(MODEL, policy, version)


def _make_registry(client) -> None:
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL, description="Next-basket recommendations as the batch run decided them.")


def _version(client, recommendations: pd.DataFrame, policy: str, run_id: str) -> str:
    """Return the version that answers with `recommendations`, made and registered if there is none yet."""
    content = str(int(pd.util.hash_pandas_object(recommendations, index=False).sum()))
    for known in client.search_model_versions(f"name = '{MODEL}'"):
        if known.tags.get("content") == content:
            return known.version
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id):
        table = Path(folder) / "recommendations.parquet"
        recommendations.to_parquet(table, index=False)
        logged = mlflow.pyfunc.log_model(
            name=policy,
            python_model=str(Path(__file__)),
            artifacts={"recommendations": str(table)},
            signature=ModelSignature(
                Schema([ColSpec("string", "member_id")]), params=ParamSchema([ParamSpec("k", "long", 10)])
            ),
            input_example=(recommendations[["member_id"]].drop_duplicates().head(2), {"k": 3}),
            pip_requirements=["mlflow", "pandas", "pyarrow"],
        )
    made = mlflow.register_model(logged.model_uri, MODEL, tags={"content": content, "policy": policy})
    return made.version
