"""``python in_process.py MODEL FOLDER SECONDS``: rows a second of one core without a server.

From the bytes of a request's body to the bytes of its answer, one row at a time.
"""

import random
import sys
import time
from pathlib import Path

import orjson
import predictors

model, seconds = sys.argv[1], float(sys.argv[3])
predict = predictors.load(model, Path(sys.argv[2]))
bodies = [
    orjson.dumps({"instances": [[round(random.uniform(0.1, 7.9), 3) for _ in range(4)]]})
    for _ in range(200)
]
done, began = 0, time.process_time()
while time.process_time() - began < seconds:
    for body in bodies:
        rows = orjson.loads(body)["instances"]
        orjson.dumps(predictors.answer(model, predict, rows))
    done += len(bodies)
print(done / (time.process_time() - began))
