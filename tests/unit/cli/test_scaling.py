"""`hostler scaling explain` in words: what is shown of policies, alarms and decisions."""

from dataclasses import replace

from hostler.cli.scaling import lines, plot
from hostler.toolkit.scaling import Decided, Explanation, PolicyView, Watch

HIGH = Watch(
    alarm="TargetTracking-endpoint/e/variant/v-AlarmHigh-1",
    state="ALARM",
    reason="Threshold Crossed",
    metric="Sum of AWS/SageMaker InvocationsPerInstance",
    comparison="GreaterThanThreshold",
    threshold=70.0,
    period_s=60,
    needed=3,
    evaluated=3,
    points=[(60.0, 0.0), (120.0, 70.0), (240.0, 140.0)],
)
DECIDED = Decided(
    at=300.0,
    what="Setting desired instance count to 4.",
    status="Successful",
    cause="monitor alarm high in state ALARM triggered policy track",
    message="Successfully set desired instance count to 4.",
    reasons=[],
    evidence={
        "proposals": [{"policy": "track", "formula": "ceil(1 * 280 / 70) = 4"}],
        "cooldown": {"direction": "out", "holds": True, "until": 420.0},
    },
)
FOUND = Explanation(
    endpoint="e",
    variant="v",
    status="InService",
    current=2,
    desired=2,
    is_serverless=False,
    min=1,
    max=4,
    suspended=["DynamicScalingInSuspended"],
    policies=[PolicyView("track", "TargetTrackingScaling", 70.0, "ceil(2 * 210 / 70) = 6", [HIGH])],
    decisions=[DECIDED],
)


def test_what_bears_on_a_variant_is_said() -> None:
    assert [line.plain for line in lines(FOUND)] == [
        "e / v: InService, 2 instances, 2 desired, between 1 and 4",
        "  DynamicScalingInSuspended",
        "\npolicy track (TargetTrackingScaling, target 70)",
        "  ALARM  TargetTracking-endpoint/e/variant/v-AlarmHigh-1",
        "    Sum of AWS/SageMaker InvocationsPerInstance > 70, 3 of 3 periods of 60 s",
        "    ▁▅·█  newest 140 at 00:04:00",
        "  by its formula now: ceil(2 * 210 / 70) = 6, within the bounds 4",
        "\nlast decisions",
        "00:05:00  Setting desired instance count to 4.  Successful",
        "          monitor alarm high in state ALARM triggered policy track",
        "          Successfully set desired instance count to 4.",
        "          track: ceil(1 * 280 / 70) = 4",
        "          cooldown of the last scale-out: until 00:07:00",
    ]


def test_provisioned_concurrency_is_called_so() -> None:
    (first, *_) = lines(replace(FOUND, is_serverless=True))
    assert first.plain.startswith("e / v: InService, provisioned concurrency 2, 2 desired")


def test_what_is_beyond_the_threshold_is_red() -> None:
    drawn = plot(HIGH)
    assert [span.style for span in drawn.spans] == ["green", "green", "dim", "red"]
    low = replace(HIGH, comparison="LessThanThreshold", threshold=63.0)
    assert [span.style for span in plot(low).spans] == ["red", "green", "dim", "green"]
    assert plot(replace(HIGH, points=[])).plain == "no data"


def test_a_variant_without_policies_and_a_policy_whose_alarms_are_missing_say_so() -> None:
    bare = replace(FOUND, policies=[], decisions=[], suspended=[])
    assert "no scaling policy" in [line.plain for line in lines(bare)][-1]
    step = PolicyView("steps", "StepScaling", None, None, [])
    deaf = replace(FOUND, policies=[step], decisions=[], suspended=[])
    assert "no alarm calls it" in [line.plain for line in lines(deaf)][-1]
    tracking = PolicyView("track", "TargetTrackingScaling", 70.0, None, [], [HIGH.alarm])
    lame = replace(FOUND, policies=[tracking], decisions=[], suspended=[])
    gone, why = [line.plain for line in lines(lame)][-2:]
    assert gone == f"  GONE  {HIGH.alarm}"
    assert why.endswith("does not scale out any more; put the policy again to mend it")
    held = replace(DECIDED, reasons=["AlreadyAtMaxCapacity"], evidence={})
    told = [line.plain for line in lines(replace(FOUND, decisions=[held]))]
    assert told[-1].strip() == "AlreadyAtMaxCapacity"
