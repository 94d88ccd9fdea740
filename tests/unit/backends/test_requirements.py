"""What an owner is told of requirements that cannot be installed."""

from pathlib import Path

from hostler.backends.process import requirements


def test_a_reason_names_no_folder_of_ours() -> None:
    folder = Path("/home/me/.hostler/overlays/0a1b.part")
    model = Path("/home/me/.hostler/models/ab12")
    output = (
        f"Using Python 3.11.7 environment at: {folder}\n"
        "  x No solution found when resolving dependencies:\n"
        f"  ╰─▶ nothing was found (from {model}/code/requirements.txt line 1)\n"
    )
    assert requirements.reason(output, folder, model) == (
        "x No solution found when resolving dependencies: "
        "╰─▶ nothing was found (from code/requirements.txt line 1)"
    )
