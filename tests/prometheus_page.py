"""Reads Prometheus's text format 0.0.4 strictly: what it does not know, it refuses."""

import re
from dataclasses import dataclass, field

_HELP = re.compile(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\n]*")
_TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)")
_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)')
_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\"": '"'}
_SUFFIXES = ("_bucket", "_sum", "_count")

Labels = tuple[tuple[str, str], ...]


@dataclass
class Page:
    kinds: dict[str, str] = field(default_factory=dict)
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, name: str, /, **labels: str) -> float:
        return self.samples[name, tuple(sorted(labels.items()))]

    def values(self, name: str) -> dict[Labels, float]:
        return {labels: value for (each, labels), value in self.samples.items() if each == name}


def read(text: str) -> Page:
    page, family = Page(), ""
    assert not text or text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP"):
            found = _HELP.fullmatch(line)
            assert found is not None, line
            family = found[1]
            assert family not in page.kinds, f"{family} stands in two places"
        elif line.startswith("#"):
            found = _TYPE.fullmatch(line)
            assert found is not None, line
            assert found[1] == family, line
            page.kinds[family] = found[2]
        else:
            _sample(page, family, line)
    return page


def _sample(page: Page, family: str, line: str) -> None:
    found = _SAMPLE.fullmatch(line)
    assert found is not None, line
    name = found["name"]
    suffixes = _SUFFIXES if page.kinds[family] == "histogram" else ("",)
    assert name in {family + suffix for suffix in suffixes}, line
    text, labels, at = found["labels"] or "", {}, 0
    while at < len(text):
        label = _LABEL.match(text, at)
        assert label is not None, line
        assert label[1] not in labels, line
        labels[label[1]] = re.sub(r"\\.", lambda each: _ESCAPES[each[0]], label[2])
        at = label.end()
    key = name, tuple(sorted(labels.items()))
    assert key not in page.samples, f"twice: {line}"
    page.samples[key] = float(found["value"])
