#!/usr/bin/env python3
"""What a report.html shows.

    report.py rlhf REPORT.html      refuses a report of rlhf that lacks what a person looks for
"""

import html
import pathlib
import re
import sys

ONLINE = ["score", "KL to reference [nats]", "length [tokens]", "sampled entropy [nats]", "clip fraction",
          "policy loss", "learning rate"]
CRITIC = ["explained variance", "value loss"]


class Report:
    """charts: section -> titles of the charts that show a curve; tiles: label -> value; samples: rows of
    prompt, before, score, after, score; settings: name -> value."""

    def __init__(self, path):
        self.path = path
        text = pathlib.Path(path).read_bytes().decode()  # a sample may hold any kind of line end
        head, *rest = re.split(r"<h2>(.*?)</h2>", text)
        sections = {html.unescape(title): body for title, body in zip(rest[::2], rest[1::2])}
        read = lambda pattern, body: [tuple(map(html.unescape, found)) for found in  # noqa: E731
                                      re.findall(pattern, body, re.S)]
        self.title = html.unescape(re.search(r"<h1>(.*?)</h1>", head)[1])
        self.tiles = dict(read(r'class="card tile"><span>(.*?)</span><b>(.*?)</b>', head))
        self.samples = read(r"<tr>" + 5 * r"<td[^>]*>(.*?)</td>" + "</tr>",
                            sections.pop("Samples, before and after", ""))
        self.settings = dict(read(r"<tr><td[^>]*>(.*?)</td><td[^>]*><code>(.*?)</code>", sections.pop("Settings", "")))
        self.charts = {section: [title for title, drawing in read(r"<h3>(.*?)</h3>.*?<svg(.*?)</svg>", body)
                                 if "var(--curve-" in drawing] for section, body in sections.items()}

    def shows(self, section, *titles):
        lacking = set(titles) - set(self.charts[section])
        assert not lacking, f"{self.path}: {section} lacks {lacking}, has {self.charts[section]}"


def check_rlhf(path, samples=12):
    report = Report(path)
    report.shows("Supervised fine-tuning", "loss", "learning rate")
    report.shows("Reward model", "loss", "pair accuracy", "learning rate")
    report.shows("PPO", *ONLINE, *CRITIC, "judge", "KL coefficient")
    assert list(report.tiles) == ["reward model, held-out pairs", "KL to the reference, nats per answer",
                                  "reward model's score", "judge's valence"], report.tiles
    for label in "reward model's score", "judge's valence":
        assert re.fullmatch(r"-?[\d.e+-]+ → -?[\d.e+-]+", report.tiles[label]), report.tiles
    assert len(report.samples) == samples, report.samples
    assert all(prompt for prompt, *_ in report.samples), report.samples
    assert any(before != after for _, before, _, after, _ in report.samples), report.samples
    assert {"model", "seed", "ppo-rate", "kl-target"} <= set(report.settings), report.settings
    return report


if __name__ == "__main__":
    assert sys.argv[1] == "rlhf", sys.argv
    check_rlhf(sys.argv[2])
