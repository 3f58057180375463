"""What a `Trainer` does on this backend, and what Keras itself does: a dictionary in JSON."""

import json
import os
import sys

import keras
import numpy as np
from keras import layers

from reglint.inspector.runtime.data import Batch, DataError
from reglint.tuning.compiling import compile_model
from reglint.tuning.facts import Candidate
from reglint.tuning.hypergradient import hypergradient
from reglint.tuning.request import Method, TuneRequest
from reglint.tuning.search import Search
from reglint.tuning.targets import find
from reglint.tuning.threads import limit
from reglint.tuning.trainer import Trainer, subset

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
random = np.random.default_rng(0)
X = random.normal(size=(150, 8)).astype("float32")
Y = random.integers(0, 3, 150)
BATCH = Batch(X, Y, None, "data", 150)


def values(variables):
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


def apart(first, second):
    return max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))


def network(coefficient=None, **frozen):
    regularizer = None if coefficient is None else keras.regularizers.L2(coefficient)
    normalization = layers.Normalization()
    normalization.adapt(X * 3 + 1)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            normalization,
            layers.Dense(12, kernel_initializer=keras.initializers.GlorotUniform(seed=1)),
            layers.Dense(12, activation="relu", kernel_regularizer=regularizer),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3, kernel_regularizer=regularizer),
        ]
    )
    model.layers[1].trainable = not frozen
    model.compile("adam", LOSS, metrics=["accuracy"])
    return model


def kernels(model):
    return [model.layers[2].kernel, model.layers[5].kernel]


def of_keras():
    """Return what a `fit` of Keras with L2 leaves, and that of a trainer after other trainings."""
    model = network()
    trainer = Trainer(model, kernels(model))
    trainer.check(BATCH)
    traced = []
    compute = model.compute_loss
    model.compute_loss = lambda *args, **more: [traced.append(1), compute(*args, **more)][1]
    first = trainer.train(BATCH, [0.02, 0.02], seed=3, epochs=3)
    after_first, tested = values(model.variables), trainer.evaluate(BATCH)
    known = len(traced)
    for coefficients in ([0.5, 0.5], [0.0, 1e-4]):
        trainer.train(BATCH, coefficients, seed=4, epochs=2)
    compiled_again = len(traced) - known
    begin = {id(variable): value for variable, value in trainer._initial_values(3)}
    trainer.train(BATCH, [0.02, 0.02], seed=3, epochs=3)
    again = values(model.variables)

    plain = network(0.02)
    own = [v for v in model.variables if id(v) in begin]
    for variable, other in zip(own, plain.variables, strict=True):
        other.assign(begin[id(variable)])
    plain.fit(X, Y, epochs=0, verbose=0)  # to build draws from the order of batches
    keras.utils.set_random_seed(3)
    plain.fit(X, Y, epochs=3, verbose=0)
    said = plain.evaluate(X, Y, verbose=0, return_dict=True)
    return {
        "steps": first.steps,
        "compiled_again": compiled_again,
        "first_and_again": apart(after_first, again),
        "ours_and_plain": apart(values(own), values(plain.variables)),
        "penalty": float(sum(0.02 * np.sum(k**2) for k in values(kernels(plain)))),
        "plain": said,
        "loss": tested.loss,
        "metrics": tested.metrics,
    }


def initial():
    """Return how far initial values of two seeds and of the file are apart, by layer."""
    found = {}
    for name, model, keep in (
        ("anew", network(), False),
        ("frozen", network(frozen=True), False),
        ("kept", network(), True),
    ):
        trainer = Trainer(model, kernels(model), keep_weights=keep)
        before = {id(v): value for v, value in trainer._kept}
        starts = [dict(enumerate(trainer._initial_values(seed))) for seed in (1, 2, 1)]
        found[name] = {
            v.path.partition("/")[2]: [
                apart([starts[0][i][1]], [starts[1][i][1]]),
                apart([starts[0][i][1]], [starts[2][i][1]]),
                apart([starts[0][i][1]], [before[id(v)]]),
            ]
            for i, (v, _) in enumerate(trainer._initial_values(1))
            if v.path.endswith(("/kernel", "/mean"))
        }
    return found


