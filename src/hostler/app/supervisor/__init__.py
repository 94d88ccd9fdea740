"""The supervisor (`hostler up`): standard library only, so that there is little that can fail.

It owns the listening sockets, is the subreaper of everything below it, and starts and restarts
control, S3, gateways and zygotes. Instances it never restarts: they are control's to decide about.
"""
