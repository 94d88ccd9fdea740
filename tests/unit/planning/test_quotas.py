"""What fits an account's quotas: counted by hand."""

from collections import Counter

import pytest

from hostler.domain.config import Quotas
from hostler.domain.endpoint import EndpointStatus, Size
from hostler.domain.errors import CallerError
from hostler.domain.ids import DeploymentId
from hostler.planning import quotas
from planning_pieces import deployment, endpoint, variant

TYPE = "ml.m5.large"
ONE, TWO = deployment(1, variant("a", 2)), deployment(2, variant("a", 1), variant("b", 4))
RUNS = {ONE.id: ONE, TWO.id: TWO}
D1, D2 = DeploymentId("d-1"), DeploymentId("d-2")


@pytest.mark.parametrize(
    ("status", "changes", "count"),
    [
        (EndpointStatus.CREATING, {}, 2),
        (EndpointStatus.IN_SERVICE, {"current": D1}, 2),
        (EndpointStatus.IN_SERVICE, {"current": D1, "sizes": {"a": Size(1.0, 6)}}, 6),
        (EndpointStatus.UPDATING, {"current": D1, "asked": {"a": Size(1.0, 3)}}, 3),
        (EndpointStatus.UPDATING, {"current": D1, "target": D2}, 7),
        (EndpointStatus.FAILED, {}, 0),
    ],
)
def test_what_is_in_use(status: EndpointStatus, changes: dict[str, object], count: int) -> None:
    assert quotas.used([(endpoint(status, **changes), RUNS)]).total() == count


@pytest.mark.parametrize(
    ("limits", "used", "delta", "said"),
    [
        (
            Quotas(instances_by_type={TYPE: 0}),
            0,
            1,
            (
                "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances, "
                "with current utilization of 0 Instances and a request delta of 1 Instances. "
                "Please contact AWS support to request an increase for this limit."
            ),
        ),
        (Quotas(instances_by_type={TYPE: 3}), 2, 2, "is 3 Instances, with current utilization of"),
        (Quotas(instances_by_type={TYPE: 4}), 2, 2, None),
        (Quotas(instances_by_type={"ml.c5.large": 0}), 2, 2, None),
        (Quotas(instances=3), 2, 2, "'Number of instances across active endpoints' is 3 Instances"),
        (Quotas(instances=3), 9, 0, None),
        (Quotas(instances_per_endpoint=1), 0, 2, "instances_per_endpoint"),
        (Quotas(instances_per_endpoint=None), 0, 10_000, None),
        (Quotas(), 400, 400, None),
    ],
)
def test_instances(limits: Quotas, used: int, delta: int, said: str | None) -> None:
    before, more = Counter({TYPE: used}), Counter({TYPE: delta})
    if said is None:
        quotas.check_instances(limits, before, more, more)
        return
    with pytest.raises(CallerError) as caught:
        quotas.check_instances(limits, before, more, more)
    assert caught.value.code == "ResourceLimitExceeded"
    assert said in caught.value.message
