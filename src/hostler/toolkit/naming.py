"""How a company names and tags what it hosts: `{team}-{project}-{model}-…`, and the tags with it.

Invariant: one place knows the patterns; deployments, permissions and checks all ask here.
"""

import re
from dataclasses import dataclass

_WORD = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")


class NamingError(Exception):
    """A name that the conventions cannot take; the text says what would do."""


@dataclass(frozen=True, slots=True)
class Project:
    """A team's project at a company; words of lower-case letters, digits and single hyphens."""

    company: str
    team: str
    project: str

    def __post_init__(self) -> None:
        for option, word in (
            ("--company", self.company),
            ("--team", self.team),
            ("--project", self.project),
        ):
            if not _WORD.fullmatch(word):
                raise NamingError(
                    f"{option} must be lower-case letters, digits and single hyphens "
                    f"(as in project-a), not {word!r}"
                )
        if len(self.bucket) > 63:
            raise NamingError(
                f"the bucket's name would be longer than 63 characters: {self.bucket}"
            )

    @property
    def prefix(self) -> str:
        """What every model, config and endpoint name of the project begins with."""
        return f"{self.team}-{self.project}-"

    @property
    def bucket(self) -> str:
        return f"{self.company}-sm-{self.team}-{self.project}"

    @property
    def execution_role(self) -> str:
        """`SageMaker-{Team}-{Project}-ExecutionRole`: the words with capitals, as in Project-A."""
        return f"SageMaker-{self.team.title()}-{self.project.title()}-ExecutionRole"

    @property
    def deployer(self) -> str:
        """The user who creates and manages endpoints."""
        return f"{self.prefix}deployer"

    @property
    def caller(self) -> str:
        """The user of applications that invoke endpoints."""
        return f"{self.prefix}caller"

    def model(self, model: str, version: int = 1) -> str:
        return f"{self.prefix}{model}-v{version}"

    def endpoint_config(self, model: str) -> str:
        return f"{self.prefix}{model}-config"

    def endpoint(self, model: str) -> str:
        return f"{self.prefix}{model}-ep"

    def artifact_key(self, model: str) -> str:
        """The key of a model's archive in the project's bucket."""
        return f"models/artifacts/{model}/model.tar.gz"

    def tags(self, model: str, environment: str = "dev", version: int = 1) -> list[dict[str, str]]:
        """The five tags, in the API's form."""
        pairs = {
            "Team": self.team,
            "Project": self.project,
            "Model": model,
            "Environment": environment,
            "Version": f"v{version}",
        }
        return [{"Key": key, "Value": value} for key, value in pairs.items()]
