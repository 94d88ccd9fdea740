"""`hostler rollout` in words."""

from hostler.cli.rollout import lines

UNDER_WAY = {
    "EndpointName": "demo",
    "EndpointStatus": "Updating",
    "EndpointConfigName": "v1",
    "LastModifiedTime": "2026-11-28T09:00:00+00:00",
    "FailureReason": None,
    "Steps": [
        {
            "Status": "Baking",
            "Message": "Step 1 of 2, 0.1 of the traffic, until 2026-11-28T09:01:00Z.",
            "Since": "2026-11-28T09:00:00Z",
        }
    ],
    "Alarms": {"errors": "OK", "latency": "deleted"},
    "Fleets": [],
}


def test_the_step_and_the_alarms_are_told() -> None:
    assert list(lines(UNDER_WAY)) == [
        "demo is Updating on v1",
        (
            "  2026-11-28T09:00:00Z  Baking: Step 1 of 2, 0.1 of the traffic, until "
            "2026-11-28T09:01:00Z."
        ),
        "  alarm errors is OK",
        "  alarm latency is deleted",
    ]


def test_afterwards_it_is_told_why_it_was_taken_back() -> None:
    after = {
        **UNDER_WAY,
        "EndpointStatus": "InService",
        "Steps": [],
        "Alarms": {},
        "FailureReason": "The deployment was rolled back.",
    }
    assert list(lines(after)) == [
        "demo is InService on v1",
        "  2026-11-28T09:00:00+00:00  The deployment was rolled back.",
    ]
    assert list(lines(after, but="The deployment was rolled back.")) == ["demo is InService on v1"]
