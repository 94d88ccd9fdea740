"""The user's conventions as a tool: names, tags, permissions, deployments.

Invariant: a client of the public API through boto3 alone, so that it works against AWS as well.
"""
