"""The names a module imports with `from`, and where one more import belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.canonical import symbol
from reglint.analysis.syntax import cst, descendants, dotted
from reglint.model import Remove, RemoveLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope, Site
    from reglint.model import AddImport, Change


@dataclass(frozen=True, slots=True, eq=False)
class ImportedName:
    """One name of `from keras.regularizers import l1, l2 as ridge`."""

    name: str  # canonical: "keras.regularizers.l2"
    root: str
    local: str  # what the module calls it
    alias: cst.ImportAlias
    statement: cst.ImportFrom
    scope: Scope
    module: Module

    def uses(self) -> list[Site]:
        """Return the places that read the name."""
        return self.module.reads(self.local, self.scope)

    def removed(self) -> Change | None:
        """Return the change that takes the import out; nothing where it stands all alone."""
        assert not isinstance(self.statement.names, cst.ImportStar)
        if len(self.statement.names) > 1:
            return Remove(self.alias, tuple(self.statement.names))
        for block in descendants(self.module.tree):
            if isinstance(block, (cst.Module, cst.IndentedBlock)) and len(block.body) > 1:
                for line in block.body:
                    if isinstance(line, cst.SimpleStatementLine) and [*line.body] == [
                        self.statement
                    ]:
                        return RemoveLine(line)
        return None


def names(site: Site, module: Module) -> Iterator[ImportedName]:
    """Yield what a `from` import takes from Keras."""
    statement = cst.ensure_type(site.node, cst.ImportFrom)
    path = ".".join(dotted(statement.module))
    if statement.relative or path.partition(".")[0] in module.shadowed:
        return
    assert not isinstance(statement.names, cst.ImportStar)
    for alias in statement.names:
        name = dotted(alias.name)[0]
        found = symbol(f"{path}.{name}")
        if found:
            local = dotted(alias.asname.name)[0] if alias.asname else name
            yield ImportedName(found.name, found.root, local, alias, statement, site.scope, module)


class Placement(NamedTuple):
    """Where the text of an import goes: before or behind a node, or at the start of the file."""

    node: cst.CSTNode | None
    behind: bool
    text: str


def placement(tree: cst.Module, wanted: AddImport) -> Placement | None:
    """Return where to write `from module import name`; nothing if the module has it already."""
    for statement in _statements(tree):
        if not isinstance(statement, cst.ImportFrom) or statement.relative:
            continue
        if ".".join(dotted(statement.module)) != wanted.module:
            continue
        if isinstance(statement.names, cst.ImportStar):
            continue
        imported = [dotted(alias.name)[0] for alias in statement.names]
        if wanted.name in imported:
            return None
        later = [n for n in imported if _key(n) > _key(wanted.name)]
        if later and imported == sorted(imported, key=_key):
            before = statement.names[imported.index(later[0])]
            return Placement(before, behind=False, text=f"{wanted.name}, ")
        return Placement(statement.names[-1], behind=True, text=f", {wanted.name}")
    line = f"from {wanted.module} import {wanted.name}\n"
    return Placement(_anchor(tree, wanted.module), behind=True, text=line)


def _key(name: str) -> tuple[int, str]:
    """Order names as isort does: constants, classes, functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def _statements(tree: cst.Module) -> Iterator[cst.CSTNode]:
    for line in tree.body:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body


def _anchor(tree: cst.Module, module: str) -> cst.CSTNode | None:
    """Return the line behind which a new import goes: beside its kin, else behind the imports."""
    top = module.partition(".")[0]
    anchor: cst.CSTNode | None = None
    kin = False
    for i, line in enumerate(tree.body):
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        match line.body[0]:
            case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()) if i == 0:
                anchor = line
            case cst.ImportFrom(module=name) | cst.Import(names=[cst.ImportAlias(name=name), *_]):
                same = dotted(name)[:1] == (top,)
                if same or not kin:
                    anchor, kin = line, same
    return anchor
