"""Runs AWS CLI v1 command lines one after another, by the driver that its `aws` script makes.

Each line of stdin is a command line (a JSON list of the words after `aws`), and each of stdout its
status, output and errors, taken from the file descriptors as a shell would.
"""

import contextlib
import json
import os
import sys
import tempfile

from awscli.clidriver import create_clidriver

DRIVER = create_clidriver()


def run(words: list[str]) -> dict[str, object]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = os.dup(1), os.dup(2)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            status: object = 0
            with contextlib.suppress(SystemExit):
                status = DRIVER.main(words)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return {"status": status, "out": said[0], "err": said[1]}


if __name__ == "__main__":
    for line in sys.stdin:
        said = json.dumps(run(json.loads(line)))
        sys.stdout.write(said + "\n")
        sys.stdout.flush()
