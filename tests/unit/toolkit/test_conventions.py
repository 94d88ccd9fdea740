import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import blocks
import pytest

from hostler.domain import ids
from hostler.domain.snapshot import Policy, Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.toolkit import policies, shell
from hostler.toolkit.connection import Connection
from hostler.toolkit.credentials import Key
from hostler.toolkit.naming import NamingError, Project

PROJECT = Project("acme", "rc", "project-a")
REGION, ACCOUNT = "ap-southeast-1", "123456789012"
KEY = Key("rc-project-a-deployer", "deployer", "AKIA", "it's secret", "acme-sm-rc-project-a")


def test_names_follow_the_patterns() -> None:
    assert PROJECT.model("fraud") == "rc-project-a-fraud-v1"
    assert PROJECT.endpoint_config("fraud") == "rc-project-a-fraud-config"
    assert PROJECT.endpoint("fraud") == "rc-project-a-fraud-ep"
    assert PROJECT.bucket == "acme-sm-rc-project-a"
    assert PROJECT.execution_role == "SageMaker-Rc-Project-A-ExecutionRole"
    assert {"Key": "Version", "Value": "v1"} in PROJECT.tags("fraud")


@pytest.mark.parametrize("word", ["", "A", "a--b", "a_b", "-a", "a-", "a b", "ä"])
def test_a_word_that_names_cannot_hold_is_refused(word: str) -> None:
    with pytest.raises(NamingError, match="--team"):
        Project("acme", word, "p")


def test_a_bucket_name_that_s3_would_refuse_is_refused_first() -> None:
    with pytest.raises(NamingError, match="63"):
        Project("a" * 40, "b" * 20, "c" * 20)


@pytest.mark.parametrize("project", [PROJECT, Project("company", "recommender", "next-best-offer")])
def test_a_users_inline_policies_fit_iams_quota(project: Project) -> None:
    """IAM: 2,048 characters for a user's inline policies together, white space not counted."""
    documents = (
        policies.deployer(project, ACCOUNT, REGION),
        policies.completion(project, ACCOUNT, REGION),
    )
    size = sum(len("".join(json.dumps(document).split())) for document in documents)
    assert size <= 2048


def test_the_users_own_proxy_exceptions_are_kept_in_both_spellings(tmp_path: Path) -> None:
    connection = Connection("http://127.0.0.1:4747", REGION, ACCOUNT, KEY)
    environ = {"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "internal.example"}
    variables = shell.exports(connection, tmp_path / "sdk.yaml", environ)
    assert variables["NO_PROXY"] == "internal.example,127.0.0.1,localhost"
    assert variables["no_proxy"] == variables["NO_PROXY"]


NASTY = 'it\'s "secret" $(touch /tmp/owned) `id` \\ !x\n#ä'


USE = 'eval "$1"; printf "%s|%s|%s" "$SECRET" "$EMPTY" "${AWS_SESSION_TOKEN-}"'


def test_exports_survive_a_shell(tmp_path: Path) -> None:
    words = shlex.join(["hostler", "env", "--data-dir", NASTY])
    text = shell.script({"SECRET": NASTY, "EMPTY": ""}, ["AWS_SESSION_TOKEN"], words)
    printed = subprocess.run(
        ["/bin/sh", "-euc", USE, "sh", text],
        env={"AWS_SESSION_TOKEN": "of another account"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == f"{NASTY}||"
    assert not printed.stderr


def test_what_would_send_calls_elsewhere_is_unset() -> None:
    environ = {
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_PROFILE": "work",
        "HOME": "/root",
    }
    assert shell.hindrances(environ, {"AWS_ENDPOINT_URL": "x"}) == [
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    ]


def test_without_a_proxy_no_exceptions_are_set(tmp_path: Path) -> None:
    connection = Connection("http://127.0.0.1:4747", REGION, ACCOUNT, KEY)
    assert "NO_PROXY" not in shell.exports(connection, tmp_path / "sdk.yaml", {})


HOW_TO = Path(__file__).parents[3] / "docs/how-to/bootstrap-a-project.md"


def test_each_statement_of_the_completing_policy_is_documented_with_its_actions() -> None:
    text = HOW_TO.read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert policies.COMPLETION in text
    for statement in policies.completion(PROJECT, ACCOUNT, REGION)["Statement"]:
        (row,) = [line for line in rows if line.startswith(f"| {statement['Sid']} |")]
        if statement["Sid"] != "ProjectBucket":  # told in words
            for action in statement["Action"]:
                assert action.partition(":")[2].replace("*", r"\*") in row


@pytest.mark.parametrize(
    ("section", "document"),
    [("2.2", policies.execution), ("2.3", policies.deployer), ("2.4", policies.caller)],
)
def test_the_users_own_policies_are_theirs_word_for_word(
    section: str, document: Callable[[Project, str, str], policies.Document]
) -> None:
    values = blocks.placeholders(
        company="acme",
        account=ACCOUNT,
        region=REGION,
        team="rc",
        project="project-a",
        model="fraud",
    )
    theirs = json.loads(blocks.block(section, "json").filled(values))
    ours = document(PROJECT, ACCOUNT, REGION)
    assert theirs in (ours, *ours["Statement"])  # 2.4 is a statement, without a document around it


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        (".amazonaws.com", False),
        ("*.amazonaws.com", False),
        ("s3.us-east-1.amazonaws.com:443", False),
        ("*", False),
        (".com", False),
        ("169.254.169.254", True),
        ("internal.example", True),
        ("notamazonaws.com", True),
    ],
)
def test_an_intercepted_shell_lets_no_host_of_awss_past_the_proxy(
    entry: str, kept: bool, tmp_path: Path
) -> None:
    """A company's NO_PROXY often names amazonaws.com: calls went to the real AWS."""
    interception = shell.Interception("http://hostler:t@127.0.0.1:1", tmp_path / "t.pem")
    environ = {"NO_PROXY": f"first.example,{entry}"}
    variables = shell.intercepted(
        Connection("http://127.0.0.1:4747", REGION, ACCOUNT, KEY), interception, None, environ
    )
    entries = variables["NO_PROXY"].split(",")
    assert entries[0] == "first.example"
    assert (entry in entries) is kept
    assert variables["no_proxy"] == variables["NO_PROXY"]


def test_permissions_name_the_resources_of_their_region_s_partition() -> None:
    """In China every ARN begins with arn:aws-cn, except IAM's here: they have no region."""
    region = "cn-north-1"
    documents = (policies.execution, policies.deployer, policies.completion)
    texts = [Policy("p", json.dumps(made(PROJECT, ACCOUNT, region))) for made in documents]
    who = Principal("arn:aws:iam::123456789012:user/u", ACCOUNT, "AIDA", "u", tuple(texts))
    group = ids.endpoint_log_group(PROJECT.endpoint("fraud"))
    for action, resource in (
        ("s3:GetObject", ids.object_arn(region, PROJECT.bucket, "models/m.tar.gz")),
        ("s3:ListBucket", ids.bucket_arn(region, PROJECT.bucket)),
        ("sagemaker:CreateModel", ids.sagemaker_arn(region, ACCOUNT, "model", PROJECT.model("m"))),
        ("logs:GetLogEvents", ids.log_group_arn(region, ACCOUNT, group)),
        ("iam:PassRole", ids.iam_arn(ACCOUNT, "role", PROJECT.execution_role)),
    ):
        assert PolicyEngine().decide(who, action, resource).allowed, (action, resource)
