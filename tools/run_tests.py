"""Runs pytest; the few tests of real processes that failed are run once more, alone (`make test`).

Invariant: nothing is hidden. A test that passes then is named in the last lines, its first failure
is in the log above; whatever ended a run early, or broke it, is a failure of the run (ADR 29).
"""

import subprocess
import sys

import pytest

AGAIN_MAX = 3
"""More failures than that are no accident."""
AGAIN = ("tests/integration/", "tests/conformance/", "tests/contract/")
"""Real processes on a busy machine; every other test decides by itself whether it passes."""
_ALONE = "--alone"


class Outcomes:
    """A plugin of pytest that sees how each test ended, with xdist too."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()
        self.broken = False
        """Some tests may not have run, or not to their end."""
        self._ended: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.passed and report.when == "call":
            self.passed.add(report.nodeid)
        if report.when == "teardown":
            self._ended.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.broken |= report.failed

    @pytest.hookimpl(optionalhook=True)  # xdist's
    def pytest_testnodedown(self, error: object | None) -> None:
        self.broken |= error is not None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.broken |= len(self._ended) != session.testscollected


def judge(status: int, outcomes: Outcomes) -> int:
    """Pytest's exit status; but xdist calls a run good whose idle worker crashed."""
    return status or int(outcomes.broken)


def to_run_again(status: int, outcomes: Outcomes) -> list[str]:
    """The tests that may fail by chance, if nothing else is wrong with the run."""
    failed = sorted(outcomes.failed)
    if status != pytest.ExitCode.TESTS_FAILED or outcomes.broken or len(failed) > AGAIN_MAX:
        return []
    return failed if all(test.startswith(AGAIN) for test in failed) else []


def main(words: list[str]) -> int:
    """Run pytest with ``words``; the exit status, 0 if all passed in the end."""
    outcomes = Outcomes()
    status = judge(int(pytest.main(words, plugins=[outcomes])), outcomes)
    if outcomes.broken:
        print("!!! the run did not come to its end: why is in the log above")
    tests = to_run_again(status, outcomes)
    passed = {test for test in tests if _passes_alone(test)}
    for test in tests:
        said = "passed only when run again, alone" if test in passed else "failed again, alone"
        print(f"!!! {said}: {test}")
    if passed:
        print("!!! why they failed at first is in the log above: a race to be mended")
    return 0 if tests and len(passed) == len(tests) else status


def _passes_alone(test: str) -> bool:
    print(f"\n!!! once more, alone: {test}", flush=True)
    words = [sys.executable, "-m", "tools.run_tests", _ALONE, test]
    return subprocess.run(words, check=False).returncode == 0


def alone(test: str) -> int:
    """Run one test; 0 only if it passed, and was not skipped."""
    outcomes = Outcomes()
    status = int(pytest.main([test], plugins=[outcomes]))
    return status or int(outcomes.passed != {test})


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(alone(arguments[1]) if arguments[:1] == [_ALONE] else main(arguments))
