#!/usr/bin/env python3
"""Builds that should agree: fingerprints.py RESULTS RESULTS...

A test states what must not depend on compiler or instruction set with
RecordProperty("fingerprint...", hash). All builds that state it must state the same.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml


def fingerprints(results):
    found = {}
    for report in sorted(results.glob("*.xml")):
        for case in xml.parse(report).getroot().iter("testcase"):
            for item in case.iter("property"):
                if item.get("name", "").startswith("fingerprint"):
                    key = f"{case.get('classname')}.{case.get('name')} {item.get('name')}"
                    found[key] = item.get("value")
    return found


def main():
    folders = [pathlib.Path(a) for a in sys.argv[1:]]
    builds = [fingerprints(f) for f in folders]
    shared = sorted(k for k in set().union(*builds) if sum(k in b for b in builds) > 1)
    failed = 0
    for key in shared:
        if len({b[key] for b in builds if key in b}) > 1:
            failed += 1
            print(f"{key} differs:")
            for folder, build in zip(folders, builds):
                print(f"  {folder}: {build.get(key)}")
    print(f"fingerprints of {', '.join(map(str, folders))}:")
    print(f"{len(shared) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
