"""AWS's multi-model-server under the SageMaker inference toolkit, one worker.

https://github.com/aws/sagemaker-inference-toolkit: a script in model/code, served by the toolkit's
own `start_model_server`. It listens on every address.
"""

import contextlib
import shutil
from collections.abc import Iterator

from bench.peers.base import APPS, AbsentError, Kind, Peer, Place, served


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    if not place.own_network:
        raise AbsentError("it listens on every address, which only root can confine")
    port = 8080  # it refuses most ports above 32767
    code = place.work / "model/code"
    code.mkdir(parents=True)
    shutil.copy(APPS / "toolkit_script.py", code / "inference.py")
    environment = {
        "SAGEMAKER_BASE_DIR": str(place.work),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(code),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "LOG_LOCATION": str(place.work),
        "METRICS_LOCATION": str(place.work),
    }
    command = (place.python, APPS / "toolkit_app.py", place.work / "mms.properties")
    with served(
        place, KIND.name, *command, port=port, target="/invocations", env=environment
    ) as peer:
        yield peer


KIND = Kind(
    name="multi-model-server",
    title="AWS's multi-model-server + sagemaker-inference",
    start=start,
    version="multi-model-server {multi-model-server}, sagemaker-inference {sagemaker-inference}, "
    "Java {java}",
    # The toolkit imports pkg_resources, which setuptools no longer has.
    requirements=(
        "multi-model-server==1.1.11",
        "sagemaker-inference==1.10.1",
        "setuptools<81",
    ),
    programs=("java",),
    only_with_all=True,
)
