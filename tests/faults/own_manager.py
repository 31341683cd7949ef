"""A manager of an installation that a test started, created in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from annotary.demo.accounts import SignIn
from annotary.runtime.source_roots import python_path

PROGRAM = """
import dataclasses, json, os
from annotary.demo.accounts import make_manager
print(json.dumps(dataclasses.asdict(make_manager(os.environ))))
"""


def make_manager(environment: Mapping[str, str]) -> SignIn:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **environment, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    return SignIn(**json.loads(done.stdout))
