#!/usr/bin/env python3
"""What goes wrong is said, with its place; the last good checkpoint stays; the exit is not zero.

    errors_test.py RLHF
"""

import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

from tiny import World, write_model


def check(what, result, *expected):
    assert result.returncode == 1, f"{what}: exit {result.returncode}\n{result.stderr}"
    text = result.stderr.splitlines()[-1]
    assert text.startswith("error: "), f"{what}: {text!r}"
    for words in expected:
        assert words in text, f"{what}: {text!r} does not say {words!r}"
    print(f"{what}: {text}")


def limit_files(size):
    """No file may grow beyond `size` bytes: what a full disk does, without one."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def checkpoints_of(out):
    return {str(p.relative_to(out)): p.read_bytes()
            for p in sorted((out / "checkpoints").rglob("*")) if p.is_file()}


def main(program):
    with tempfile.TemporaryDirectory(prefix="hone_errors_") as scratch:
        scratch = pathlib.Path(scratch)
        world = World(program, scratch)

        # Inputs.
        check("no model", world.run(scratch / "a", model="nothing"), "nothing: does not exist")
        check("no data", world.run(scratch / "a", ratings="nothing.txt"), "nothing.txt")
        lines = (scratch / "ratings.txt").read_text().splitlines(keepends=True)
        lines[16] = "17\tthree\tthe film\n"
        (scratch / "broken.txt").write_text("".join(lines))
        check("malformed line", world.run(scratch / "a", ratings="broken.txt"), "broken.txt:17:",
              '"three"')
        (scratch / "unread.txt").mkdir()
        check("a folder for a file", world.run(scratch / "a", ratings="unread.txt"), "unread.txt")
        shutil.copytree(scratch / "model", scratch / "cut")
        weights = (scratch / "model/model.safetensors").read_bytes()
        (scratch / "cut/model.safetensors").write_bytes(weights[:-4])
        check("model cut short", world.run(scratch / "a", model="cut"), "cut/model.safetensors: ")

        config = scratch / "config.toml"
        for text, line, key in (("sft-steps = 3\nsft-rait = 0.1\n", 2, "sft-rait"),
                                ("seed = 2\n\n[ppo]\n  rate = 1e-3\n", 4, "ppo.rate")):
            config.write_text(text)
            check("unknown key", world.run(scratch / "a", "--config", config),
                  f'error: {config}:{line}: unknown key "{key}", expected one of the options')
        config.write_text("help = true\n")
        check("no key of a file", world.run(scratch / "a", "--config", config), f"error: {config}: help")

        # A good run up to the middle of PPO, as a kill would leave it.
        good = scratch / "good"
        done = world.run(good, "--save-every", 2)
        assert done.returncode == 0, done.stderr
        kept = checkpoints_of(good)
        assert any(name.startswith("checkpoints/ppo/step-000008/") for name in kept), list(kept)

        check("an earlier run", world.run(good, "--save-every", 2), "--resume")
        check("another seed", world.run(good, "--save-every", 2, "--resume", "--seed", 2),
              "checkpoints/sft/step-000012/run.json: seed is", 'expected "2"')
        check("another composition",
              world.run(good, "--save-every", 2, "--resume", "--kl-target", 9),
              "checkpoints/ppo/step-000008/run.json: composition.kl.coef.target is 3.0, expected 9.0")
        check("another reward",
              world.run(good, "--save-every", 2, "--resume", "--missing-end-penalty", 0.25),
              'run.json: missing_end_penalty is "0.5", expected "0.25"')
        write_model(scratch / "wide", mlp=64)
        check("a checkpoint of another shape",
              world.run(good, "--save-every", 2, "--resume", model="wide"),
              "checkpoints/sft/step-000012/run")
        assert checkpoints_of(good) == kept, "a refused run has changed the checkpoints"

        torn = scratch / "torn"
        shutil.copytree(good, torn)
        file = torn / "checkpoints/ppo/step-000008/run.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
        check("a checkpoint cut short", world.run(torn, "--save-every", 2, "--resume"),
              "checkpoints/ppo/step-000008/run.safetensors: ")

        # The disk fills while a checkpoint is written: the one before stays, and the run goes on
        # from it once there is room.
        full = scratch / "full"
        size = max((good / name).stat().st_size for name in (
            "checkpoints/reward/step-000009/run.safetensors", "reward_model/model.safetensors"))
        check("disk full", world.run(full, "--save-every", 2, before=limit_files(size + 1000)),
              "checkpoints/ppo/step-000002", "cannot be written: File too large")
        assert set(os.listdir(full / "checkpoints/sft")) == {"step-000010", "step-000012"}
        assert not list((full / "checkpoints").glob("ppo/step-*/run.json"))
        resumed = world.run(full, "--save-every", 2, "--resume")
        assert resumed.returncode == 0, resumed.stderr
        assert checkpoints_of(full) == kept, "resumed after a full disk, the run is another"

        # The disk is full for what is reported; TensorBoard's file is the largest.
        device = scratch / "device"
        device.mkdir()
        check("metrics on a full disk", world.run(device, before=limit_files(600)),
              "error: sft, step ", "device/tensorboard/sft/events.out.tfevents.",
              "cannot be written: File too large")

        # A rate that ruins the weights: the gradient is not a number, the last checkpoint is good.
        ruined = scratch / "ruined"
        check("not a number", world.run(ruined, "--save-every", 1, "--sft-rate", "1e30"),
              "error: sft, step 1: gradient of ",
              "expected a finite number; the weights are unchanged")
        assert os.listdir(ruined / "checkpoints/sft"), "the checkpoints before are gone"
        assert not (ruined / "model").exists()
        for stage in "reward", "ppo":
            ruined = scratch / f"ruined-{stage}"
            shutil.copytree(good, ruined)
            shutil.rmtree(ruined / "checkpoints/ppo")
            shutil.rmtree(ruined / "checkpoints" / stage, ignore_errors=True)
            shutil.rmtree(ruined / "model")
            before = checkpoints_of(ruined)
            check(f"not a number in {stage}",
                  world.run(ruined, "--save-every", 1, "--resume", f"--{stage}-rate", "1e30"),
                  f"error: {stage}, step ", "expected a finite number")
            after = checkpoints_of(ruined)
            assert {name: after[name] for name in before} == before, "the checkpoints before are gone"
            assert not (ruined / "model").exists()

        # A weight that is none: the first step says so, and nothing was saved.
        shutil.copytree(scratch / "model", scratch / "poisoned")
        (scratch / "poisoned/model.safetensors").write_bytes(
            weights[:-4] + struct.pack("<f", float("nan")))
        check("a poisoned weight", world.run(scratch / "sick", "--save-every", 1, model="poisoned"),
              "error: sft, step 0: gradient of ", " is nan, expected a finite number")
        assert not list((scratch / "sick").glob("checkpoints/*/step-*"))

    # Interpreters differ in the names of signals; subprocess would have raised on a crash by one.
    assert subprocess.run([program, "--help"], capture_output=True).returncode == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
