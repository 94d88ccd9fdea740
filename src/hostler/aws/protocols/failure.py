"""A caller's error, met with the service's model: what a protocol needs to write it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hostler.aws.protocols import values
from hostler.aws.shapes import Shape


@dataclass(frozen=True, slots=True)
class Failure:
    """An error to write; ``shape`` is the modelled one, if the service has it."""

    code: str
    message: str
    status: int
    sender: bool
    shape: Shape | None = None
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message_member(self) -> str:
        """``message`` or ``Message``, as the shape spells it."""
        if self.shape is not None:
            for name in self.shape.members:
                if name.lower() == "message":
                    return name
        return "message"

    def all_members(self) -> dict[str, Any]:
        """The message and the modelled members that are there."""
        known = self.shape.members if self.shape else {}
        extra = {name: item for name, item in self.members.items() if name in known}
        return {self.message_member: self.message, **extra}

    def json_members(self) -> dict[str, Any]:
        """The members as JSON, those of the body only."""
        members = self.all_members()
        if self.shape is None:
            return members
        body = {
            name: item
            for name, item in members.items()
            if name not in self.shape.members or not self.shape.members[name].in_response_head
        }
        return {
            name: values.write(self.shape.members[name], item)
            if name in self.shape.members
            else item
            for name, item in body.items()
            if item is not None
        }
