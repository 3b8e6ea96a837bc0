"""Compiles snippets with every compiler that is here; what the structure checks share."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOBS = int(os.environ.get("HONE_JOBS", os.cpu_count() or 2))


def dependency_flags():
    """Include folders of what hone stands on, where they are not the compiler's own."""
    flags = subprocess.run(["pkg-config", "--cflags", "eigen3", "libpcre2-8", "libutf8proc"], text=True,
                           capture_output=True).stdout.split()
    return [f.replace("-I", "-isystem", 1) for f in flags] + os.environ.get("HONE_CFLAGS", "").split()


def torch_flags():
    """LibTorch's include folders (HONE_TORCH_ROOT, .deps), or None where there is no LibTorch."""
    candidates = [os.environ.get("HONE_TORCH_ROOT", ""), ROOT / ".deps/libtorch/torch"]
    candidates += sorted((ROOT / ".deps/venv/lib").glob("python3*/site-packages/torch"))
    for root in map(pathlib.Path, filter(None, candidates)):
        if (root / "include/torch/csrc/api/include/torch/version.h").is_file():
            return ["-isystem", f"{root}/include",
                    "-isystem", f"{root}/include/torch/csrc/api/include"]
    return None


def host_compiler(name):
    """A command that only checks a source."""
    return [name, "-std=c++20", "-fsyntax-only", f"-I{ROOT}/include", *dependency_flags()]


def nvcc():
    """A command that runs the device half of nvcc, or None."""
    path = shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")
    if not path:
        return None
    flags = [f for f in dependency_flags() if not f.startswith("-isystem")]
    folders = [f.removeprefix("-isystem") for f in dependency_flags() if f.startswith("-isystem")]
    return [path, "-std=c++20", "--expt-relaxed-constexpr", "-arch=compute_80", "-ptx", "-o",
            os.devnull, f"-I{ROOT}/include", *flags, *(f"-I{f}" for f in folders)]


def host_compilers():
    """The compilers of the contract that are installed."""
    return [c for c in ("g++", "clang++-19") if shutil.which(c)]


def run(command):
    """Exit status and everything said."""
    done = subprocess.run(command, text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr


def run_all(commands):
    """Runs all at once on JOBS cores; results in order."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(run, commands))


class Memory:
    """What passed with all that it depends on, kept under build/ until one of these changes."""

    def __init__(self, name, forget=False):
        self.path = ROOT / "build" / "structure" / f"{name}.json"
        try:
            self.keys = set() if forget else set(json.loads(self.path.read_text()))
        except (OSError, ValueError):
            self.keys = set()

    @staticmethod
    def key(*depends):
        return hashlib.sha256("\n".join(depends).encode()).hexdigest()

    def __contains__(self, key):
        return key in self.keys

    def add(self, key):
        self.keys.add(key)

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(sorted(self.keys)))
