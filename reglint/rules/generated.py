"""Code that fixes write into a class: whole methods, entries of a config, decorators.

It is written as the file around it is: same indentation, same quotes, same names for Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import spelling
from reglint.analysis.configs import COMMON
from reglint.analysis.syntax import code, cst, descendants, is_name, last_name
from reglint.model import AddImport, Insert, InsertLines, Prepend, Replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.configs import Chain
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module
    from reglint.model import Change

_WIDTH = 88
_AFTER = ("__init__", "build", "call", "__call__", "compute_output_shape")  # comes `get_config`


def indent(cls: KerasClass) -> str | None:
    """Return the indentation of the methods of a class at the top of its module."""
    body = cls.node.body
    if not isinstance(body, cst.IndentedBlock) or not is_top_level(cls):
        return None
    return body.indent or cls.module.tree.default_indent


def is_top_level(cls: KerasClass) -> bool:
    """Tell whether a class stands at the top of its module, under no `if` and in no function."""
    return any(cls.node is statement for statement in cls.module.tree.body)


def quote(module: Module) -> str:
    """Return the quotes that most strings of a module are written with."""
    return module.once(_quote)


def _quote(module: Module) -> str:
    strings = [n for n in descendants(module.tree) if isinstance(n, cst.SimpleString)]
    single = sum(n.quote == "'" for n in strings)
    return "'" if 2 * single > len(strings) else '"'


# -- get_config


def get_config(cls: KerasClass, values: Mapping[str, str], *, asks: bool) -> InsertLines | None:
    """Return a new `get_config` that writes `values`; if it `asks`, on top of the base's."""
    unit = indent(cls)
    after = [f for name in _AFTER if (f := cls.method(name))]
    if unit is None or not after:
        return None
    q = quote(cls.module)
    entries = [f"{q}{name}{q}: {value}" for name, value in values.items()]
    if asks:
        lines = ["config = super().get_config()"]
        lines += _updated(entries, unit) if entries else []
        lines.append("return config")
    else:
        lines = _returned(entries, unit)
    body = "".join(f"{unit}{unit}{line}\n" for line in lines)
    last = max(after, key=lambda f: _position(cls, f))
    return InsertLines(last, f"\n{unit}def get_config(self):\n{body}")


def _position(cls: KerasClass, function: cst.FunctionDef) -> int:
    return next(i for i, statement in enumerate(cls.node.body.body) if statement is function)


def _returned(entries: list[str], unit: str) -> list[str]:
    """Return the lines that return a dictionary, laid out as black does."""
    short = f"return {{{', '.join(entries)}}}"
    if len(short) + 2 * len(unit) <= _WIDTH:
        return [short]
    return ["return {", *(f"{unit}{entry}," for entry in entries), "}"]


def _updated(entries: list[str], unit: str) -> list[str]:
    """Return the lines that add entries to `config`, laid out as black does."""
    short = f"config.update({{{', '.join(entries)}}})"
    if len(short) + 2 * len(unit) <= _WIDTH:
        return [short]
    inside = [f"{unit}{{", *(f"{unit * 2}{entry}," for entry in entries), f"{unit}}}"]
    return ["config.update(", *inside, ")"]


def more_entries(cls: KerasClass, chain: Chain, values: Mapping[str, str]) -> Change | None:
    """Return the change that makes the class's own `get_config` write some more keys."""
    own = [e for e in chain.entries.values() if e.definition.defines(cls)]
    function = cls.method("get_config")
    unit = indent(cls)
    if not own or function is None or unit is None:
        return None
    last = own[-1]
    q = getattr(last.key, "quote", quote(cls.module))
    match last.container:
        case cst.Dict(elements=[*_, element] as elements) as literal:
            entries = [f"{q}{name}{q}: {value}" for name, value in values.items()]
            if _is_too_long(literal, entries, function, unit):
                items = [*map(_item, elements), *entries]
                return Replace(literal, _spread_dictionary(literal, items, function, unit))
            return Insert(element, _more(entries, separator(cls, literal)))
        case cst.Call(args=[*_, arg] as args) as call:
            entries = [f"{name}={value}" for name, value in values.items()]
            if _is_too_long(call, entries, function, unit):
                start = f"{code(call.func)}("
                items = [*map(_item, args), *entries]
                return Replace(call, _spread(start, items, ")", unit, unit * 2))
            space = getattr(args[0].comma, "whitespace_after", call.whitespace_before_args)
            return Insert(arg, _more(entries, _comma(space, unit * 2)))
        case cst.Assign(targets=[cst.AssignTarget(cst.Subscript(value=target))]) as statement:
            if _statement(statement, function) is None:
                return None  # under an `if`, with an indentation of its own
            lines = [f"{unit * 2}{code(target)}[{q}{n}{q}] = {v}\n" for n, v in values.items()]
            return InsertLines(statement, "".join(lines))
    return None


def _more(entries: list[str], between: str) -> str:
    return "".join(f"{between}{entry}" for entry in entries)


def _item(element: cst.CSTNode) -> str:
    """Return an entry of a dictionary or a call without the comma behind it."""
    return code(element).rstrip(", ")


def _spread_dictionary(
    literal: cst.Dict, items: list[str], function: cst.FunctionDef, unit: str
) -> str:
    """Return a dictionary on lines of its own, laid out as black does."""
    match _statement(literal, function):
        case cst.Expr(value=cst.Call(args=[cst.Arg(value=argument)])) if argument is literal:
            inner = _spread("{", items, "}", unit, unit * 3)
            return f"\n{unit * 3}{inner}\n{unit * 2}"
    return _spread("{", items, "}", unit, unit * 2)


