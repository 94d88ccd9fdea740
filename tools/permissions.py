"""Who may call what, as a table: the project's users and role, and a stranger, for every operation.

Each cell is what the servers' own rules decide of a call with everything that its resources need to
be told; a test calls the same operations with boto3 and holds the table to the answers.

Invariant: a pure function of the code: no server runs, and nothing is stored.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hostler.api import runtime, tables
from hostler.api.authorize import authorize, context_of
from hostler.api.registry import Call, Operation
from hostler.api.resource_tags import with_tags
from hostler.api.s3 import access
from hostler.api.s3.guard import Asked, Guard, Holding
from hostler.api.s3.kept import Elsewhere
from hostler.api.s3.table import OPERATIONS as S3
from hostler.aws import specs
from hostler.domain.alarm import alarm_arn
from hostler.domain.errors import CallerError
from hostler.domain.ids import AccountId, Region, iam_arn, log_group_arn, root_arn, sagemaker_arn
from hostler.domain.scaling import NAMESPACE, Dimension, target_arn
from hostler.domain.snapshot import Policy, Principal
from hostler.domain.topic import topic_arn
from hostler.iam.evaluate import PolicyEngine
from hostler.store import schema
from hostler.store.database import Store
from hostler.telemetry import logs
from hostler.toolkit import policies
from hostler.toolkit.naming import Project

ACCOUNT, OTHER_ACCOUNT, REGION = "123456789012", "111122223333", "us-east-1"
OWN, OTHERS = Project("acme", "rc", "project-a"), Project("acme", "rc", "project-b")
MODEL = "fraud"
WHO = ("deployer", "caller", "role", "stranger")
ABOUT = ("own", "other")
ORDER = (
    *("sagemaker", "sagemaker-runtime", "application-autoscaling", "s3", "logs", "cloudwatch"),
    *("sns", "iam", "sts", "cloudtrail"),
)
TEXT = """# Who may do what

{note}What `hostler bootstrap` sets up for a project, for every operation: the *deployer* (its own
policy and `HostlerCompletion`), the *caller*, the execution *role*, and a *stranger*: the root of
another account. Each on the project's own resources, and on another project's of the same account.

| | |
|---|---|
| yes | the policies allow it; what a stranger makes and lists is its own account's |
| - | refused with AccessDenied; of a stranger: another account's bucket or role |
| none | the resource does not exist for this account, and the answer says so |

The role acts through SageMaker alone: models are read and logs written in its name.
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """One of those who call."""

    name: str
    principal: Principal


def callers() -> dict[str, Caller]:
    """By name."""
    made = (
        ("deployer", "user", OWN.deployer, (policies.deployer, policies.completion)),
        ("caller", "user", OWN.caller, (policies.caller,)),
        ("role", "role", OWN.execution_role, (policies.execution,)),
    )
    found = {
        name: Caller(
            name,
            Principal(
                iam_arn(ACCOUNT, kind, own),
                ACCOUNT,
                f"AIDA{name.upper()}",
                own,
                tuple(
                    Policy(f"{number}", json.dumps(document(OWN, ACCOUNT, REGION)))
                    for number, document in enumerate(documents)
                ),
                tags={},
            ),
        )
        for name, kind, own, documents in made
    }
    root = Principal(root_arn(OTHER_ACCOUNT), OTHER_ACCOUNT, "1", "root", is_root=True)
    return {**found, "stranger": Caller("stranger", root)}


