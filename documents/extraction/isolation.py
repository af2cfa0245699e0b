"""What a parser process takes away from itself before it sees a byte of a stranger's file (Linux).

No libraries beyond ctypes: this is imported by every parser process, whose start must cost nothing.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

NetworkIsolation = Literal["namespace", "seccomp"]

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000

_OPEN_FILES = 32
_FIRST_TO_GO = "1000"  # proc(5), oom_score_adj: the highest

# struct seccomp_data: the call's number at 0, the architecture at 4. Audit numbers from linux/audit.h.
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
_X32_CALLS = 0x40000000  # the same calls again under other numbers on x86-64

# socket, socketpair, io_uring_setup (does what sockets do), and what starts or touches other processes:
# clone, fork, vfork, clone3, execve, execveat, ptrace, process_vm_readv, process_vm_writev, pidfd_getfd
_REFUSED_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 425, 56, 57, 58, 435, 59, 322, 101, 310, 311, 438)),
    "aarch64": (0xC00000B7, (198, 199, 425, 220, 435, 221, 281, 117, 270, 271, 438)),
}

# Landlock's calls have the same numbers everywhere (linux/landlock.h; rights as in its first version)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_ALL_RIGHTS, _READ_FILE_AND_FOLDER = 0x1FFF, 0x4 | 0x8

_libc = ctypes.CDLL(None)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)


def set_limits(memory: int, data: int, seconds: float) -> None:
    """Bound address space and what of it is writable, in bytes, processor time and open files.

    No file may be written, no core dumped. Where memory runs short, the kernel ends this process first.
    """
    with suppress(OSError):  # a system that hides /proc
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    cpu = max(1, round(seconds))
    for limit, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_DATA, data, data),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(limit, (soft, hard))


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that started this process ends; end now if process `parent` is gone already.

    To be called last: the kernel forgets the request when the process's credentials change.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def isolate_network() -> NetworkIsolation | None:
    """Cut the process off; both ways where both work. The name of the strongest that did, else None."""
    in_namespace = enter_empty_network()
    filtered = refuse_sockets()
    if in_namespace:
        return "namespace"
    return "seccomp" if filtered else None


def enter_empty_network() -> bool:
    """Move to a network namespace without any interface; False where the system forbids it.

    The process must have a single thread.
    """
    return bool(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def refuse_sockets() -> bool:
    """Have the kernel answer EPERM to sockets, new programs and other processes; False where it cannot."""
    try:
        architecture, calls = _REFUSED_CALLS[platform.machine()]
    except KeyError:
        return False
    return _install(_filter_program(architecture, calls))


def hide_files(readable: Iterable[str]) -> bool:
    """Have the kernel refuse to open any file but those below the `readable` folders, and these for reading.

    Files that are open stay so. By Landlock (Linux 5.13); False where the kernel has none.
    """
    ruleset = _libc.syscall(_CREATE_RULESET, struct.pack("Q", _ALL_RIGHTS), ctypes.c_size_t(8), 0)
    if ruleset < 0:
        return False
    for folder in filter(os.path.isdir, readable):
        descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", _READ_FILE_AND_FOLDER, descriptor)
        _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        os.close(descriptor)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    is_hidden = _libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return bool(is_hidden)


def _install(program: bytes) -> bool:
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of 8-byte instructions, and where they are
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    return bool(
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0
    )


def _filter_program(architecture: int, calls: tuple[int, ...]) -> bytes:
    """A classic BPF program (seccomp(2)): refuse a foreign architecture and the calls, allow the rest."""
    tail = len(calls)
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_JUMP_EQUAL, 0, tail + 3, architecture),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_JUMP_AT_LEAST, tail + 1, 0, _X32_CALLS),
        *((_JUMP_EQUAL, tail - index, 0, call) for index, call in enumerate(calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
