# ruff: noqa: T201, TID251 - a script of Keras, run by a test
"""Print how much of one weight a step takes, as measured and as reported."""

import json
import tempfile

import keras
import numpy as np
from keras import optimizers as made
from keras import regularizers

from reglint.inspector.codec import encode
from reglint.inspector.facts import Variable
from reglint.inspector.files import archive
from reglint.inspector.runtime import measures, optimizers
from reglint.inspector.runtime.layers import describe, walk

STEPS = 60
RATE, L2, DECAY = 0.05, regularizers.L2(0.001), 0.02

SGD = {
    "SGD": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "weak momentum": {"momentum": 0.5},
}
WITH_WEIGHT_DECAY = (
    *("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam"),
    *("Lion", "Lamb", "Muon", "Ftrl", "ScheduleFreeAdamW"),
)
SCHEDULE = made.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)


def plain(facts):
    return [json.loads(encode(fact)) for fact in facts]


def decays(optimizer, regularizer=None):
    variable = keras.Variable(np.ones((2, 2)))
    carried = None if regularizer is None else describe(regularizer)
    trained = optimizers.Trained(variable, Variable("dense", "kernel"), carried)
    return plain(optimizers.decays([trained], optimizer))


def train(optimizer, regularizer=None, steps=STEPS):
    """Return the weight at each step; its gradient is that of the regularizer alone."""
    l1, l2 = (float(getattr(regularizer, name, 0)) for name in ("l1", "l2"))
    variable = keras.Variable(np.full((2, 2), 3.0), name="kernel")
    values = []
    for _ in range(steps + 1):
        values.append(float(np.mean(keras.ops.convert_to_numpy(variable))))
        gradient = 2 * l2 * variable.value + l1 * keras.ops.sign(variable.value)
        optimizer.apply([gradient], [variable])
    return values


def rate(values):
    """Return the share that a step takes, over the last steps."""
    return 1 - max(values[-1] / values[-1 - STEPS], 0) ** (1 / STEPS)


def in_the_loss():
    for name, arguments in SGD.items():
        [said] = decays(made.SGD(RATE, **arguments), L2)
        # Momentum has built up before the last steps.
        values = train(made.SGD(RATE, **arguments), L2, 4 * STEPS)
        yield name, {**said, "measured": rate(values)}


def decoupled():
    for name in WITH_WEIGHT_DECAY:
        if hasattr(made, name):  # an early Keras has fewer
            # Muon cannot scale its steps on TensorFlow, without jit (keras 3.15.1).
            extra = {"rms_rate": None} if name == "Muon" else {}
            optimizer = getattr(made, name)(learning_rate=RATE, weight_decay=DECAY, **extra)
            [said] = decays(optimizer)
            yield name, {**said, "measured": rate(train(optimizer))}


def l1():
    values = train(made.SGD(RATE, 0.9), regularizers.L1(0.01), 2 * STEPS)
    [said] = decays(made.SGD(RATE, 0.9), regularizers.L1(0.01))
    return {**said, "taken": values[-2] - values[-1]}


def adam():
    weak, strong = (
        3 - train(made.Adam(RATE), regularizers.L2(factor), 5)[-1] for factor in (0.01, 0.1)
    )
    return {**decays(made.Adam(RATE), L2)[0], "weak": weak, "strong": strong}


def schedule():
    optimizer = made.SGD(SCHEDULE, weight_decay=DECAY)
    first = decays(optimizer)
    train(optimizer, steps=9)
    return [*first, *decays(optimizer)]


def excluded():
    """Return the variables with weight decay where biases have none, and the findings."""
    layer = keras.layers.Dense(3, kernel_regularizer=L2, name="dense")
    layer.build((None, 2))
    optimizer = made.AdamW(RATE, weight_decay=DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    kernel, bias = layer.trainable_variables
    trained = (
        optimizers.Trained(kernel, Variable("dense", "kernel"), describe(L2)),
        optimizers.Trained(bias, Variable("dense", "bias"), None),
    )
    found = optimizers.decays(trained, optimizer)
    by_optimizer = [str(one.variable) for one in found if "optimizer" in one.mechanism]
    return by_optimizer, plain(optimizers.two_decays(trained, found))


def described():
    return [
        optimizers.describe(optimizer)
        for optimizer in (
            made.SGD(0.1, momentum=0.9),
            made.AdamW(),
            made.Adam(SCHEDULE, weight_decay=0.01),
            made.LossScaleOptimizer(made.SGD(0.5)),
        )
    ]


def saved():
    serialized = made.serialize(made.SGD(0.1, nesterov=True))
    optimizer, _ = optimizers.saved({"optimizer": serialized, "loss": "mse"})
    return [optimizers.describe(optimizer), len(optimizer.variables)]


def trained_file(optimizer, steps):
    """Return the step that a file tells, what is said of its decays, and the findings."""
    layer = keras.layers.Dense(1, kernel_regularizer=L2, use_bias=False, name="dense")
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(optimizer, "mse")
    if steps:
        model.fit(np.ones((steps, 2)), np.ones((steps, 1)), batch_size=1, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        with archive.opened(f"{folder}/model.keras") as file:
            step, config = optimizers.step_of(file), file.compile_config
    notes = []
    _, found, findings = measures.optimizer_facts(
        model, measures.trainable(model, walk(model)), config, notes, step
    )
    return [step, plain(found), plain(findings), notes]


def unknown():
    serialized = {"module": None, "class_name": "Mine", "config": {}, "registered_name": "p>Mine"}
    try:
        optimizers.saved({"optimizer": serialized})
    except optimizers.NoOptimizer as error:
        return str(error)


decayed, two = excluded()
print(
    json.dumps(
        {
            "in the loss": dict(in_the_loss()),
            "decoupled": dict(decoupled()),
            "l1": l1(),
            "adam": adam(),
            "orthogonal": decays(made.SGD(RATE), regularizers.OrthogonalRegularizer(0.01))[0],
            "schedule": schedule(),
            "excluded": decayed,
            "two": two,
            "described": described(),
            "saved": saved(),
            "unknown": unknown(),
            "file": trained_file(made.SGD(SCHEDULE, weight_decay=DECAY), 10),
            "untrained file": trained_file(made.SGD(SCHEDULE, weight_decay=DECAY), None),
            "scaled file": trained_file(
                made.LossScaleOptimizer(made.SGD(SCHEDULE, weight_decay=DECAY)), 10
            ),
        }
    )
)
