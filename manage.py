#!/usr/bin/env python3
"""Annotary's one command: `python3 manage.py up` starts everything; `python3 manage.py help` lists the rest.

It needs only Python and pip (or uv) until it has created the environment. This file stays parseable by old Python
versions, so that they exit with a clear message instead of a syntax error.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036
    version = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.exit("Annotary needs Python 3.11 or newer, but this is Python " + version + ": run it with a newer one.")

if __name__ == "__main__":
    root = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path.insert(0, root)
    from annotary.runtime.source_roots import source_roots

    sys.path[:0] = map(str, source_roots())
    from annotary.cli import main

    sys.exit(main(sys.argv))