def derivative():
    """Return hypergradients, and how the validation loss changes when one step has another L2."""
    found = []
    for optimizer in (keras.optimizers.SGD(0.01), keras.optimizers.RMSprop(0.01)):
        model = keras.Sequential([keras.Input((8,)), layers.Dense(5, "tanh"), layers.Dense(3)])
        model.compile(optimizer, LOSS)
        variables = [model.layers[0].kernel, model.layers[1].kernel]
        trainer = Trainer(model, variables)
        half = subset(BATCH, np.arange(32)), subset(BATCH, np.arange(32, 64))
        trainer.train(half[0], [0.1, 0.1], seed=0, epochs=3)
        got = keras.ops.convert_to_numpy(
            trainer.once(hypergradient)(half[1].x, half[1].y, half[1].sample_weight)
        )
        slots = getattr(optimizer, "_velocities", None)
        scale = [
            1.0 if not slots else 1 / (np.sqrt(values(slots)[0 if i == 0 else 2]) + 1e-7)
            for i in range(2)
        ]
        present, wanted = values(variables), []
        for i, variable in enumerate(variables):
            losses = []
            for sign in (1, -1):
                variable.assign(present[i] - sign * 1e-3 * 2 * present[i] * scale[i] / 100)
                losses.append(trainer.loss(half[1]))
            variable.assign(present[i])
            wanted.append((losses[0] - losses[1]) / 2e-3 * 100)
        found.append([got.tolist(), wanted])
    return found


def searched():
    """Return what each method comes to, twice."""
    found = {}
    for method in Method:
        model = network(0.01)
        targets = find(model, (), [])
        trainer = Trainer(model, [variable for variable, _ in targets])
        asked = TuneRequest(None, method=method, lowest=1e-3, highest=1e-1, trials=4)
        search = Search(
            trainer, subset(BATCH, np.arange(100)), subset(BATCH, np.arange(100, 150)), asked, 5, 7
        )
        twice = [search.choose(Candidate.CHOSEN, keras.callbacks.Callback()) for _ in range(2)]
        per_layer = search.choose(Candidate.PER_LAYER, keras.callbacks.Callback())
        found[method.value] = {
            "same": twice[0].coefficients == twice[1].coefficients,
            "coefficients": twice[0].coefficients,
            "tried": [attempt.coefficient for attempt in twice[0].attempts],
            "losses": [attempt.loss for attempt in twice[0].attempts],
            "path": twice[0].path,
            "steps": twice[0].steps,
            "planned": search.planned(),
            "per_layer": per_layer.coefficients,
        }
    return found


