"""Print how much of one weight a step takes, as measured and as reported."""

import itertools
import json
import math
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


def train(optimizer, regularizer=None, steps=STEPS, data=(0.0,)):
    """Return the weight at each step; the gradients of the `data` come in turns."""
    l1, l2 = (float(getattr(regularizer, name, 0)) for name in ("l1", "l2"))
    variable = keras.Variable(np.full((2, 2), 3.0), name="kernel")
    values = []
    for _, pull in zip(range(steps + 1), itertools.cycle(data), strict=False):
        values.append(float(np.mean(keras.ops.convert_to_numpy(variable))))
        gradient = 2 * l2 * variable.value + l1 * keras.ops.sign(variable.value) + pull
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


def rescaled():
    """Return what a step takes of a weight by a weak L2 penalty, and by one ten times as strong."""
    for name in ("SGD", *WITH_WEIGHT_DECAY):
        if hasattr(made, name):
            extra = {"rms_rate": None} if name == "Muon" else {}
            extra |= {"weight_decay": 0.0} if name == "AdamW" else {}
            taken = []
            for factor in (0.01, 0.1):
                optimizer = getattr(made, name)(learning_rate=0.01, **extra)
                taken.append(3 - train(optimizer, regularizers.L2(factor), 10)[-1])
            yield name, taken


def by_rms():
    """Return the share that L2 takes where the data pull at a weight, up and down, by 10."""
    l2, steps = regularizers.L2(0.1), 50
    for name in ("RMSprop", "Adam", "AdamW", "Nadam"):
        extra = {"weight_decay": 0.0} if name == "AdamW" else {}
        for pull in (10.0, 100.0):
            with_l2, without = (
                train(getattr(made, name)(0.001, **extra), each, steps, (pull, -pull))[-1]
                for each in (l2, None)
            )
            [said] = decays(getattr(made, name)(0.001, **extra), l2)
            yield name, pull, (without - with_l2) / 3 / steps, said["formula"]


def halves():
    """Return after how many steps half is left, as said, and as it is."""
    for momentum in (0.0, 0.5, 0.9):
        share = 0.0999 * (1 - momentum)  # a little below the limit
        factor = share * (1 - momentum) / 2 / RATE
        for nesterov in (False, True):
            if momentum or not nesterov:
                optimizer, l2 = made.SGD(RATE, momentum, nesterov), regularizers.L2(factor)
                [said] = decays(optimizer, l2)
                values = train(optimizer, l2, math.ceil(2 / share))
                yield said["half_life"], next(i for i, v in enumerate(values) if v <= 1.5)


def too_fast():
    fast = regularizers.L2(0.11 * (1 - 0.9) ** 2 / 2 / RATE)
    return [*decays(made.SGD(RATE, 0.9), fast), *decays(made.AdamW(RATE, weight_decay=4.0))]


def as_weight_decay():
    """Return where a weight comes to rest with weight decay, and with L2 that shrinks as much."""
    for momentum in (0.0, 0.9):
        l2 = regularizers.L2(0.2 * (1 - momentum) / 2)
        for optimizer, regularizer in (
            (made.SGD(0.5, momentum, weight_decay=0.2), None),
            (made.SGD(0.5, momentum), l2),
        ):
            yield train(optimizer, regularizer, 200, (1.0,))[-1]


class Mine(made.SGD):
    """An optimizer of somebody else's."""


def judged(*optimizers_):
    """Return the findings for a kernel with L2 under each optimizer."""
    variable = keras.Variable(np.ones((2, 2)), name="kernel")
    trained = [optimizers.Trained(variable, Variable("dense", "kernel"), describe(L2))]
    for optimizer in optimizers_:
        found = optimizers.decays(trained, optimizer)
        yield plain(
            (
                *optimizers.two_decays(trained, found),
                *optimizers.not_weight_decay(trained, optimizer),
            )
        )


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
            "rescaled": dict(rescaled()),
            "by rms": list(by_rms()),
            "halves": list(halves()),
            "too fast": too_fast(),
            "as weight decay": list(as_weight_decay()),
            "mine": decays(Mine(RATE, weight_decay=DECAY), L2),
            "judged": list(
                judged(
                    made.SGD(RATE),
                    made.Adam(RATE),
                    made.Lion(RATE),
                    made.Ftrl(RATE, weight_decay=DECAY),
                    Mine(RATE, weight_decay=DECAY),
                    made.LossScaleOptimizer(made.RMSprop(RATE)),
                )
            ),
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
