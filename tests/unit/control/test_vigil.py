from hostler.control.vigil import Vigil


class Machine:
    """Its time, and how much of that it slept."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.slept_s = 77.0

    def now(self) -> float:
        return self.time

    def asleep(self) -> float:
        return self.slept_s


def test_a_process_watches_since_its_machine_woke_last() -> None:
    machine = Machine()
    vigil = Vigil(machine, machine.asleep)
    assert vigil.since == 1_000.0
    machine.time = 2_000.0
    assert vigil.since == 1_000.0, "time that passes is watched"
    machine.time, machine.slept_s = 9_000.0, 7_000.0
    assert vigil.since == 9_000.0
    machine.time = 9_500.0
    assert vigil.since == 9_000.0
