"""One side of a comparison: a process that prints its figures as a line of JSON."""
import json
import resource
import subprocess
import sys


def run(command):
    """Those figures, and "system": the share of the processor time that was the kernel's, which for
    fresh memory is page faults."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "system": system / (user + system)}
