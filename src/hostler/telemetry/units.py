"""CloudWatch's units, and the numbers by which the store names them.

Invariant: a number never changes its meaning; new units go to the end.
"""

NAMES = (
    "None", "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes",
    "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent",
    "Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second",
    "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second",
    "Terabits/Second", "Count/Second",
)  # fmt: skip
NUMBERS = {name: number for number, name in enumerate(NAMES)}