def sample(project: Project, region: str = REGION) -> dict[str, Any]:
    """Members by name, of a project's resources in a region."""
    endpoint, model = project.endpoint(MODEL), project.model(MODEL)
    user, policy = project.deployer, iam_arn(ACCOUNT, "policy", project.prefix + "own")
    role = iam_arn(ACCOUNT, "role", project.execution_role)
    return {
        "ActionNames": ["s3:GetObject"],
        "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "AlarmName": project.prefix + "errors",
        "AlarmNames": [project.prefix + "errors"],
        "Bucket": project.bucket,
        "CopySource": f"{project.bucket}/models/other",
        "EndpointConfigName": project.endpoint_config(MODEL),
        "EndpointName": endpoint,
        "ExecutionRoleArn": role,
        "GroupName": project.prefix + "group",
        "Key": "models/artifacts/fraud/model.tar.gz",
        "ModelName": model,
        "Name": project.prefix + "ops",
        "Namespace": "Own",
        "PolicyArn": policy,
        "PolicyName": project.prefix + "own",
        "PolicySourceArn": iam_arn(ACCOUNT, "user", user),
        "Protocol": "https",
        "ResourceARN": alarm_arn(region, ACCOUNT, project.prefix + "errors"),
        "ResourceArn": sagemaker_arn(region, ACCOUNT, "endpoint", endpoint),
        "RoleArn": role,
        "RoleName": project.execution_role,
        "SubscriptionArn": topic_arn(region, ACCOUNT, project.prefix + "ops") + ":1",
        "TagKeys": ["Team"],
        "TopicArn": topic_arn(region, ACCOUNT, project.prefix + "ops"),
        "UserName": user,
        "logGroupName": f"/aws/sagemaker/Endpoints/{endpoint}",
        "logStreamName": "AllTraffic/i-0",
        "resourceArn": log_group_arn(region, ACCOUNT, f"/aws/sagemaker/Endpoints/{endpoint}"),
    }


def params(service: str, operation: str, project: Project, region: str = REGION) -> dict[str, Any]:
    """What an operation is told of a project's resources."""
    model = specs.service(service).operation(operation)
    taken = model.input.members if model is not None and model.input is not None else {}
    given = sample(project, region)
    if service == "application-autoscaling":
        given |= _of_scaling(project, region)
    found = {name: value for name, value in given.items() if name in taken}
    if service == "sns" and "ResourceArn" in found:
        found["ResourceArn"] = sample(project, region)["TopicArn"]
    if operation != "CreateModel":
        found.pop("ExecutionRoleArn", None)
    if "ResourcePolic" in operation:
        found.pop("resourceArn", None)  # policies are of the whole account
    return found


def _of_scaling(project: Project, region: str) -> dict[str, Any]:
    """Members that mean something else in Application Auto Scaling."""
    return {
        "ResourceARN": target_arn(region, ACCOUNT, "0"),
        "ResourceId": f"endpoint/{project.endpoint(MODEL)}/variant/AllTraffic",
        "ScalableDimension": Dimension.INSTANCE_COUNT.value,
        "ServiceNamespace": NAMESPACE,
    }


class Judge:
    """Decides as the servers do, over empty stores."""

    def __init__(self) -> None:
        self._store = Store("sqlite://", inline=True, tables=schema.metadata)
        self._logs = Store("sqlite://", inline=True, tables=logs.metadata)
        for store in (self._store, self._logs):
            store.create_tables()

    def close(self) -> None:
        self._store.close()
        self._logs.close()

    def may(self, who: Principal, service: str, operation: str, given: Mapping[str, Any]) -> bool:
        """Whether the policies allow a call."""
        if service == "s3":
            return _may_in_s3(who, operation, given)
        if service == "sagemaker-runtime":
            arn = sagemaker_arn(REGION, who.account, "endpoint", given["EndpointName"])
            return PolicyEngine().decide(who, f"sagemaker:{operation}", arn).allowed
        if operation == "AssumeRole":
            return False  # the project's role trusts SageMaker alone
        if operation == "GetSessionToken" and ":role/" in who.arn:
            return False  # temporary credentials are not prolonged
        table = next(each for each in tables.TABLES if each.service == service)
        return self._may(who, service, table.operations[operation], given)

    def _may(
        self, who: Principal, service: str, operation: Operation, given: Mapping[str, Any]
    ) -> bool:
        call = Call(
            service=service,
            operation=operation.name,
            account=AccountId(who.account),
            region=Region(REGION),
            principal=who,
            params=given,
            now=1_700_000_000.0,
            request_id="r",
        )

        def judge(tx: Any) -> bool:
            try:
                needed = [*operation.access(call)]
                if operation.located is not None:
                    needed += operation.located(tx, call)
                authorize(PolicyEngine(), who, with_tags(tx, call, needed), context_of(call))
            except CallerError as error:
                return "is not authorized" not in error.message and "pass role" not in error.message
            return True

        return (self._logs if service == "logs" else self._store).run(judge)


