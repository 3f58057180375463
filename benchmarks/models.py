"""Time and memory of `reglint inspect`, as ratios against the script that a user would write.

    python benchmarks/models.py      # needs keras and a backend; KERAS_BACKEND chooses

The models are made here: a small one, one with 64 million weights (256 MB), and one of 350 MB. The
script loads a model and prints `model.losses`. Runs take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import REGLINT, Cost, cost, middle

MAKE = """
import sys, keras
from keras import layers, regularizers
width, file = int(sys.argv[1]), sys.argv[2]
model = keras.Sequential([
    keras.Input((width,)),
    layers.Dense(width, kernel_regularizer=regularizers.L2(1e-4), kernel_initializer="ones"),
    layers.Dense(10, kernel_regularizer=regularizers.L1(1e-5), activity_regularizer="l2"),
])
model.save(file)
"""
SCRIPT = """
import sys
import keras
model = keras.saving.load_model(sys.argv[1], compile=False)
total = 0.0
for loss in model.losses:
    total += float(loss)
    print(float(loss))
print(total)
"""
WIDTHS = {"small model": 64, "256 MB": 8000, "350 MB": 9360}


def compare(name: str, model: Path, runs: int) -> None:
    """Print what the script, the static reader and both readers take for one model."""
    commands = {
        "script": [sys.executable, "-c", SCRIPT, str(model)],
        "inspect --static": [*REGLINT, "inspect", "--static", "--quiet", str(model)],
        "inspect": [*REGLINT, "inspect", "--quiet", str(model)],
    }
    costs: dict[str, list[Cost]] = {what: [] for what in commands}
    for turn in range(runs + 1):
        for what, command in commands.items():
            taken = cost(command)
            if turn:  # the first one warms the caches of the disk
                costs[what].append(taken)
    medians = {what: middle(found) for what, found in costs.items()}
    for what, found in medians.items():
        ratio = found.wall / medians["script"].wall
        times = f"{found.cpu:.2f} | {found.wall:.2f} | {found.memory:.0f} | {ratio:.2f}"
        print(f"| {name}: {what} | {times} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--models", nargs="*", choices=WIDTHS, default=list(WIDTHS))
    options = parser.parse_args()
    print("| what | CPU s | wall s | memory MB | wall, of the script |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models:
            model = Path(folder) / "model.keras"
            make = [sys.executable, "-c", MAKE, str(WIDTHS[name]), str(model)]
            subprocess.run(make, check=True, capture_output=True)
            compare(name, model, options.runs)


if __name__ == "__main__":
    main()
