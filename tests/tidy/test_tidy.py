"""The style of the tree, held by tests: sizes, banned words, banned calls."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60

CATCHES_EVERYTHING = {
    "src/hostler/control/controller.py": "one key's failure must not end the others",
    "src/hostler/api/server.py": "whatever a handler raises becomes InternalFailure, logged once",
    "src/hostler/api/s3/front.py": "the same for S3, which has its own errors",
    "src/hostler/snapshot/background.py": "what is tried again and again must go on",
    "src/hostler/gateway/chain.py": "one request's failure must not end the others",
    "src/hostler/gateway/forward.py": "the same, of an answer on its way back",
    "src/hostler/snapshot/subscriber.py": "a snapshot that cannot be used leaves the last in force",
    "src/hostler/backends/process/watching.py": "what cannot be looked at must hide no other",
    "src/hostler/modelserver/failures.py": "a model's exceptions and streams may raise anything",
}
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "_private", "legacy"}


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _offenders(paths: list[Path], look: Callable[[Path], object]) -> dict[str, object]:
    """What a look finds, by file; empty when the tree is tidy."""
    return {_id(path): found for path in paths if (found := look(path))}


def test_a_module_is_one_idea_of_readable_size() -> None:
    def look(path: Path) -> str:
        lines = len(path.read_text().splitlines())
        return f"{lines} lines" if lines > MODULE_LINES_MAX else ""

    assert not _offenders(SOURCES, look)


def test_a_module_says_its_purpose() -> None:
    def look(path: Path) -> bool:
        text = path.read_text()
        return bool(text.strip()) and not ast.get_docstring(ast.parse(text))

    assert not _offenders(SOURCES, look)


def test_a_function_is_readable_at_a_glance() -> None:
    def look(path: Path) -> list[str]:
        return [
            function.name
            for function in _functions(ast.parse(path.read_text()))
            if function.end_lineno and function.end_lineno - function.lineno >= FUNCTION_LINES_MAX
        ]

    assert not _offenders(SOURCES, look)


def test_names_say_what_a_module_is_for() -> None:
    assert not _offenders(SOURCES, lambda path: BANNED_NAMES & set(path.with_suffix("").parts))


def test_only_a_boundary_catches_everything() -> None:
    def look(path: Path) -> list[int]:
        return [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ExceptHandler)
            and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            )
        ]

    assert set(_offenders(SOURCES, look)) == set(CATCHES_EVERYTHING)


def test_nothing_is_left_for_later() -> None:
    later = re.compile(
        r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|# type: ig" + r"nore(?!\[)"
    )
    assert not _offenders(SOURCES + TESTS, lambda path: later.findall(path.read_text()))


def test_tests_wait_for_what_happens_and_not_for_time_to_pass() -> None:
    def look(path: Path) -> list[int]:
        return [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
        ]

    assert not _offenders(TESTS, look)


def test_links_between_documents_lead_somewhere() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    broken = [
        f"{name}: {target}"
        for name in tracked
        if (ROOT / name).exists()
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / name).read_text())
        if "://" not in target and not ((ROOT / name).parent / target).exists()
    ]
    assert not broken
