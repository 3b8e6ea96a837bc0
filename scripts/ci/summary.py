#!/usr/bin/env python3
"""Counts the test cases of one run: summary.py RESULTS [--not-built STATUS].

RESULTS holds ctest.junit and one gtest report for each program. A program that died before it
wrote its report, or after, counts as one failure; so does a build that did not finish.
"""

import argparse
import pathlib
import sys
import xml.etree.ElementTree as xml


def seconds(value):
    return f"{float(value):8.1f} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--not-built", type=int, default=0)
    arguments = parser.parse_args()

    passed = failed = skipped = 0
    failures, skips = [], {}
    junit = arguments.results / "ctest.junit"
    entries = list(xml.parse(junit).getroot().iter("testcase")) if junit.is_file() else []
    for entry in entries:
        name, ok = entry.get("name"), entry.get("status") == "run"
        report = arguments.results / f"{name}_test.xml"
        broken = []
        if report.is_file():
            for case in xml.parse(report).getroot().iter("testcase"):
                full = f"{name}: {case.get('classname')}.{case.get('name')}"
                if case.find("failure") is not None:
                    broken.append(full)
                elif case.find("skipped") is not None:
                    skipped += 1
                    message = (case.find("skipped").get("message") or "").strip().splitlines()
                    skips.setdefault(message[-1] if message else "", []).append(full)
                else:
                    passed += case.get("status") == "run"
        elif ok:
            passed += 1
        if not ok and not broken:
            broken.append(f"{name}: did not end as it should")
        failures += broken
        failed += len(broken)
        print(f"{seconds(entry.get('time', 0))}  {name}" + ("" if ok else "  FAILED"))
    if arguments.not_built:
        failures.append("the build did not finish")
        failed += 1
    for message, names in skips.items():
        print(f"skipped ({message}): {', '.join(names[:4])}" + (" ..." if len(names) > 4 else ""))
    for failure in failures:
        print("FAILED", failure)
    if passed + failed == 0:
        print("no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
