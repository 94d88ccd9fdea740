"""Amazon SageMaker Runtime: answered by the gateway, and listed here for the operation table."""

OPERATIONS: tuple[str, ...] = ("InvokeEndpoint",)
