"""Code that fixes write into a class: whole methods, entries of a config, decorators.

It is written as the file around it is: same indentation, same quotes, same names for Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import spelling
from reglint.analysis.canonical import keras_name
from reglint.analysis.configs import COMMON
from reglint.analysis.constructors import always_stored
from reglint.analysis.syntax import code, cst, descendants, dotted, is_name, last_name, number
from reglint.model import AddImport, Insert, InsertLines, Prepend, Replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.configs import Chain
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module
    from reglint.model import Change

_WIDTH = 88
# Conversions that Keras can do again: the result may be passed in place of what was converted.
_REPEATABLE = {"float", "int", "bool", "str", "tuple", "list", "dict"}
_TO_TENSOR = {
    "constant", "convert_to_tensor", "cast_to_floatx", "variable", "Variable", "float32", "asarray",
    "array", "cast",
}  # fmt: skip
# Types of what a configuration can hold; one that says nothing is believed.
_PLAIN_TYPES = {
    "int", "float", "str", "bool", "None", "list", "tuple", "dict", "List", "Tuple", "Dict",
    "Sequence", "Iterable", "Mapping", "Optional", "Union", "Literal", "Any", "Text", "Number",
}  # fmt: skip
# What Keras makes of a string or a dictionary, by the end of the name of a parameter.
_FAMILIES = {
    "regularizer": "regularizers",
    "initializer": "initializers",
    "constraint": "constraints",
}
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


def config_value(name: str, init: Init, cls: KerasClass) -> str | None:
    """Return what `get_config` has to write for a parameter; nothing if that is not clear."""
    if init.definition.module is not cls.module or _is_remade(name, init):
        return None
    always = always_stored(init.function, init.definition.module)
    for attribute in (name, *init.stored):
        values = init.stored.get(attribute, [])
        if attribute not in always or len({code(value) for value in values}) != 1:
            continue
        known = _stored_as(values[0], name, f"self.{attribute}", init)
        if known == f"self.{attribute}" and not _is_plain(name, attribute, init, cls):
            return None
        if known:
            return known
    return None


def _is_plain(name: str, attribute: str, init: Init, cls: KerasClass) -> bool:
    """Tell whether a parameter may be something that a configuration can hold as it is.

    That is nothing that is called or has attributes, such as a layer, a function or a class.
    """
    param = init.parameters[name].node
    if param.default is not None and not _is_literal(param.default):
        return False
    if param.annotation and not _PLAIN_TYPES.issuperset(_words(param.annotation.annotation)):
        return False
    paths: set[tuple[str, ...]] = {(name,), ("self", attribute)}
    return not any(
        dotted(node) in paths
        for definition in cls.lineage
        for whole in descendants(definition.node.body)
        if isinstance(whole, (cst.Call, cst.Attribute))
        for node in [whole.func if isinstance(whole, cst.Call) else whole.value]
    )


def _is_remade(name: str, init: Init) -> bool:
    """Tell whether a parameter is replaced by what cannot be passed again: `size = 2 * size`."""
    for node in descendants(init.function.body):
        match node:
            case cst.AugAssign(target=target) if is_name(target, name):
                return True
            case cst.Assign(targets=[cst.AssignTarget(target=target)], value=value) if (
                is_name(target, name)
                and any(is_name(part, name) for part in descendants(value))
                and _stored_as(value, name, name, init) != name
            ):
                return True
    return False


def _is_literal(node: cst.BaseExpression) -> bool:
    """Tell whether a default is made of numbers, strings, `None`, `True` and `False` only."""
    return all(
        part.value in {"None", "True", "False"}
        for part in descendants(node)
        if isinstance(part, cst.Name)
    ) and not any(isinstance(part, cst.Lambda) for part in descendants(node))


def _words(annotation: cst.BaseExpression) -> set[str]:
    """Return the names in an annotation, without the modules that they come from."""
    owners = {id(n.value) for n in descendants(annotation) if isinstance(n, cst.Attribute)}
    return {
        node.value
        for node in descendants(annotation)
        if isinstance(node, cst.Name) and id(node) not in owners
    }


def config_values(names: Iterable[str], init: Init, cls: KerasClass) -> dict[str, str] | None:
    """Return what `get_config` has to write for some parameters, if that is clear for each."""
    values = {name: config_value(name, init, cls) for name in names}
    known = {name: value for name, value in values.items() if value is not None}
    return known if len(known) == len(values) else None


def _stored_as(value: cst.BaseExpression, name: str, attribute: str, init: Init) -> str | None:
    family = _FAMILIES.get(name.rpartition("_")[2])
    match value:
        case cst.Name(stored) if stored == name:
            return None if family else attribute
        case cst.BooleanOperation(left=cst.Name(stored), operator=cst.Or()) if stored == name:
            return None if family else attribute
        case cst.Call(func=function, args=[cst.Arg(value=cst.Name(stored), keyword=None), *_]) if (
            stored == name
        ):
            return _converted(function, name, attribute, init)
    return None


def _converted(function: cst.BaseExpression, name: str, attribute: str, init: Init) -> str | None:
    """Return how to write what came out of `function(parameter)`."""
    module, scope = init.definition.module, init.definition.scope
    known = keras_name(function, scope, module) or ""
    if (
        known.startswith("keras.")
        and known.endswith(".get")
        and isinstance(function, cst.Attribute)
    ):
        return f"{code(function.value)}.serialize({attribute})"
    if isinstance(function, cst.Name) and function.value in _REPEATABLE:
        return attribute
    last = function.attr.value if isinstance(function, cst.Attribute) else code(function)
    scalar = last == "cast_to_floatx" or _is_number(init.parameters[name].node)
    return f"float({attribute})" if last in _TO_TENSOR and scalar else None


def _is_number(param: cst.Param) -> bool:
    """Tell whether a parameter surely is one number."""
    if param.annotation:
        return _words(param.annotation.annotation) <= {"float", "int"}
    return number(param.default) is not None


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
