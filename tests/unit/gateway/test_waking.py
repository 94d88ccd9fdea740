"""When a gateway says that a serverless variant is used, with literal moments."""

from hostler.gateway.waking import ASK_AGAIN_S, REPORT_S, Call, Waking


def test_the_first_request_asks_at_once_and_the_others_not_again() -> None:
    waking = Waking()
    for _ in range(3):
        waking.began(10.0)
    assert waking.at_once(10.0) == Call(1, 0.0)
    assert waking.at_once(10.1) is None


def test_what_was_asked_for_is_not_taken_back_by_a_report() -> None:
    waking = Waking()
    for _ in range(3):
        waking.began(10.0)
    assert waking.at_once(10.0) == Call(1, 0.0)
    assert waking.due(10.5, 0, 3) is None
    assert waking.due(10.6, 1, 3) == Call(0, 0.0), "there is one: it is used"


def test_who_asked_and_left_is_reported() -> None:
    waking = Waking()
    waking.began(10.0)
    assert waking.at_once(10.0) == Call(1, 0.0)
    waking.ended(10.2)
    assert waking.due(10.7, 0, 0) == Call(0, 0.5)


def test_what_may_have_got_lost_is_asked_for_again_while_it_is_needed() -> None:
    waking = Waking()
    waking.began(10.0)
    waking.at_once(10.0)
    assert waking.due(10.0 + ASK_AGAIN_S, 0, 1) == Call(1, 0.0)
    assert waking.due(10.1 + ASK_AGAIN_S, 0, 1) is None
    waking.ended(11.5)
    assert waking.due(20.0, 0, 0) == Call(0, 8.5), "nobody waits any more"


def test_an_unused_variant_is_silent_and_a_used_one_is_told_of_now_and_then() -> None:
    waking = Waking()
    assert waking.due(5.0, 0, 0) is None
    waking.began(10.0)
    waking.ended(10.2)
    assert waking.due(10.5, 1, 0) == Call(0, 0.3000000000000007)
    assert waking.due(11.6, 1, 0) is None
    waking.began(11.7)
    waking.ended(11.8)
    assert waking.due(11.9, 1, 0) == Call(0, 11.9 - 11.8)
    waking.began(12.0)
    assert waking.due(12.0 + REPORT_S / 2, 1, 1) is None, "not twice within a second"


def test_one_that_computes_for_long_is_used_all_the_while() -> None:
    waking = Waking()
    waking.began(10.0)
    for second in range(11, 50):
        call = waking.due(float(second), 1, 1)
        assert call == Call(0, 0.0)


def test_requests_that_would_wait_long_are_worth_further_environments() -> None:
    waking = Waking()
    for _ in range(6):
        waking.began(10.0)
    waking.due(10.0, 1, 6)
    assert waking.due(10.5, 1, 6) is None, "too soon to tell"
    assert waking.due(11.0, 1, 6) == Call(6, 0.0), "nothing was answered"
    assert waking.due(12.0, 6, 6) == Call(0, 0.0), "each has its own"
    for _ in range(5):
        waking.ended(12.5)
        waking.began(12.5)
    assert waking.due(13.0, 1, 6) == Call(2, 0.0), "1.2 seconds' work lie there"


def test_the_time_of_the_start_says_nothing_of_the_pace() -> None:
    waking = Waking()
    for _ in range(200):
        waking.began(10.0)
    assert waking.at_once(10.0) == Call(1, 0.0)
    assert [waking.due(10.0 + n, 0, 200) for n in range(1, 20)] == [Call(1, 0.0)] * 19
    assert waking.due(30.0, 1, 200) == Call(0, 0.0), "the first environment has just come"
    for _ in range(190):
        waking.ended(30.1)
    assert waking.due(31.0, 1, 10) == Call(0, 0.0), "one is enough"


def test_a_new_life_of_control_hears_it_again() -> None:
    waking = Waking()
    waking.began(10.0)
    waking.ended(10.0)
    assert waking.due(10.5, 1, 0) is not None
    assert waking.due(20.0, 1, 0) is None
    waking.forget()
    assert waking.due(20.5, 1, 0) == Call(0, 10.5)
