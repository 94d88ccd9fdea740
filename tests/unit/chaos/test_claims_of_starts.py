"""What F4 allows between starts, beside what is planned."""

from itertools import pairwise

from chaos.instances import backoffs

from hostler.planning.deadlines import backoff_s


def test_the_seventh_wait_may_be_half_of_a_minute_as_the_cap_is_jittered_as_well() -> None:
    planned = [[backoff_s(f"i-{seed}", number) for seed in range(500)] for number in range(1, 9)]
    for waits, (least, most) in zip(planned, backoffs(8), strict=True):
        assert least <= min(waits) < least * 1.05
        assert most * 0.95 < max(waits) <= most
    assert all(earlier[0] < later[0] for earlier, later in pairwise(backoffs(7)))
    assert backoffs(7)[6] == (30.0, 60.0)