def _spread(start: str, items: list[str], end: str, unit: str, margin: str) -> str:
    """Return a dictionary or a call with each item on a line of its own."""
    lines = [f"{margin}{unit}{item},\n" for item in items]
    return "".join([f"{start}\n", *lines, margin, end])


def _is_too_long(
    container: cst.CSTNode, entries: list[str], function: cst.FunctionDef, unit: str
) -> bool:
    """Tell whether the one line that holds a dictionary or a call has no room for more."""
    statement = _statement(container, function)
    if statement is None or "\n" in (line := code(statement)):
        return False
    return len(unit) * 2 + len(line) + len(_more(entries, ", ")) > _WIDTH


def _statement(node: cst.CSTNode, function: cst.FunctionDef) -> cst.CSTNode | None:
    """Return the statement right below a method that holds a node."""
    simple = [line for line in function.body.body if isinstance(line, cst.SimpleStatementLine)]
    return next(
        (s for line in simple for s in line.body if any(n is node for n in descendants(s))), None
    )


def separator(cls: KerasClass, literal: cst.Dict) -> str:
    """Return what stands between two entries of a dictionary in a method, as it is written."""
    space = literal.lbrace.whitespace_after
    if len(literal.elements) > 1:
        space = getattr(literal.elements[0].comma, "whitespace_after", space)
    return _comma(space, (indent(cls) or "") * 2)


def _comma(space: cst.CSTNode, indentation: str) -> str:
    """Return a comma and what is behind it, in code that is indented like this."""
    if isinstance(space, cst.ParenthesizedWhitespace):
        return f",\n{indentation if space.indent else ''}{space.last_line.value}"
    return ", "


# -- **kwargs


def kwargs_changes(cls: KerasClass, init: Init) -> tuple[Change, ...] | None:
    """Return the changes that make `__init__` take `**kwargs` and hand them on."""
    call = super_init(init)
    params = init.function.params
    if call is None or not init.definition.defines(cls) or init.keywords:
        return None
    if not bases_take_keywords(cls):
        return None
    if not all(_leaves_room(arg) for arg in call.args):
        return None
    everything = [*params.posonly_params, *params.params, *params.kwonly_params]
    star = params.star_arg if isinstance(params.star_arg, cst.Param) else None
    if star and not params.kwonly_params:
        return None  # `*args`: what they are passed on as is not ours to guess
    space = getattr(everything[0].comma, "whitespace_after", everything[0])
    comma = _comma(space, indent(cls) or "")
    changes: list[Change] = [Insert(_end(everything[-1]), f"{comma}**kwargs")]
    if call.args:
        changes.append(Insert(call.args[-1], ", **kwargs"))
    else:
        changes.append(Insert(call.whitespace_before_args, "**kwargs"))
    return tuple(changes)


def bases_take_keywords(cls: KerasClass) -> bool:
    """Tell whether each base in the project takes `**kwargs`."""
    made = [function for base in cls.lineage[1:] if (function := base.method("__init__"))]
    return all(function.params.star_kwarg for function in made)


def _leaves_room(arg: cst.Arg) -> bool:
    """Tell whether an argument of `super().__init__` cannot come again by `**kwargs`."""
    if arg.star or arg.keyword is None:
        return False
    name = arg.keyword.value
    return name not in COMMON or is_name(arg.value, name)


def _end(param: cst.Param) -> cst.CSTNode:
    """Return the node that a parameter ends with."""
    last = param.default or (param.annotation.annotation if param.annotation else param.name)
    return last.rpar[-1] if last.rpar else last


def super_init(init: Init) -> cst.Call | None:
    """Return the one call of `super().__init__`, if that is how the base is made."""
    found = [
        node
        for node in descendants(init.function.body)
        if isinstance(node, cst.Call)
        and last_name(node.func) == "__init__"
        and isinstance(node.func, cst.Attribute)
        and isinstance(node.func.value, cst.Call)
        and is_name(node.func.value.func, "super")
    ]
    return found[0] if len(found) == 1 else None


# -- Registration


def decorator(cls: KerasClass, package: str) -> tuple[Change, ...] | None:
    """Return the changes that register a class, in the words that the file has for Keras."""
    if not is_top_level(cls):
        return None
    known = _register(cls)
    if known is None:
        return None
    name, imports = known
    q = quote(cls.module)
    text = f"@{name}(package={q}{package}{q})\n" if package else f"@{name}()\n"
    return (Prepend(cls.node, text), *imports)


def _register(cls: KerasClass) -> tuple[str, Iterable[AddImport]] | None:
    """Return how to write `register_keras_serializable`.

    `tf.keras.saving` is no attribute in any release, and `keras.saving` not in Keras 2;
    `utils` has it everywhere.
    """
    function = "register_keras_serializable"
    direct = spelling(f"keras.saving.{function}", cls)
    if direct and "." not in direct:
        return direct, ()
    old = any(version < (3, 0) for version in cls.module.keras)
    package = "saving" if cls.root in {"keras", "keras_core"} and not old else "utils"
    known = spelling(f"keras.{package}", cls)
    if known:
        return f"{known}.{function}", ()
    if cls.scope.find(function) is not None:
        return None
    return function, (AddImport(f"{cls.root}.{package}", function),)
