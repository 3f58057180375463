"""Penalties of a model as Keras runs it: loaded, called once, every entry of its losses attributed.

From the ground up: `specs` (inputs as a user writes them; without Keras), `devices`, `layers` (what
a model is made of), `loading`, `probe` (inputs made up), `attribution`, `dormant`, `judgements`,
`reading` (all of it).
"""

import time

STARTED = time.perf_counter()  # before anything here imports Keras, which takes most of the time
