"""What `hostler rollout` tells of an update that is over: words, bars, a drawing."""

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hostler.cli import update_plot, updates
from hostler.cli.output import CommandError
from hostler.cli.side_calls import Window, row

AT = 1_795_856_400.0  # 2026-11-28T09:00:00Z
FIRED = {
    "AlarmName": "guard",
    "Since": AT + 29.5,
    "StateReason": "Threshold Crossed",
    "Message": 'Alarm "guard", in ALARM since 09:00:29: 5 > 1. Threshold Crossed',
}


def event(after: float, share: float, message: str, **more: Any) -> dict[str, Any]:
    return {
        "Time": AT + after,
        "Stage": "Baking",
        "Blue": {"Share": 1 - share, "Instances": 2},
        "Green": {"Share": share, "Instances": 2 if share else 0},
        "Message": message,
        **more,
    }


UPDATE: dict[str, Any] = {
    "Number": 4,
    "EndpointConfigName": "two",
    "VariantNames": ["v"],
    "PreviousEndpointConfigName": "one",
    "PreviousVariantNames": ["v"],
    "Asked": AT,
    "Ended": AT + 32,
    "Plan": "CANARY 10 %, 100 %; each watched for 60 s; alarms guard",
    "Outcome": "RolledBack",
    "Summary": "rolled back after 32 s, the rollback took 2 s",
    "FailureReason": "why",
    "Events": [
        event(0, 0, "Starting the new instances."),
        event(8, 0.1, "Step 1 of 2: turning 10 % of the traffic to the new instances."),
        event(30, 0, "All traffic is the old instances' again. why", AlarmsFired=[FIRED]),
        event(32, 0, "Back as before; the rollback took 2 s."),
    ],
}


def told(width: int | None) -> list[str]:
    return [line.plain for line in updates.lines(UPDATE, width)]


def test_a_story_has_a_line_for_each_step_and_what_the_alarm_saw() -> None:
    assert told(None) == [
        "update 4: two in place of one",
        "  rolled back after 32 s, the rollback took 2 s",
        "  2026-11-28 09:00:00 UTC: CANARY 10 %, 100 %; each watched for 60 s; alarms guard",
        "",
        "  UTC       BLUE         GREEN",
        "  09:00:00  100 % on 2   0 %          Starting the new instances.",
        (
            "  09:00:08  90 % on 2    10 % on 2    Step 1 of 2: turning 10 % of the traffic to the "
            "new instances."
        ),
        "  09:00:30  100 % on 2   0 %          All traffic is the old instances' again. why",
        (
            "                                      "
            'Alarm "guard", in ALARM since 09:00:29: 5 > 1. Threshold Crossed'
        ),
        "  09:00:32  100 % on 2   0 %          Back as before; the rollback took 2 s.",
        "",
        "  blue   " + "█" * 15 + "▇" * 42 + "█" * 3,
        "  green  " + "·" * 15 + "▁" * 42 + "·" * 3,
        "         09:00:00" + " " * 44 + "09:00:32",
    ]


@pytest.mark.parametrize("width", [80, 60, 40])
def test_a_terminal_s_lines_are_no_longer_than_it_is_wide(width: int) -> None:
    lines = told(width)
    assert max(map(len, lines)) <= width
    said = " ".join(" ".join(lines).split())
    assert "Step 1 of 2: turning" in said
    assert all(len(line) <= width for line in lines)


def test_what_lasted_less_than_a_bar_is_seen_all_the_same() -> None:
    blink = {**UPDATE, "Events": [event(10, 1.0, "on"), event(10.1, 0, "off"), event(100, 0, "")]}
    blue, green, _axis = (line.plain for line in update_plot.drawn(blink, 20))
    assert green == "  green  ··█" + "·" * 17
    assert blue == "  blue   ██·" + "█" * 17


def test_an_update_without_any_time_has_no_bars() -> None:
    assert [*update_plot.drawn({**UPDATE, "Events": [event(0, 0, "refused")]}, 20)] == []


def test_the_drawing_is_xml_with_the_alarm_by_its_name() -> None:
    nasty = {**FIRED, "AlarmName": "a<b&\x07"}
    events = [*UPDATE["Events"][:2], event(30, 0, "back", AlarmsFired=[nasty])]
    drawing = update_plot.svg({**UPDATE, "Events": events}, "demo")
    texts = [each.text for each in ET.fromstring(drawing).iter() if each.text]
    assert {"demo, update 4", "one", "two", "a<b&\N{REPLACEMENT CHARACTER}"} <= set(texts)


def test_times_are_dates_for_machines() -> None:
    dated = updates.dated(UPDATE)
    assert dated["Asked"] == "2026-11-28T09:00:00.000+00:00"
    assert dated["Events"][2]["AlarmsFired"][0]["Since"] == "2026-11-28T09:00:29.500+00:00"
    assert dated["Events"][1]["Green"] == {"Share": 0.1, "Instances": 2}


def test_an_update_is_chosen_by_its_number() -> None:
    assert updates.chosen([UPDATE], "demo", 4) is UPDATE
    with pytest.raises(CommandError, match="--list"):
        updates.chosen([UPDATE], "demo", 3)


def test_what_was_over_before_is_not_what_goes_on() -> None:
    under_way = {key: UPDATE[key] for key in UPDATE.keys() - {"Outcome", "Ended"}}
    newer = {**UPDATE, "Number": 5}
    assert updates.meant(UPDATE, UPDATE) is None
    assert updates.meant(None, None) is None
    assert updates.meant(under_way, under_way) is under_way
    for before, last in ((under_way, UPDATE), (UPDATE, newer), (None, UPDATE)):
        assert updates.meant(before, last) is last


def test_errors_are_shown_with_their_part_of_the_calls() -> None:
    counts = {"Calls": 200.0, "Errors4XX": 0.0, "Errors5XX": 5.0, "LatencyP99Us": 3210.0}
    assert row(counts) == ("200", "0", "5 (2.5%)", "3.2 ms")
    assert row(dict.fromkeys(counts)) == ("", "", "", "")


def test_points_are_asked_for_as_fine_as_they_are_kept() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ages = (timedelta(minutes=5), timedelta(days=16), timedelta(days=100))
    assert [Window(start, start).period_s(start + age) for age in ages] == [60, 300, 3600]
