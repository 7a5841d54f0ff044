"""Holds Subtext's TensorBoard event files to TensorBoard itself (optional; needs `pip install tensorboard`).

    python tooling/parity/read_event_files.py RUN...   compares RUN/tensorboard with RUN/log.jsonl
    python tooling/parity/read_event_files.py --vector prints the bytes that event-records.test.ts holds

Every record is read with TensorBoard's own loader, which checks the checksums, and each scalar is compared with the
line of the log that it comes from, as float32.
"""
import io
import json
import math
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def float32(value):
    return math.nan if value is None else struct.unpack("f", struct.pack("f", float(value)))[0]


def check(run: Path) -> int:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    expected = {}
    for line in lines:
        for name, value in line.items():
            if name != "step" and (value is None or isinstance(value, (bool, int, float))):
                expected.setdefault(name, []).append((line["step"], float32(value)))
    accumulator = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    found = {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}
    same = lambda one, other: len(one) == len(other) and all(a[0] == b[0] and (a[1] == b[1] or (math.isnan(a[1]) and math.isnan(b[1]))) for a, b in zip(one, other))
    faults = [name for name in sorted(set(expected) | set(found)) if not same(expected.get(name, []), found.get(name, []))]
    points = sum(len(values) for values in found.values())
    print(f"{run}: {len(lines)} lines, {len(found)} scalars, {points} points; " + ("all equal" if not faults else f"DIFFERENT: {', '.join(faults)}"))
    return len(faults)


class Kept(io.BytesIO):
    def close(self):
        pass


def vector() -> str:
    events = [event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2")]
    event = event_pb2.Event(wall_time=1700000001.5, step=10)
    event.summary.value.add(tag="loss", simple_value=0.5)
    event.summary.value.add(tag="learningRate", simple_value=0.001)
    events.append(event)
    event = event_pb2.Event(wall_time=1700000002.0, step=3000000000)
    event.summary.value.add(tag="Verlust/ü", simple_value=math.nan)
    events.append(event)
    kept = Kept()
    writer = RecordWriter(kept)
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()
    return kept.getvalue().hex()


if __name__ == "__main__":
    if sys.argv[1:] == ["--vector"]:
        print(vector())
    elif len(sys.argv) < 2:
        sys.exit(__doc__)
    else:
        sys.exit(1 if sum(check(Path(run)) for run in sys.argv[1:]) else 0)
