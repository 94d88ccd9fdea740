"""What is said of a build that failed."""

import pytest

from hostler.backends.process.environments import remedy


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        (
            "OSError: libgomp.so.1: cannot open shared object file: No such file or directory",
            "the system lacks libgomp.so.1 (Debian: apt-get install libgomp1): ",
        ),
        (
            "ImportError: libGL-x.so.1.2: cannot open shared object file",
            "the system lacks libGL-x.so.1.2 (install the package that has it): ",
        ),
        ("No solution found when resolving dependencies", ""),
    ],
)
def test_a_library_that_the_system_lacks_is_named_with_the_remedy(said: str, begins: str) -> None:
    assert remedy(said) == begins
