"""The live policy's scorer as an MLflow model: members in, by id or with their events, what is known of them out.

This file is also the model's code (models-from-code): MLflow stores a copy of it, and of the package `membership`,
beside the files that `scorer.pack` makes. So the model needs this checkout no more, only the libraries it lists.
"""

import hashlib
import importlib.metadata
import logging
import shutil
import tempfile
from datetime import date
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.exceptions import INTERNAL_ERROR, INVALID_PARAMETER_VALUE, MlflowException
from mlflow.models import ModelSignature, set_model
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Object, ParamSchema, ParamSpec, Property, Schema

MODEL = "membership"
DESCRIPTION = (
    "What the membership programme knows of a member at a moment: the chance of the next order, value with interval, "
    "stage, tier and distance to the next, points, benefits and recommended items with reasons. Send `member_id` for "
    "members of the batch run; send `events` (and `joined_at`, if known) along for any others, and for whoever did "
    "something since; `now` is the moment, without it that of the batch run."
)
NEEDS = (
    "mlflow", "pandas", "numpy", "scipy", "torch", "ibis-framework", "duckdb", "fsspec", "pyarrow", "pydantic",
    "pyyaml", "pandera", "safetensors", "sqlalchemy", "threadpoolctl", "scikit-learn", "tqdm",
)  # fmt: skip


class Scorer(mlflow.pyfunc.PythonModel):
    """Answers as `membership.pipeline.scorer.Scorer` does; what it refuses is the request's fault, a 4xx.

    Where the log of trials does not answer it says 503, and 500 where the fault is its own.
    """

    def load_context(self, context) -> None:
        """Load what was packed."""
        from membership.pipeline import scorer

        self._scorer = scorer.Scorer(Path(context.artifacts["scorer"]))

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> list[dict]:
        """Return one object a member, in the order asked. Raises MlflowException for what cannot be answered."""
        from membership.base.errors import ProjectError
        from membership.trials.log import Lost

        try:
            asked = params or {}
            k, request_id = asked.get("k", self._scorer.p.recommend.k), asked.get("request_id") or None
            return self._scorer.answer(model_input, k, asked.get("now"), request_id)
        except Lost as error:
            logging.getLogger(__name__).exception("nothing is answered that cannot be logged")
            told = "the log of trials does not answer, so nothing was shown; ask again later."
            raise MlflowException(told, error_code=TEMPORARILY_UNAVAILABLE) from error
        except ProjectError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error
        except Exception as error:  # a fault of ours, which MLflow would call the client's
            logging.getLogger(__name__).exception("a request could not be answered")
            told = "this request cannot be answered; the server's log says why."
            raise MlflowException(told, error_code=INTERNAL_ERROR) from error


set_model(Scorer())


def signature(k: int, as_of: date) -> ModelSignature:
    """Return what goes in and comes out; `k` items and the moment `as_of` unless asked for others.

    `events` is any JSON: `request` says more clearly what is wrong with it than a schema would, and ten times sooner.
    """
    from membership.pipeline import scorer

    text, number, whole = DataType.string, DataType.double, DataType.long
    kinds = dict.fromkeys(scorer.COLUMNS, text) | dict.fromkeys(scorer.WORTH, number)
    kinds |= dict.fromkeys(("model_age_days", "to_next", "spend_to_next", "points"), whole) | {"benefits": Array(text)}
    untold = ("next_tier", "stage", *scorer.WORTH)  # in the top tier; of who refused profiling
    item = dict.fromkeys(scorer.ITEM, text) | {"rank": whole, "score": number}
    kinds["items"] = Array(Object([Property(name, kind) for name, kind in item.items()]))
    return ModelSignature(
        Schema(
            [
                ColSpec("string", "member_id"),
                ColSpec(AnyType(), "events", required=False),
                ColSpec("string", "joined_at", required=False),
            ]
        ),
        Schema([ColSpec(kind, name, required=name not in untold) for name, kind in kinds.items()]),
        ParamSchema(
            [
                ParamSpec("k", "long", k),
                ParamSpec("now", "string", as_of.isoformat()),
                ParamSpec("request_id", "string", ""),
            ]
        ),
    )


def register(run_id: str) -> None:
    """Register a scorer for both policies of the last evaluation, and point the aliases at them.

    `champion` mirrors `champion.json`, which stays the truth; `challenger` is what stage tune has chosen. What is
    registered already keeps its version. Raises the errors of `champions.live`, DataError where a stage has left
    nothing to answer from, and Unreachable where the registry does not answer. Aliases move only once both are there.
    """
    from membership.evaluate import champions
    from membership.pipeline import scorer, track

    live = {name: champions.live()[name] for name in ("policy", "settings")}
    try:
        client, _ = track.connect()
        _make_registry(client)
        arms = {"champion": live, "challenger": champions.challenger()}
        with tempfile.TemporaryDirectory() as folder:
            scorer.pack(Path(folder) / "any")
            versions = {arm: _version(client, Path(folder), arm, arms, run_id) for arm in arms}
        for arm, version in versions.items():
            client.set_registered_model_alias(MODEL, arm, version)
    except MlflowException as error:
        raise track.Unreachable(
            f"the model registry does not answer ({str(error).splitlines()[0][:200]}); what is served has not changed. "
            "Fix it, then register what was decided with `dvc repro --force --single-item decide`."
        ) from error


def application(alias: str):
    """Return the ASGI application that answers from the registered model `alias`. Raises Unreachable where none is."""
    from mlflow.pyfunc import scoring_server

    from membership.pipeline import track

    try:
        track.connect()
        return scoring_server.init(mlflow.pyfunc.load_model(f"models:/{MODEL}@{alias}"))
    except MlflowException as error:
        raise track.Unreachable(
            f"no model {MODEL}@{alias} can be loaded ({str(error).splitlines()[0][:200]}); run `dvc repro`, which "
            "registers it."
        ) from error


def _make_registry(client) -> None:
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL, description=DESCRIPTION)


def _version(client, folder: Path, arm: str, arms: dict[str, dict], run_id: str) -> str:
    """Return the version that answers for policy `arm` of `arms` as the batch run did, made if there is none yet."""
    from membership.pipeline import masks, scorer, track
    from membership.settings import params

    packed, live = folder / arm / "scorer", arms[arm]
    shutil.copytree(folder / "any", packed)
    scorer.pack_policy(packed, arm, live, next(one for name, one in arms.items() if name != arm))
    masks.hide(packed)
    content, p = _digest([packed, _package()]), params.parse(params.read())
    for known in client.search_model_versions(f"name = '{MODEL}'"):
        if known.tags.get("content") == content:
            return known.version
    example = scorer.example(packed)
    try:
        with mlflow.start_run(run_id=run_id):
            logged = mlflow.pyfunc.log_model(
                name=arm,
                python_model=str(Path(__file__)),
                artifacts={"scorer": str(packed)},
                code_paths=[str(_package())],
                signature=signature(p.recommend.k, p.windows.as_of),
                input_example=(example, {"k": 3}),
                pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in NEEDS],
            )
    except OSError as error:  # the place of MLflow's files, not ours: what is packed lies there already
        raise track.Unreachable(
            f"the model of the {arm} cannot be written to MLflow ({error}); what is served has not changed. "
            "Make room, then register what was decided with `dvc repro --force --single-item decide`."
        ) from error
    made = mlflow.register_model(logged.model_uri, MODEL, tags={"content": content, "policy": live["policy"]})
    return made.version


def _package() -> Path:
    return Path(__file__).resolve().parents[1]


def _digest(folders: list[Path]) -> str:
    """Return a digest of all files in `folders` but compiled ones."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
