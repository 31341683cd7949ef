"""The user that PostgreSQL runs as: it refuses to run as root.

There are three kinds. `self`: the current user, who is not root. `namespace`: a user namespace in which our root is an
ordinary user, so files stay root's and nothing has to move. `drop`: an unprivileged account, with data and binaries
under /var/lib/annotary because it cannot access a checkout in /root; for containers whose seccomp filter refuses
namespaces.
"""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.linux_processes import unshare_user

Kind = Literal["self", "namespace", "drop"]


@dataclass(frozen=True)
class RunAs:
    kind: Kind
    uid: int
    gid: int

    def preexec(self) -> Callable[[], None] | None:
        """Return the function that the child runs between fork and exec, if any."""
        if self.kind == "namespace":
            return self._enter_namespace
        if self.kind == "drop":
            return self._drop
        return None

    def _enter_namespace(self) -> None:
        unshare_user()
        # setgroups must be denied before an unprivileged process may write gid_map (user_namespaces(7)).
        for name, text in (("setgroups", "deny"), ("uid_map", f"{self.uid} 0 1"), ("gid_map", f"{self.gid} 0 1")):
            handle = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(handle, text.encode())
            os.close(handle)

    def _drop(self) -> None:
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)


def choose(*, prefer_drop: bool = False) -> RunAs:
    """Choose how to run; `prefer_drop` keeps using data that was created under the unprivileged account."""
    if os.geteuid() != 0:
        return RunAs("self", os.geteuid(), os.getegid())
    account = _unprivileged_account()
    if not prefer_drop and _namespaces_work(RunAs("namespace", account.pw_uid, account.pw_gid)):
        return RunAs("namespace", account.pw_uid, account.pw_gid)
    return RunAs("drop", account.pw_uid, account.pw_gid)


def _unprivileged_account() -> pwd.struct_passwd:
    """Find an account. initdb looks its user up by number, so it must exist; `nobody` does almost everywhere."""
    for name in ("annotary", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    for account in pwd.getpwall():
        if account.pw_uid != 0:
            return account
    raise EmbeddedError("PostgreSQL cannot run as root. Create the user 'annotary' (useradd --system annotary).")


def _namespaces_work(run_as: RunAs) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            run_as._enter_namespace()
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
