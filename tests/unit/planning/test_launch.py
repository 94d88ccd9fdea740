"""From a frozen variant to what a backend is asked to run."""

from dataclasses import replace

import pytest

from hostler.domain.ids import DeploymentId, InstanceId
from hostler.domain.instance import InstanceRecord
from hostler.domain.instance_types import INSTANCE_TYPES, InstanceType
from hostler.planning.launch import specification
from planning_pieces import NOW, OWNER, endpoint, variant


@pytest.mark.parametrize("shadow", [False, True])
def test_a_shadow_runs_in_the_background(shadow: bool) -> None:
    record = InstanceRecord(InstanceId("i-1"), OWNER, DeploymentId("d-1"), "v", 0, NOW, NOW)
    spec = specification(endpoint(), replace(variant(), shadow=shadow), record)
    assert spec.background is shadow


def test_an_instance_has_the_size_that_was_frozen_whatever_its_type_is_today() -> None:
    kind = InstanceType("ml.gone.large", 3, 5 << 30, gpus=1)
    assert kind.name not in INSTANCE_TYPES
    record = InstanceRecord(InstanceId("i-1"), OWNER, DeploymentId("d-1"), "v", 0, NOW, NOW)
    spec = specification(endpoint(), replace(variant(), instance_type=kind), record)
    assert (spec.instance_type, spec.vcpus, spec.memory_bytes, spec.gpus) == (
        kind.name,
        3,
        5 << 30,
        1,
    )
