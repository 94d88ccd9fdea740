"""What one instance is told: its folders, its share of the machine, the user's environment.

Invariant: read once from the instance's spec, before any of the model's code runs; never changed.
The environment variables are those of AWS's inference toolkits, with their defaults; a variable the
user gave an empty value counts as not given, because the SageMaker SDK sends it so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from .page import SLOTS_MAX

VERSION = 1
MODEL_DIR = "/opt/ml/model"
PROGRAM = "inference.py"
LOG_LEVEL = 20
TIMEOUT_S = 60
BATCH, BATCH_MAX = 32, 128
JSON = "application/json"

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""What tells numeric libraries how many threads to start."""


class SettingsError(Exception):
    """The spec is of another version or lacks a field: ours, not the user's."""


@dataclass(frozen=True)
class Settings:
    """An instance's settings.

    ``environment`` is the user's alone (the model's Environment); ``variables()`` is all of it.
    ``socket_dir`` holds ``w{index}.sock``, ``page`` and ``failure-{index}.json``.
    """

    socket_dir: str
    model_dir: str = MODEL_DIR
    environment: Mapping[str, str] = field(default_factory=dict)
    vcpus: int = 1
    memory_bytes: int = 0
    gpus: int = 0
    region: str = "us-east-1"
    runtime: str = "generic"
    repository: str = ""
    """The image's: AWS's containers of one framework differ in what they take and answer."""
    endpoint_name: str = ""
    variant_name: str = ""
    instance_id: str = ""
    network_isolation: bool = False
    cores: int = 1
    """Processors this process may use."""
    exact: bool = False
    """Answers are to be the same in the last bit, whoever asks at the same time."""
    one_worker: bool = False
    """One worker where the user gives no number, and not one a vCPU."""

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Settings:
        """Read the keys that are this class's fields from a spec; others are left alone.

        Raises:
            SettingsError: another version, or no ``socket_dir``.
        """
        if spec.get("version", VERSION) != VERSION:
            raise SettingsError(f"spec version {spec['version']}, expected {VERSION}")
        if "socket_dir" not in spec:
            raise SettingsError("the spec names no socket_dir")
        known = {name: spec[name] for name in cls.__dataclass_fields__ if name in spec}
        known.setdefault("cores", len(os.sched_getaffinity(0)))
        given = known.get("environment") or {}
        known["environment"] = {str(key): str(value) for key, value in given.items()}
        return cls(**known)

    def given(self, name: str) -> str:
        """The user's value of a variable, "" when there is none."""
        return self.environment.get(name, "")

    @property
    def workers(self) -> int:
        """How many worker processes serve: the user's number, else one a vCPU that exists.

        The bounds of AWS's PyTorch image hold for the latter.
        """
        count = whole(self.given("SAGEMAKER_MODEL_SERVER_WORKERS"))
        if count is None:
            count = 1 if self.one_worker else min(self.vcpus, self.cores)
            count = min(count, whole(self.given("SAGEMAKER_TS_MAX_WORKERS")) or count)
            count = max(count, whole(self.given("SAGEMAKER_TS_MIN_WORKERS")) or count)
        return max(1, min(count, SLOTS_MAX))

    @property
    def threads(self) -> int:
        """How many threads one worker's numeric libraries may use."""
        return max(1, min(self.vcpus, self.cores) // self.workers)

    @property
    def batch_max(self) -> int:
        """How many requests a model that can may answer at once; 1 is one by one."""
        asked = whole(self.given("SAGEMAKER_TS_BATCH_SIZE"))
        return BATCH if asked is None else max(1, min(asked, BATCH_MAX))

    @property
    def request_limit_s(self) -> float:
        """How long a request may take: the runtime API's 60 s, or the user's longer time."""
        names = ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "SAGEMAKER_TS_RESPONSE_TIMEOUT")
        return max(TIMEOUT_S, *(whole(self.given(name)) or 0 for name in names))

    @property
    def code_dir(self) -> str:
        """Where the user's script lies.

        SAGEMAKER_SUBMIT_DIRECTORY where it is a folder here; as an ``s3://`` URI or a file it names
        where the code came from, and what came lies in ``code/`` of the model.
        """
        given = self.given("SAGEMAKER_SUBMIT_DIRECTORY")
        if given and "://" not in given and os.path.isdir(given):
            return given
        return os.path.join(self.model_dir, "code")

    @property
    def program(self) -> str:
        """The script's path below ``code_dir``; "" when the user named none."""
        return self.given("SAGEMAKER_PROGRAM")

    def accept_or(self, default: str) -> str:
        """What is answered where a caller does not say: by the user's settings, else ``default``.

        AWS's images set the variable to JSON, and a container that answers in another form by
        itself does so all the same.
        """
        return self.given("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or default or JSON

    @property
    def log_level(self) -> int:
        given = whole(self.given("SAGEMAKER_CONTAINER_LOG_LEVEL"))
        return LOG_LEVEL if given is None else given

    def variables(self) -> dict[str, str]:
        """Every environment variable that the model's code is promised."""
        threads = str(self.threads)
        variables = {
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "PYTHONUNBUFFERED": "1",
            "SAGEMAKER_BASE_DIR": os.path.dirname(self.model_dir),
            "SAGEMAKER_CONTAINER_LOG_LEVEL": str(self.log_level),
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": JSON,
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": str(TIMEOUT_S),
            "SAGEMAKER_PROGRAM": PROGRAM,
            "SAGEMAKER_REGION": self.region,
            "SM_MODEL_DIR": self.model_dir,
            "SM_NUM_CPUS": str(self.vcpus),
            "SM_NUM_GPUS": str(self.gpus),
            **dict.fromkeys(THREAD_VARIABLES, threads),
        }
        variables.update({name: value for name, value in self.environment.items() if value})
        variables["SAGEMAKER_MODEL_SERVER_WORKERS"] = str(self.workers)
        variables["SAGEMAKER_SUBMIT_DIRECTORY"] = self.code_dir
        return variables


def whole(text: str) -> Optional[int]:
    """The number that a variable gives; None for what is no plain number of at most nine digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
