"""The AWS APIs of the control plane, one folder a service.

An operation is: validated parameters → domain → store → enqueue → result.
"""
