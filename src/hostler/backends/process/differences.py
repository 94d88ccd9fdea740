"""Whether a model was saved by the version of its framework that is about to serve it.

Invariant: both versions are read, never guessed: the model's from its bytes, the other from what is
installed in the environment, a model's own requirements included.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hostler.backends.process import runtimes
from hostler.modelserver import provenance
from hostler.modelserver.provenance import Written

SHOWN_MAX = 5
_DISTRIBUTIONS = {
    provenance.SCIKIT_LEARN: ("scikit-learn",),
    provenance.XGBOOST: ("xgboost", "xgboost-cpu"),
    provenance.LIGHTGBM: ("lightgbm",),
    provenance.HUGGING_FACE: ("transformers",),
}
_SAVED = {provenance.HUGGING_FACE: "transformers"}
"""What a framework's version is the version of, where that is not the framework's own name."""


def lines(written: Sequence[Written], root: Path) -> list[str]:
    """A warning for each model file of another version than the environment at ``root`` has.

    Patch releases do not count, and one line stands for files that would say the same.
    """
    said: dict[tuple[str, str], str] = {}
    distributions = runtimes.installed(root) if written else {}
    for each in written:
        serving = _serving(distributions, each.framework)
        if not each.version or not serving or _minor(each.version) == _minor(serving):
            continue
        name = _SAVED.get(each.framework, each.framework)
        newer = _minor(each.version) > _minor(serving)
        advice = "an older version may misread it" if newer else "answers may differ"
        said.setdefault(
            (each.framework, each.version),
            f"warning: {each.file} was saved by {name} {each.version}, and {name} {serving} "
            f"serves it: {advice}",
        )
    return list(said.values())[:SHOWN_MAX]


def _serving(distributions: Mapping[str, str], framework: str) -> str:
    """The version of a framework that an environment has; "" for none."""
    names = _DISTRIBUTIONS.get(framework, ())
    return next((distributions[name] for name in names if name in distributions), "")


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))[:2]
