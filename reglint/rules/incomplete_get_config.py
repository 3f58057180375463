"""RGL303."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import is_base_only, is_never_saved, keras_classes
from reglint.analysis.configs import COMMON, chain, own_statements
from reglint.analysis.constructors import init, stored
from reglint.analysis.syntax import code, cst, descendants, is_name, parameters_of
from reglint.keras_api.classes import LAYERS, SAVED, base_class
from reglint.model import Finding, Fix, Replace
from reglint.rules.generated import get_config, more_entries
from reglint.rules.rule import CLASS, Rule
from reglint.rules.stored_values import config_value, config_values
from reglint.rules.values import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.configs import Chain, Entry
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module

_LIKE = 0.8  # of two names: that one is the other misspelt
# Bases that have no attributes of the user's making.
_BARE = {
    "keras.layers.Layer", "keras.Model", "keras.regularizers.Regularizer",
    "keras.constraints.Constraint", "keras.initializers.Initializer",
}  # fmt: skip
# Methods that may bring back what the configuration leaves out.
_REPAIRING = ("from_config", "load_assets", "load_own_variables", "build_from_config")
# Parameters that only matter before there are weights, or are the business of the machine: Keras'
# own recipe is to leave out `data_format`, so that a model can be loaded where another is set.
_INITIAL = {
    "weights", "input_dim", "input_length", "input_shape", "batch_input_shape", "data_format",
}  # fmt: skip
# What `Layer.__init__` takes, in one release or another.
_OF_LAYER = COMMON | {
    "activity_regularizer", "autocast", "batch_input_shape", "batch_shape", "batch_size", "dynamic",
    "experimental_autocast", "implementation", "input_dim", "input_dtype", "input_shape", "weights",
}  # fmt: skip


class IncompleteGetConfig(Rule):
    """`get_config` does not write what `__init__` takes.

    Keras makes an object again by `cls(**config)`. An argument that is missing in the config is
    the default of `__init__` after loading, without a word: a penalty of 8.4 became 4.2 in a
    regularizer, and a layer that left out `kernel_regularizer` had no penalty at all. Without a
    default, loading raises `TypeError`; so it does for a key that `__init__` does not take.

    A subclass of a layer such as `Dense` inherits a `get_config` that writes the arguments of
    `Dense` and none of its own. What the bases write, in other files of the project too, counts.
    One that is only made inside other layers and models is left alone: these make it again
    themselves.

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, offset=0.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor
            self.offset = offset

        def get_config(self):
            config = super().get_config()
            config.update({"factor": self.factor})
            return config
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def __init__(self, factor=1.0, offset=0.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor
            self.offset = offset

        def get_config(self):
            config = super().get_config()
            config.update({"factor": self.factor, "offset": self.offset})
            return config
    ```

    ## Fix safety

    Safe: training does not call `get_config`. It is offered where each missing argument is stored
    as it is, or through `regularizers.get` and its kind, which `serialize` undoes.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1: config, weights and penalties after saving and
    loading.
    """

    code = "RGL303"
    name = "incomplete-get-config"
    triggers = (b"keras", b"__init__", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            if cls.kind not in SAVED or any(map(cls.inherited, _REPAIRING)):
                continue
            yield from _no_dictionary(cls)
            made, written = init(cls), chain(cls)
            if is_never_saved(cls) and not written.methods:
                continue
            if made and written.known and _is_own(cls, made, written):
                yield from _judged(cls, made, written)


def _no_dictionary(cls: KerasClass) -> Iterator[Finding]:
    function = cls.method("get_config")
    for node in own_statements(function) if function else ():
        if isinstance(node, cst.Return) and isinstance(node.value, cst.Set):
            yield Finding(node.value, "`get_config` returns a set and not a dictionary")


def _is_own(cls: KerasClass, made: Init, written: Chain) -> bool:
    """Tell whether the fault, if there is one, is in this class and not in a base."""
    writer = written.methods[0][0] if written.methods else None
    return cls.node in {made.definition.node, writer.node if writer else None}


def _judged(cls: KerasClass, made: Init, written: Chain) -> Iterator[Finding]:
    inherited = _inherited(cls) if written.reaches_keras else frozenset[str]()
    if inherited is None:
        return
    known = written.entries.keys() | inherited | COMMON | _INITIAL
    if made.asked_of_keywords & written.entries.keys() - made.parameters.keys():
        return  # more than its parameters say is kept, and made use of
    missing = _missing(cls, made, written, known)
    rejected = _rejected(cls, made, written)
    yield from _refused(rejected, missing, made, written, cls)
    yield from _never_set(cls, made, written)
    if missing and not rejected:
        node, where = _place(cls, written)
        required = any(made.parameters[name].required for name in missing)
        refuses = _inherits_what_it_refuses(cls, made, written)
        message = f"{where} {_consequence(missing, raises=required or refuses)}"
        fixes = () if refuses else _fixes(cls, made, written, missing)
        yield Finding(node, message, fixes)


def _missing(cls: KerasClass, made: Init, written: Chain, known: AbstractSet[str]) -> list[str]:
    """Return the parameters that are not among the keys, and make a difference."""
    missing = [
        name
        for name, parameter in made.parameters.items()
        if name not in known
        and (parameter.required or (made.reads(name) and not _is_folded(name, made, written)))
    ]
    if is_base_only(cls):
        missing = [name for name in missing if not _is_fixed_below(name, cls)]
    if "keras.Sequential" in cls.names:  # whose layers are loaded one by one
        missing = [name for name in missing if made.parameters[name].required]
    return missing


def _is_folded(name: str, made: Init, written: Chain) -> bool:
    """Tell whether a parameter is another way to say what is written: `units = old_units`."""
    if not is_name(made.parameters[name].node.default, "None"):
        return False
    kept = {
        text
        for key, entry in written.entries.items()
        if key in made.parameters
        for text in (key, code(entry.value))
    }
    return any(
        isinstance(node, cst.Assign)
        and any(code(target.target) in kept for target in node.targets)
        and any(is_name(part, name) for part in descendants(node.value))
        for node in descendants(made.function.body)
    )


def _is_fixed_below(name: str, cls: KerasClass) -> bool:
    """Tell whether the classes that derive from one choose an argument, as `rank` of a pooling."""
    below = [
        function.params
        for other in keras_classes(cls.module)
        if other is not cls
        and any(base.node is cls.node for base in other.lineage)
        and (function := other.method("__init__"))
    ]
    return not any(
        p.name.value == name for params in below for p in (*params.params, *params.kwonly_params)
    )


def _inherited(cls: KerasClass) -> frozenset[str] | None:
    """Return the keys that Keras' own `get_config` writes; nothing if it is not to be relied on."""
    keys: frozenset[str] = frozenset()
    for name in cls.names:
        base = base_class(name)
        if base is None or not base.measured or base.raises:
            return None
        keys |= base.config
    automatic = not chain(cls).methods and bool(cls.names & {"keras.layers.Layer", "keras.Model"})
    return None if automatic else keys


def _place(cls: KerasClass, written: Chain) -> tuple[cst.CSTNode, str]:
    function = cls.method("get_config")
    if function:
        return function.name, f"`get_config` of `{cls.name}`"
    if written.methods:
        return (
            cls.node.name,
            f"`get_config`, which `{cls.name}` has from `{written.methods[0][0].name}`,",
        )
    base = min(name.rpartition(".")[2] for name in cls.names)
    return cls.node.name, f"`get_config`, which `{cls.name}` has from `{base}`,"


def _consequence(missing: list[str], *, raises: bool) -> str:
    if raises:
        return f"leaves out {listed(missing)}: loading raises `TypeError`"
    defaults = "its default" if len(missing) == 1 else "their defaults"
    return f"leaves out {listed(missing)}, back at {defaults} after loading"


def _fixes(cls: KerasClass, made: Init, written: Chain, missing: list[str]) -> tuple[Fix, ...]:
    values = config_values(missing, made, cls)
    if values is None:
        return ()
    for name, value in values.items():
        entry = _renamed(value, cls, written)
        if entry:
            return (_respelt(entry, name),) if len(missing) == 1 else ()
    if cls.method("get_config"):
        change = more_entries(cls, written, values)
    else:
        change = get_config(cls, values, asks=True)
    return (Fix(f"Write {listed(missing)}", (change,)),) if change else ()


def _inherits_what_it_refuses(cls: KerasClass, made: Init, written: Chain) -> bool:
    """Tell whether Keras' own `get_config` writes what `__init__` does not take, as `l2`."""
    if made.keywords or not written.reaches_keras or cls.kind in LAYERS:
        return False
    return not (_inherited(cls) or frozenset()) <= made.parameters.keys()


def _renamed(value: str, cls: KerasClass, written: Chain) -> Entry | None:
    """Return the entry that writes a value under a name that no `__init__` takes."""
    taken = COMMON | _inherited_keys(cls)
    for definition in cls.lineage:
        function = definition.method("__init__")
        if function:
            taken |= {parameter.name.value for parameter in parameters_of(function.params)}
    for key, entry in written.entries.items():
        if key not in taken and entry.definition.defines(cls) and code(entry.value) == value:
            return entry
    return None


def _inherited_keys(cls: KerasClass) -> frozenset[str]:
    return frozenset().union(*(base.config for name in cls.names if (base := base_class(name))))


def _rejected(cls: KerasClass, made: Init, written: Chain) -> list[str]:
    """Return the keys that loading cannot pass to `__init__`."""
    if is_base_only(cls):
        return []
    if not made.keywords:
        known = COMMON
    elif (
        cls.names == {"keras.layers.Layer"} and len(cls.lineage) == 1 and not made.accepts_anything
    ):
        known = _OF_LAYER
    else:
        return []
    return [name for name in written.entries if name not in known | made.parameters.keys()]


def _refused(
    rejected: list[str], missing: list[str], made: Init, written: Chain, cls: KerasClass
) -> Iterator[Finding]:
    from difflib import get_close_matches  # noqa: PLC0415 - slow to import, and rarely needed

    where = f"`get_config` of `{cls.name}` writes"
    unlike = []
    for name in rejected:
        entry = written.entries[name]
        near = get_close_matches(name, missing, n=1, cutoff=_LIKE)
        if near:
            message = f"{where} `{name}`, but `__init__` takes `{near[0]}`: loading raises"
            same = config_value(near[0], made, cls) == code(entry.value)
            fixes = (_respelt(entry, near[0]),) if same and entry.definition.defines(cls) else ()
            yield Finding(_key(entry, cls), message, fixes)
        else:
            unlike.append(name)
    if unlike:
        what = f"{where} {listed(unlike)}, which `__init__` does not take"
        own = [name for name in unlike if written.entries[name].definition.defines(cls)] or unlike
        node = _key(written.entries[own[0]], cls)
        yield Finding(node, f"{what}: loading raises `TypeError`")


def _key(entry: Entry, cls: KerasClass) -> cst.CSTNode:
    """Return where a class writes a key; its name if it is a base that does."""
    return entry.key if entry.definition.defines(cls) else cls.node.name


def _respelt(entry: Entry, name: str) -> Fix:
    key = entry.key
    text = f"{key.quote}{name}{key.quote}" if isinstance(key, cst.SimpleString) else name
    return Fix(f"Write `{name}`", (Replace(key, text),))


def _never_set(cls: KerasClass, made: Init, written: Chain) -> Iterator[Finding]:
    """Yield the entries that read an attribute that nothing sets."""
    if not cls.names <= _BARE or not cls.complete:
        return
    for name, entry in written.entries.items():
        match entry.value:
            case cst.Attribute(value=cst.Name("self"), attr=cst.Name(attribute)) if (
                entry.definition.defines(cls)
                and name in made.parameters
                and attribute == name
                and name not in COMMON
                and not _is_set(cls, attribute)
            ):
                message = f"`self.{attribute}` is never set: `get_config` raises `AttributeError`"
                yield Finding(entry.value, message)


def _is_set(cls: KerasClass, attribute: str) -> bool:
    """Tell whether anything in a class may set an attribute."""
    return any(
        _may_set(statement, attribute, definition.module)
        for definition in cls.lineage
        for statement in definition.node.body.body
    )


def _may_set(statement: cst.CSTNode, attribute: str, module: Module) -> bool:
    if not isinstance(statement, cst.FunctionDef):
        return any(is_name(node, attribute) for node in descendants(statement))
    if statement.name.value == attribute or attribute in stored(statement, module):
        return True
    return any(_sets_by_name(node) for node in descendants(statement.body))


def _sets_by_name(node: cst.CSTNode) -> bool:
    match node:
        case cst.Name("setattr" | "vars") | cst.Attribute(attr=cst.Name("__dict__")):
            return True
    return False
