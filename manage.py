#!/usr/bin/env python3
"""Annotary's one command: `python3 manage.py up` starts everything; `python3 manage.py help` lists the rest.

Until the environment exists this needs nothing but Python and pip (or uv). This file is kept readable for old Pythons,
so that they end with a sentence and not with a syntax error.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036
    found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.exit("Annotary needs Python 3.11 or newer, and this is " + found + ": start it with a newer one.")

if __name__ == "__main__":
    root = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path.insert(0, root)
    from annotary.runtime.source_roots import source_roots

    sys.path[:0] = map(str, source_roots())
    from annotary.cli import main

    sys.exit(main(sys.argv))
