"""One measured pass of pcapaudit's engine over a capture, in a process of its own: ``run.py`` starts it.

    python benchmarks/engine.py CAPTURE STAGE

STAGE says how far each packet goes: ``read`` (bytes to records), ``decode`` (records to columns), ``track`` (and conntrack and flows, one
policy and no rule), ``rules`` (thirty-two rules), ``ahead`` (the same, read and decoded in a second thread where there is a processor for
it, as the command does), ``default`` (rulesets/default.nft), ``detectors`` (the same, and all detectors), ``memory`` (as ``track``, asking
for the process's memory on the way), or the path of a ruleset. No output is written, verdict columns are produced. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

# As the command does, and before NumPy is imported: idle threads of its linear algebra would spin into the figures.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pcapaudit import builds
from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core.columns import PacketBatch
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.run import Engine, Source
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import compile_ruleset, parse_ruleset
from pcapaudit.wire.decode import Decoder

HERE = Path(__file__).parent
NO_RULES = "table inet bench { chain forward { type filter hook forward priority filter; policy accept; } }\n"
RULES = {
    "track": None,
    "memory": None,
    "rules": HERE / "rules32.nft",
    "ahead": HERE / "rules32.nft",
    "default": HERE.parent / "rulesets" / "default.nft",
    "detectors": HERE.parent / "rulesets" / "default.nft",
}
PAGE_BYTES = resource.getpagesize()
#: Live entries at which ``memory`` takes its second measure.
ENTRIES = 1_000_000


def main() -> None:
    """Run one stage and print what it took."""
    path, stage = sys.argv[1:]
    with open_stream([path]) as stream, ExitStack() as stack:
        step = _reader(stream, decode=stage == "decode") if stage in ("read", "decode") else _engine(stream, stage, stack)
        started, result = time.process_time_ns(), {}
        while step(result):
            pass
        result["cpu_ns"] = time.process_time_ns() - started
    result["packets"] = stream.frames
    result["peak_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result["core"] = builds.core_in_use()
    print(json.dumps(result))


def _reader(stream, *, decode: bool) -> Callable[[dict], bool]:
    batch = PacketBatch()
    decoder = Decoder(batch)

    def step(_result: dict) -> bool:
        found = stream.read_into(batch)
        if found and decode:
            decoder.decode()
        return found

    return step


def _engine(stream, stage: str, stack: ExitStack) -> Callable[[dict], bool]:
    path = RULES[stage] if stage in RULES else Path(stage)
    ruleset = parse_ruleset(path.read_text() if path else NO_RULES, path.name if path else "no-rules.nft")
    topology = Topology.from_options()
    program = compile_ruleset(ruleset, topology.interfaces, assumed=topology.assumed)
    source = _ahead(stream, stack) if stage == "ahead" else Source(stream)
    context = Context(stream, ruleset, program, topology, ConntrackConfig())
    engine = Engine(context, source, seed=1)
    consumers = _detectors(context) if stage == "detectors" else ()

    def step(result: dict) -> bool:
        if source.read():
            engine.judge(consumers)
            if stage == "memory":
                _note_memory(result, engine.tracker.live)
            return True
        result["flows"] = engine.finish(consumers).flows
        return False

    return step


def _ahead(stream, stack: ExitStack):
    """The source that the command uses; imported here, for no other stage pays for it."""
    from pcapaudit.api.ahead import open_source

    return stack.enter_context(open_source(stream, "auto"))


def _detectors(context: Context) -> list:
    """Every detector; imported here, for no other stage pays for them."""
    from pcapaudit.findings.registry import make_detectors

    return [make_detectors(context)]


def _note_memory(result: dict, live: int) -> None:
    """Memory with few entries, and again with many."""
    if "few" not in result:
        result["few"] = [live, _resident_bytes()]
    elif live >= ENTRIES and "many" not in result:
        result["many"] = [live, _resident_bytes()]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


if __name__ == "__main__":
    main()
