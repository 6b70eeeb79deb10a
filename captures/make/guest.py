"""Run a laboratory in a User Mode Linux guest in virtual time: its clock jumps over silence.

The guest's root file system is the host's own (hostfs), so it has the same programs; ``/run`` and ``/dev`` are its own. The
clock starts at the same time at every run: ``segments.START_NS``. ``lab_kernel.sh`` builds the kernel.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from segments import START_NS

_POWER_OFF = 0x4321FEDC
#: What the guest mounts over the host's files; the kernel itself mounts /dev.
_MOUNTS = (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"))


def boot(kernel: Path, command: list[str], seconds: float = 600) -> None:
    """Run ``command`` as the only process of a guest; RuntimeError with the guest's console when it fails or takes over ``seconds``."""
    with tempfile.TemporaryDirectory(prefix="guest-", dir="/var/tmp") as folder:
        init, done, console = Path(folder, "init"), Path(folder, "done"), Path(folder, "console")
        inner = [sys.executable, str(Path(__file__).resolve()), str(done), *command]
        environment = f"export PATH={shlex.quote(os.environ['PATH'])} HOME=/root TZ=UTC LC_ALL=C.UTF-8"
        init.write_text(f"#!/bin/sh\n{environment}\nexec {shlex.join(inner)} >>{console} 2>&1\n")
        init.chmod(0o755)
        guest = [str(kernel), "mem=512M", "rootfstype=hostfs", "rootflags=/", "rw", "root=/dev/root", f"init={init}", f"uml_dir={folder}"]
        guest += ["time-travel", f"time-travel-start={START_NS}", "con=null", "panic=-1", "quiet"]
        with console.open("ab") as out:
            try:
                subprocess.run(guest, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=seconds, check=False)
            except subprocess.TimeoutExpired:
                raise RuntimeError(f"the guest took over {seconds} s:\n{console.read_text(errors='replace')}") from None
        if not done.exists() or done.read_text() != "0":
            raise RuntimeError(f"in the guest: {shlex.join(command)}\n{console.read_text(errors='replace')}")


def _mount() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, target in _MOUNTS:
        if libc.mount(kind.encode(), target.encode(), kind.encode(), 0, None):
            raise OSError(ctypes.get_errno(), f"mount {target}")
    for folder in ("/dev/pts", "/run/netns", "/run/sshd", "/run/vsftpd/empty"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    libc.mount(b"devpts", b"/dev/pts", b"devpts", 0, None)


def _as_init() -> None:
    """What process 1 of the guest does: mount, run the command, note its exit status, power off."""
    done, command = Path(sys.argv[1]), sys.argv[2:]
    try:
        _mount()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
        done.write_text(str(subprocess.run(command, check=False).returncode))
    except OSError as error:
        print(f"{command}: {error}", flush=True)
    finally:
        ctypes.CDLL(None).sync()
        ctypes.CDLL(None).reboot(_POWER_OFF)


if __name__ == "__main__":
    _as_init()
