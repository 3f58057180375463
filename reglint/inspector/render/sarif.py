"""SARIF 2.1.0, for code scanning: a result for each finding, dormant regularizer and penalty.

Penalties are information (`kind`), which in SARIF has no level: they raise no alert.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reglint import __version__
from reglint.inspector.render.annotations import RULES, annotated, relative
from reglint.inspector.render.words import layer, sentence
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.facts import CallSite
    from reglint.inspector.render import Style
    from reglint.inspector.render.annotations import Annotation
    from reglint.inspector.report import PenaltyReport

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SEE = "See docs/findings.md and docs/inspect.md of reglint."


def render(reports: Sequence[PenaltyReport], comparison: Comparison | None, style: Style) -> str:
    """Return one SARIF log with one run; columns count characters."""
    del comparison
    results = [_result(each, style.root) for each in annotated(reports)]
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "reglint",
                        "version": __version__,
                        "rules": [_rule(name) for name in RULES],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return f"{json.dumps(log, indent=1)}\n"


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    meaning = sentence(rule.says)
    formula = sentence(rule.formula) if rule.formula else ""
    return {
        "id": name,
        "shortDescription": {"text": meaning},
        "help": {"text": " ".join(filter(None, (meaning, formula, _SEE)))},
    }


def _result(annotation: Annotation, root: str) -> dict[str, Any]:
    severity, site, model = annotation.severity, annotation.site, annotation.model
    row = (annotation.rule, model or "", annotation.layer, annotation.role)
    where = _location(site, root) if site else model and _file(model, root)
    return {
        "ruleId": annotation.rule,
        "kind": "fail" if severity else "informational",
        "level": _LEVELS[severity] if severity else "none",
        "message": {"text": annotation.message.replace("](", "] (")},  # else a link
        "locations": [
            {
                **({"physicalLocation": where} if where else {}),
                "logicalLocations": [{"fullyQualifiedName": layer(annotation.layer)}],
            }
        ],
        **({"relatedLocations": [_related(model, root)]} if site and model else {}),
        # Of what it is about, not of where that stands: lines move.
        "partialFingerprints": {"reglintRow/v1": _hash("\0".join(row))},
    }


def _location(site: CallSite, root: str) -> dict[str, Any]:
    found = _file(site.path, root)
    if site.cell:  # lines of a notebook are not those of its file
        return found
    region = {
        "startLine": site.line,
        "startColumn": site.column,
        "endLine": site.end_line,
        "endColumn": site.end_column,
    }
    return found | {"region": region}


def _file(path: str, root: str) -> dict[str, Any]:
    name = relative(path, root)
    scheme = "file://" if PurePath(name).is_absolute() else ""
    return {"artifactLocation": {"uri": f"{scheme}{quote(os.fsencode(name))}"}}


def _related(path: str, root: str) -> dict[str, Any]:
    return {"physicalLocation": _file(path, root), "message": {"text": "the model"}}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
