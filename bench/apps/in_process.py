"""``python in_process.py FOLDER SECONDS``: rows a second that one core predicts without a server.

From the bytes of a request's body to the bytes of its answer, one row at a time, with model.joblib.
"""

import random
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import orjson

model = joblib.load(Path(sys.argv[1]) / "model.joblib")
bodies = [
    orjson.dumps({"instances": [[round(random.uniform(0.1, 7.9), 3) for _ in range(4)]]})
    for _ in range(200)
]
done, began = 0, time.process_time()
while time.process_time() - began < float(sys.argv[2]):
    for body in bodies:
        rows = np.asarray(orjson.loads(body)["instances"])
        orjson.dumps({"predictions": model.predict(rows).tolist()})
    done += len(bodies)
print(done / (time.process_time() - began))
