"""The data plane: one process that authenticates, authorises, routes and forwards invocations."""