def _may_in_s3(who: Principal, operation: str, given: Mapping[str, Any]) -> bool:
    guard = Guard(PolicyEngine(), REGION, Elsewhere(ACCOUNT))
    asked = Asked(who, {}, {given.get("Bucket", ""): Holding(ACCOUNT)} if "Bucket" in given else {})
    needs = [*access.needed(operation, given)]
    if operation == "DeleteObjects":
        needs = [
            access.deleting(given["Bucket"], "models/artifacts/fraud/model.tar.gz", None, None)
        ]
    if "CopySource" in given:
        bucket, _, key = given["CopySource"].partition("/")
        needs.append(access.reading(bucket, key, None))
    if operation == "CreateBucket":
        asked.buckets[given["Bucket"]] = None
    return all(guard.decide(asked, need).allowed for need in needs)


def rows() -> Iterator[tuple[str, str, Sequence[str]]]:
    """Service, operation, and the cells: for each of ``ABOUT``, each of ``WHO``."""
    judge, known = Judge(), callers()
    try:
        for service, names in _operations():
            for name in names:
                yield (
                    service,
                    name,
                    [
                        cell(judge, known[who].principal, service, name, project)
                        for project in (OWN, OTHERS)
                        for who in WHO
                    ],
                )
    finally:
        judge.close()


def cell(judge: Judge, who: Principal, service: str, name: str, project: Project) -> str:
    """What a caller meets."""
    allowed = judge.may(who, service, name, params(service, name, project))
    if not allowed:
        return "-"
    return "none" if who.account != ACCOUNT and not _is_free(service, name) else "yes"


def _is_free(service: str, name: str) -> bool:
    """What an account has of its own, whatever others have."""
    own = name.startswith(("Create", "List", "Lookup", "GetCaller", "GetAccount")) or name in {
        "DeleteAlarms",
        "DeleteTopic",
        "DescribeAlarmHistory",
        "DescribeAlarms",
        "DescribeAlarmsForMetric",
        "DescribeLogGroups",
        "DescribeResourcePolicies",
        "DisableAlarmActions",
        "EnableAlarmActions",
        "GetSessionToken",
        "PutCompositeAlarm",
        "PutMetricAlarm",
        "PutResourcePolicy",
        "SimulateCustomPolicy",
        "DescribeScalableTargets",
        "DescribeScalingActivities",
        "DescribeScalingPolicies",
        "DescribeScheduledActions",
        "Unsubscribe",
    }
    of_something = {
        "ListTags",
        "ListTagsForResource",
        "CreateAccessKey",
        "CreatePolicyVersion",
        "CreateLogStream",
    }
    named = service == "iam" and any(
        word in name for word in ("ForUser", "ForRole", "ForPolicy", "Tags", "Attached")
    )
    listed = {"ListUserPolicies", "ListRolePolicies", "ListGroupPolicies", "ListPolicyVersions"}
    return own and not named and name not in of_something | listed


def _operations() -> Iterator[tuple[str, Sequence[str]]]:
    found = {each.service: sorted(each.operations) for each in tables.TABLES}
    found |= {"s3": sorted(S3), "sagemaker-runtime": list(runtime.OPERATIONS)}
    for service in (*ORDER, *sorted(found.keys() - set(ORDER))):
        yield service, found[service]


def page(note: str) -> str:
    """The whole document."""
    parts, service = [TEXT.format(note=note)], ""
    refused: list[str] = []
    head = " | ".join(f"{who}: {about}" for about in ABOUT for who in WHO)
    for of, name, cells in rows():
        if of != service:
            parts += _left_out(refused)
            service, refused = of, []
            parts.append(f"\n## {of}\n\n| | {head} |\n|---|{'---|' * len(cells)}\n")
        if {*cells[:3], *cells[4:7]} == {"-"}:
            refused.append(name)
        else:
            parts.append(f"| {name} | {' | '.join(cells)} |\n")
    return "".join([*parts, *_left_out(refused)])


def _left_out(names: Sequence[str]) -> list[str]:
    return [f"\nRefused to deployer, caller and role: {', '.join(names)}.\n"] if names else []
