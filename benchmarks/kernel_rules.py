"""What the kernel's own nf_tables needs for a packet and a ruleset: the other side of ``rules.py``.

    python benchmarks/kernel_rules.py

UDP datagrams go out by the loopback interface of a network namespace of their own, once with an empty chain at the hook output and once
with the rules in it; the difference of the sender's CPU time is what the rules took: they run in its system call. The best of five rounds.
Root, nft and unshare are needed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKETS = 20_000
_SENDER = f"""
import socket, time
receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
receiver.bind(("127.0.0.1", 9))
sender.connect(("127.0.0.1", 9))
best = 1 << 62
for _ in range(5):
    started = time.thread_time_ns()
    for _ in range({PACKETS}):
        sender.send(b"x")
    best = min(best, time.thread_time_ns() - started)
print(best / {PACKETS})
"""
_START = 'ip link set lo up && nft -f "$0" && exec "$1" -c "$2"'


def kernel_ns(rules: str) -> float | None:
    """Nanoseconds a packet that the kernel takes for ``rules``, lines of a chain that accepts the rest; None where it cannot be asked."""
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        return None
    times = [_sent(each) for each in ("", rules)]
    return None if None in times else times[1] - times[0]  # type: ignore[operator]  # neither is None


def _sent(rules: str) -> float | None:
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as file:
        file.write(f"table inet bench {{\nchain output {{\ntype filter hook output priority filter; policy accept;\n{rules}\n}}\n}}\n")
        file.flush()
        command = ["unshare", "-n", "sh", "-c", _START, str(Path(file.name)), sys.executable, _SENDER]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


if __name__ == "__main__":
    from rules import linear_chain

    taken = kernel_ns(linear_chain())
    print("the kernel cannot be asked here" if taken is None else f"kernel, chain of 1000 rules: {taken:.0f} ns a packet")
