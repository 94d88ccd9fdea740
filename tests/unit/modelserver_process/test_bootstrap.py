"""What an instance finds in its memory because of how its zygote was started."""

import subprocess
import sys

from hostler.modelserver import launcher

LOADED = """
import runpy, sys
sys.argv = [sys.argv[1], "zygote", "--socket", "/nowhere/at/all", "--imports", "colorsys"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except OSError as error:
    print(error.errno, *sorted(sys.modules))
"""


def test_a_zygote_loads_what_its_instances_need_and_no_parser_of_arguments() -> None:
    command = [sys.executable, "-I", "-c", LOADED, launcher.BOOTSTRAP]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    loaded = set(done.stdout.split())
    assert {"colorsys", "hostler_modelserver.zygote", "hostler_modelserver.shim"} <= loaded
    assert not loaded & {"argparse", "gettext"}