def hard():
    """Return what comes of several inputs and outputs, of divergence, and of what is wrong."""
    inputs = [keras.Input((4,), name="a"), keras.Input((4,), name="b")]
    shared = layers.Dense(6, activation="relu")
    joined = layers.Concatenate()([shared(each) for each in inputs])
    outputs = {"p": layers.Dense(3, name="p")(joined), "q": layers.Dense(1, name="q")(joined)}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"p": LOSS, "q": "mse"}, metrics={"q": "mae"})
    y = {"p": Y, "q": X[:, :1]}
    weight = {"p": np.ones(150, "float32"), "q": np.full(150, 0.5, "float32")}
    several = Batch([X[:, :4], X[:, 4:]], y, weight, "several", 150)
    trainer = Trainer(model, [shared.kernel])
    trainer.check(several)
    cost = trainer.train(several, [0.01], seed=0, epochs=2)
    tested = trainer.evaluate(several)

    diverging = keras.Sequential([keras.Input((8,)), layers.Dense(3)])
    diverging.compile(keras.optimizers.SGD(1e30), "mse", metrics=["mae"])
    lost = Trainer(diverging, [diverging.layers[0].kernel])
    straight = Batch(X, X[:, :3], None, "straight", 150)
    lost.train(straight, [1.0], seed=0, epochs=3)
    diverged = lost.evaluate(straight).loss
    lost.train(straight, [0.0], seed=0, epochs=1)

    errors = {}
    model = network()
    trainer = Trainer(model, kernels(model))
    labels = np.where(np.arange(150) == 77, 9, Y)
    for name, batch in (
        ("label", Batch(X, labels, None, "labels", 150)),
        ("shape", Batch(X[:, :5], Y, None, "narrow", 150)),
    ):
        try:
            trainer.check(batch)
        except DataError as error:
            errors[name] = str(error)
    for on in ("nothing:kernel", "dense*:bias", "*:kernel"):
        notes = []
        mixed = keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(4, kernel_regularizer="l1", name="dense_a"),
                layers.Dense(3, name="dense_b"),
            ]
        )
        try:
            found = [str(target.variable) for _, target in find(mixed, (on,), notes)]
        except DataError as error:
            found = str(error)
        errors[on] = [found, notes]
    return {
        "cost": cost.steps,
        "several": tested.loss,
        "metrics": sorted(tested.metrics),
        "diverged": str(diverged),
        "errors": errors,
    }


def constant():
    """Return the loss of the mean prediction, by the trainer and by hand, of a list of outputs."""
    inputs = keras.Input((8,))
    outputs = {"p": layers.Dense(3, name="p")(inputs), "a": layers.Dense(1, name="a")(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"p": LOSS, "a": "mse"})
    trainer = Trainer(model, [])
    sorted_ = np.argsort(Y)  # so that batches differ
    batch = Batch(X[sorted_], {"p": Y[sorted_], "a": X[sorted_, :1]}, None, "sorted", 150)
    p, a = (model.predict(batch.x, verbose=0)[name].mean(0) for name in "pa")
    entropy = np.log(np.exp(p).sum()) - p[Y].mean()
    return [trainer.evaluate(batch).constant, float(entropy + np.mean((X[:, :1] - a) ** 2))]


def averaged():
    """Return whether an optimizer that averages weights can be trained with again and again."""
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3)])
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 20)
    model.compile(keras.optimizers.Adam(schedule, use_ema=True), LOSS)
    trainer = Trainer(model, [model.layers[0].kernel])
    parts = [subset(BATCH, np.arange(count)) for count in (150, 90, 110, 150)]
    costs = [trainer.train(part, [0.01], seed=0, epochs=1).steps for part in parts]
    return [*costs, bool(np.isfinite(trainer.loss(BATCH)))]


def threads():
    """Return the threads that torch takes for a small model, a large one, and as the user says."""
    if keras.backend.backend() != "torch":
        return None
    import torch

    found = []
    for units, user in ((10, None), (100_000, None), (10, "2")):
        torch.set_num_threads(2)
        model = keras.Sequential([keras.Input((8,)), layers.Dense(units), layers.Dense(3)])
        os.environ.pop("OMP_NUM_THREADS", None)
        os.environ |= {"OMP_NUM_THREADS": user} if user else {}
        limit(model, BATCH, 150)
        found.append(torch.get_num_threads())
    return found


def as_compiled():
    """Return whether a model of a file that was made for a compiler uses it here."""
    model = keras.Sequential([keras.Input((8,)), layers.Dense(3)])
    config = {"optimizer": "adam", "loss": "mse", "jit_compile": True}
    compile_model(model, config, loss=None, optimizer=None, notes=[])
    return model.jit_compile


if __name__ == "__main__":
    found = {"fit": of_keras(), "initial": initial(), "derivative": derivative()}
    found |= {"searched": searched(), "hard": hard(), "constant": constant()}
    found |= {"averaged": averaged(), "as_compiled": as_compiled(), "threads": threads()}
    json.dump(found, sys.stdout)
