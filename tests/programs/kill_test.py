#!/usr/bin/env python3
"""A run that is killed at any moment, resumed and killed again ends with the same bits.

    kill_test.py RLHF

Runs an rlhf of few steps to its end, then the same with SIGKILL at random moments of its life,
resumed each time with --resume, until HONE_TEST_KILLS (4) kills have hit; the last attempt may end.
The final models' files, the newest checkpoint of each stage and the metrics must be those of the
uninterrupted run, every step once. So it is of a model that is fine-tuned, and of --tiny's, which is
trained from scratch. HONE_TEST_SEED draws other moments.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from report import check_rlhf
from tiny import World

KILLS = int(os.environ.get("HONE_TEST_KILLS", "4"))
SEED = int(os.environ.get("HONE_TEST_SEED", "1"))
STAGES = ["sft", "reward", "ppo"]


def files_of(out):
    """What must be equal: models, checkpoints, metrics."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        measured = name.endswith("-times.jsonl")
        if path.is_file() and name.startswith(("model/", "reward_model/", "checkpoints/")) or (
                name.endswith(".jsonl") and not measured):
            found[name] = path.read_bytes()
    return found


def check_metrics(out):
    for stage in STAGES:
        steps = [json.loads(line)["step"] for line in (out / f"{stage}.jsonl").open()]
        assert steps == list(range(len(steps))), f"{stage}.jsonl has the steps {steps}"


def kill_and_resume(world, scratch, *flags):
    random_of = random.Random(SEED)
    begin = time.monotonic()
    whole = world.run(scratch / "whole", "--save-every", 2, *flags)
    duration = time.monotonic() - begin
    assert whole.returncode == 0, whole.stderr
    expected = files_of(scratch / "whole")
    check_metrics(scratch / "whole")
    shown = check_rlhf(scratch / "whole/report.html", samples=4).samples
    assert {n.split("/")[1] for n in expected if n.startswith("checkpoints/")} == set(STAGES)
    assert {"model/tokenizer.json", "reward_model/tokenizer.json"} <= set(expected), list(expected)

    kills, rounds, stages_hit = 0, 0, {}
    while kills < KILLS:
        rounds += 1
        out = scratch / f"killed-{rounds}"
        ended = False
        while not ended:
            more = ["--save-every", 2, *flags] + (["--resume"] if out.exists() else [])
            # Short lives too: a kill may hit before the first checkpoint, or while one is read.
            life = random_of.uniform(0, duration * random_of.choice([0.2, 0.6, 1.1]))
            process = subprocess.Popen(world.command(out, *more), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE)
            try:
                # Once there have been enough kills, the last attempt runs to its end.
                _, errors = process.communicate(timeout=life if kills < KILLS else 600)
                assert process.returncode == 0, errors.decode()
                ended = True
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
                reached = [s for s in STAGES if (out / "checkpoints" / s).exists()]
                where = reached[-1] if reached else "start"
                stages_hit[where] = stages_hit.get(where, 0) + 1
        check_metrics(out)
        found = files_of(out)
        assert set(found) == set(expected), set(found) ^ set(expected)
        for name, content in expected.items():
            assert found[name] == content, f"{name} differs after {kills} kills"
        assert check_rlhf(out / "report.html", samples=4).samples == shown
    print(f"{' '.join(flags) or 'fine-tuned'}: {kills} kills in {rounds} runs, newest checkpoints at the "
          f"kills: {stages_hit}; {len(expected)} files equal")


def main(program):
    for flags in [], ["--tiny"]:
        with tempfile.TemporaryDirectory(prefix="hone_kill_") as scratch:
            scratch = pathlib.Path(scratch)
            kill_and_resume(World(program, scratch), scratch, *flags)


if __name__ == "__main__":
    main(*sys.argv[1:])
