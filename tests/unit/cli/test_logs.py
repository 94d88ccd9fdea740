from hostler.cli.logs import LATE_MS, News


def test_an_event_is_shown_once() -> None:
    news = News()
    assert news.add("a", 1_000)
    assert not news.add("a", 1_000)
    assert news.add("b", 1_000)


def test_a_line_that_arrives_late_is_asked_for_again_and_shown() -> None:
    news = News()
    news.add("new", 60_000)
    news.forget_old()
    assert news.since_ms == 60_000 - LATE_MS
    assert news.add("late", 55_000)
    assert not news.add("new", 60_000)


def test_what_will_not_come_again_is_forgotten() -> None:
    news = News()
    for at in range(100):
        news.add(str(at), at * 1_000)
    news.forget_old()
    assert not news.add("89", 89_000)
    assert news.add("88", 88_000)
