from hostler.backends.process.backend import KILL_MARGIN_S
from hostler.cli import up
from hostler.domain import endings
from hostler.gateway.limits import Limits


def test_who_waits_for_an_end_waits_longer_than_the_other_gives_itself() -> None:
    limits = Limits()
    assert limits.invocation_s < limits.drain_s < endings.GATEWAY_KILL_S
    assert endings.CONTROL_S < endings.CONTROL_KILL_S
    assert endings.S3_S < endings.S3_KILL_S
    assert endings.INSTANCE_S + KILL_MARGIN_S < endings.INSTANCE_KILL_S
    assert endings.EVERYTHING_KILL_S < up.DOWN_TIMEOUT_S
