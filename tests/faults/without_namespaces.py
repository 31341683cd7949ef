"""Runs a command as if in a container without user namespaces: `python without_namespaces.py PROGRAM ARGUMENTS...`.

A seccomp filter makes unshare(2) fail with EPERM, as Docker's default profile does; all children inherit it.
"""

import ctypes
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, EPERM = 0x7FFF0000, 0x00050000, 1
UNSHARE = {"x86_64": 272, "aarch64": 97}
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def refuse_namespaces() -> None:
    instructions = b"".join(
        struct.pack("HBBI", *one)
        for one in (
            (LOAD_WORD, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, UNSHARE[platform.machine()]),
            (RETURN, 0, 0, SECCOMP_RET_ERRNO | EPERM),
            (RETURN, 0, 0, SECCOMP_RET_ALLOW),
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)
    filter_program = Program(4, instructions)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0) == 0


if __name__ == "__main__":
    refuse_namespaces()
    os.execvp(sys.argv[1], sys.argv[1:])
