"""What tuning the models of files comes to on this backend: a dictionary in JSON."""

import json
import sys
from dataclasses import replace

import keras
import numpy as np
from keras import layers

from reglint.inspector.codec import encode
from reglint.inspector.facts import Level, Verdict
from reglint.inspector.request import Request
from reglint.inspector.runtime.data import Batch, DataError
from reglint.tuning import splits
from reglint.tuning.job import tune
from reglint.tuning.request import Budget, Method, TuneRequest

random = np.random.default_rng(0)
X = random.normal(size=(90, 6)).astype("float32")
Y = (X[:, 0] > 0).astype("int32") + (X[:, 1] > 0)
np.savez("data.npz", x=X, y=Y)
np.savez("few.npz", x=X[:2], y=Y[:2])
np.savez("labels.npz", x=X, y=np.where(np.arange(90) == 5, 7, Y))
np.savez("none.npz", x=X)
np.savez("noise.npz", x=X, y=random.integers(0, 3, 90))


def save(name, *, compiled=True, fit=0):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(0.003)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    if compiled:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    if fit:
        model.fit(X, Y, batch_size=32, epochs=fit, verbose=0)
    model.save(name)


save("model.keras")
save("bare.keras", compiled=False)
save("long.keras", fit=7)
keras.models.load_model("long.keras").save("old.h5")
attention = [keras.Input((4, 6)), keras.Input((4, 6))]
several = layers.MultiHeadAttention(2, 3, name="mha")(*attention)
several = layers.Bidirectional(layers.LSTM(3), name="both")(layers.BatchNormalization()(several))
several = layers.Dense(3, activation="softmax", name="out")(several)
several = keras.Model(attention, several)
several.compile("adam", "sparse_categorical_crossentropy")
several.save("several.keras")
np.savez(
    "several.npz", x0=X.repeat(4, 0).reshape(90, 4, 6), x1=X.repeat(4, 0).reshape(90, 4, 6), y=Y
)
BASE = TuneRequest(Request("model.keras", data="data.npz"), seeds=2, epochs=3)


def done(asked=BASE, progress=lambda *_: None):
    return tune(asked, Level.RUN, Verdict(), known=None, progress=progress)


def timeless(report):
    """Return a report without what a clock says."""
    still = {"seconds": 0.0}
    return encode(
        replace(
            report,
            run=replace(report.run, seconds=type(report.run.seconds)()),
            choices=tuple(replace(each, **still) for each in report.choices),
            trials=tuple(replace(each, **still) for each in report.trials),
        )
    )


def error(**changed):
    request = {key: changed.pop(key) for key in ("path", "data", "loss") if key in changed}
    try:
        done(replace(BASE, request=replace(BASE.request, **request), **changed))
    except DataError as error:
        return str(error)
    return ""


def split():
    """Return the shares of labels in each part, and whether parts overlap."""
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    found = {}
    for fixed in (None, 8):
        batch = Batch(np.zeros((100, 2)), labels, None, "made", 100, fixed)
        count = splits.sizes(batch, 0.2, 0.2)
        parts = splits.split(batch, count, 3)
        every = np.concatenate([parts.training, parts.validation, parts.testing])
        found[str(fixed)] = {
            "sizes": [len(parts.training), len(parts.validation), len(parts.testing)],
            "once": len(set(every.tolist())) == len(every),
            "labels": [
                np.bincount(labels[part], minlength=3).tolist()
                for part in (parts.training, parts.validation, parts.testing)
            ],
            "others": bool((splits.split(batch, count, 4).testing == parts.testing).all()),
        }
    hashes = {
        splits.sha256(Batch(x, y, None, "", len(x)))
        for x, y in ((X, Y), (X.copy(), Y), (X + 0, Y[::-1]), (X.astype("float64"), Y))
    }
    return found | {"hashes": len(hashes)}


if __name__ == "__main__":
    stages = []
    report = done(progress=lambda stage, share: stages.append((stage, share)))
    per_layer = done(replace(BASE, method=Method.T1_T2, per_layer=True, seeds=1))
    found = {
        "report": json.loads(encode(report)),
        "again": timeless(report) == timeless(done()),
        "stages": stages,
        "per_layer": json.loads(encode(per_layer)),
        "budget": json.loads(encode(done(replace(BASE, budget=Budget(runs=11.0), seeds=9)))),
        "kept": json.loads(encode(done(replace(BASE, keep_weights=True, seeds=1)))),
        "old": json.loads(
            encode(
                done(replace(BASE, request=replace(BASE.request, path="old.h5"), seeds=1, epochs=1))
            )
        ),
        "several": json.loads(
            encode(
                done(
                    replace(
                        BASE,
                        request=replace(BASE.request, path="several.keras", data="several.npz"),
                        method=Method.T1_T2,
                        per_layer=True,
                        seeds=1,
                    )
                )
            )
        ),
        "huge_batch": done(replace(BASE, batch_size=5000, seeds=1)).trials[0].runs,
        "named": json.loads(
            encode(
                done(
                    replace(
                        BASE,
                        request=replace(
                            BASE.request, path="bare.keras", loss="sparse_categorical_crossentropy"
                        ),
                        optimizer="rmsprop",
                        on=("dense*:bias",),
                        seeds=1,
                    )
                )
            )
        ),
        **{
            name: json.loads(
                encode(
                    done(
                        replace(
                            BASE,
                            request=replace(BASE.request, data="noise.npz"),
                            epochs=40,
                            seeds=2,
                            keep_epochs=keep,
                        )
                    )
                )
            )
            for name, keep in (("noise", False), ("noise, all epochs", True))
        },
        "long": done(
            replace(BASE, request=replace(BASE.request, path="long.keras"), epochs=None, seeds=1)
        ).epochs,
        "errors": {
            "few": error(data="few.npz"),
            "label": error(data="labels.npz"),
            "no y": error(data="none.npz"),
            "no loss": error(path="bare.keras"),
            "no optimizer": error(path="bare.keras", loss="mse"),
            "wrong loss": error(loss="nonsense"),
            "unfit loss": error(loss="categorical_crossentropy"),
            "wrong optimizer": error(optimizer="nonsense"),
            "on": error(on=("dens:kernel",)),
            "runs": error(budget=Budget(runs=2.0)),
            "seconds": error(budget=Budget(seconds=1e-6)),
        },
        "split": split(),
    }
    json.dump(found, sys.stdout)
