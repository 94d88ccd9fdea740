"""Packages of one empty module, as wheels in a folder of wheels."""

import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, requires: str = "") -> None:
    """A package of one module, as a wheel in a folder of wheels."""
    folder.mkdir(exist_ok=True)
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    info = f"{name}-1.5.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.5-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n{needs}"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
