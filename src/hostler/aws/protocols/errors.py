"""What a protocol's reader says of a request it cannot read, before a service gives it a code."""

from typing import Literal


class UnreadableError(Exception):
    """The request is not what the model says; ``part`` tells the head from the body."""

    def __init__(self, message: str, part: Literal["head", "body"] = "body") -> None:
        super().__init__(message)
        self.message = message
        self.part = part
