"""The soak of scaling: when calls are due, and what is drawn of it."""

import xml.etree.ElementTree as ET

import pytest
from bench import soak_plot
from bench.soak import SHORT, WHOLE, Phase, Seen, _times


def test_calls_are_due_at_the_pace_of_their_phase() -> None:
    due = list(_times([Phase(60, 6), Phase(10, 60)]))
    assert due[:7] == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert len(due) == 6 + 10
    assert due == sorted(due)


@pytest.mark.parametrize("phases", [WHOLE, SHORT])
def test_a_busy_phase_needs_four_instances_and_a_quiet_one_one(phases: tuple[Phase, ...]) -> None:
    quiet, busy, last = phases
    assert busy.a_minute > 3 * quiet.a_minute
    assert last.a_minute == quiet.a_minute
    if phases is WHOLE:
        assert 3 * 70 < busy.a_minute <= 290, "more than three instances hold, and four nearly do"
        assert last.seconds > 15 * 60 + 300, "the low alarm, and a cooldown"


def test_the_plot_is_a_document_with_both_lines() -> None:
    seen = [Seen(float(at), 1 if at < 5 else 4, 4 if at > 2 else 1, at, 0) for at in range(10)]
    drawn = ET.fromstring(soak_plot.draw(seen, [Phase(10, 60)]))
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 4, 4]
