import os
from pathlib import Path

import pytest

from hostler.app import serving
from hostler.app.serving import served
from hostler.app.settings import Settings
from hostler.backends.process import folders, observing
from hostler.backends.process.runtimes import Runtimes
from hostler.domain.config import AddedRuntime, Config
from hostler.domain.config import Runtimes as RuntimeSettings
from hostler.domain.model import Container
from hostler.modelserver import folder, identity
from hostler.modelserver.sandbox import SandboxPlan
from instance_specs import instance_spec

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("sagemaker-scikit-learn:1.2-1", "scikit-learn 1.9.1, nearest to 1.2-1"),
        ("sagemaker-scikit-learn:1.9-1-cpu-py3", "scikit-learn 1.9.1"),
        ("sagemaker-scikit-learn:1.90", "scikit-learn 1.9.1, nearest to 1.90"),
        ("sagemaker-scikit-learn:1", "scikit-learn 1.9.1"),
        ("sagemaker-scikit-learn:latest", "scikit-learn 1.9.1"),
        ("sagemaker-scikit-learn", "scikit-learn 1.9.1"),
        ("sagemaker-inference:7.0", "scikit-learn 1.9.1"),
        ("gone-from-the-catalogue:7.0", "scikit-learn 1.9.1"),
    ],
)
def test_what_serves_is_told_with_what_was_asked_for(image: str, told: str) -> None:
    assert served(Runtimes.shipped(), "scikit-learn 1.9.1", f"{ECR}/{image}") == told


def test_images_of_the_installation_s_own_runtimes_are_known(tmp_path: Path) -> None:
    own = AddedRuntime(("sklearn",), ("scikit-learn==1.5.2",), framework="scikit-learn")
    config = Config(runtimes=RuntimeSettings(add={"corp": own}))
    settings = Settings(tmp_path, config)
    spec = instance_spec("i-0123456789abcdef0", container=Container(f"{ECR}/sklearn:1.2", {}, None))
    path = settings.layout.instance(spec.instance_id)
    folders.create(path, spec, None)
    plan = folder.LaunchPlan(spec.instance_id, SandboxPlan(root="/r"), {}, "/p", 1.0)
    launched = {
        observing.RUNTIME: "scikit-learn 1.5.2",
        observing.DIGEST: "d",
        observing.SINCE: 1.0,
    }
    shim = {"pid": os.getpid(), "start_time": identity.start_time(os.getpid())}
    with folders.opened(path) as directory:
        folder.write_json(directory, folder.LAUNCH, {**plan.to_json(), **launched})
        folder.write_json(directory, folder.SHIM, shim)
    (found,) = serving.instances(settings)
    assert found.runtime == "scikit-learn 1.5.2, nearest to 1.2"
