"""What CloudWatch Logs counts in.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""

EVENT_OVERHEAD_BYTES = 26
"""What counts for an event beside its message."""
DAY_MS = 86_400_000
