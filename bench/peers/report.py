"""Reports: a table and a picture of ratios, all times, and the check against the required ratios."""

import dataclasses
import json
import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

OURS = "unspool"
# This library must be faster than these, and as fast as oneDNN, whose layers are written by hand.
RIVALS = ["torch.layer", "torch.loop", "jax.scan", "jax.hoisted"]
LEAST_IN_EACH = 1.2
LEAST_MEAN = 1.5

COLOURS = {
    "torch.layer": "#d1495b",
    "torch.loop": "#edae49",
    "jax.scan": "#30638e",
    "jax.hoisted": "#00a6a6",
    "keras": "#8f5fbf",
    "onednn": "#3a3a3a",
}


def figure(times: Iterable[float]) -> float:
    """The median of the faster half: noise only ever makes a step slower."""
    ordered = sorted(times)
    return statistics.median(ordered[: (len(ordered) + 1) // 2])


@dataclass(frozen=True)
class Measured:
    """The times of all sides in one case, by round, and the other values that our program printed in its last round."""

    cell: str
    size: str
    mode: str
    threads: int
    times: dict[str, list[list[float]]]
    printed: dict

    def title(self) -> str:
        return f"{self.cell} {self.size}"

    def peers(self) -> list[str]:
        return [name for name in self.times if name != OURS]

    def figure(self, side: str) -> float:
        return figure(time for times in self.times[side] for time in times)

    def ratio(self, peer: str) -> float:
        """The time of a peer divided by ours."""
        return self.figure(peer) / self.figure(OURS)

    def spread(self, peer: str) -> tuple[float, float]:
        """The smallest and the largest ratio of a single round."""
        ratios = [figure(theirs) / figure(ours) for theirs, ours in zip(self.times[peer], self.times[OURS])]
        return min(ratios), max(ratios)

    def best_rival(self) -> str | None:
        return min((name for name in self.peers() if name in RIVALS), key=self.figure, default=None)


def line(measured: Measured) -> str:
    """One case as text, printed as soon as it is measured."""
    sides = (f"{side} {measured.figure(side):.3g} ms" for side in measured.times)
    return f"{measured.mode:5} {measured.threads}T {measured.title():13} {', '.join(sides)}"


def geometric_mean(ratios: Iterable[float]) -> float:
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def groups(measured: list[Measured]) -> Iterator[tuple[str, list[Measured]]]:
    """The cases of one table: training or inference, with one number of threads."""
    for key in dict.fromkeys((m.mode, m.threads) for m in measured):
        mode, threads = key
        name = {"train": "Training", "infer": "Inference"}[mode]
        yield f"{name}, {threads} thread{'s' * (threads > 1)}", [m for m in measured if (m.mode, m.threads) == key]


def cell_text(measured: Measured, peer: str) -> str:
    if peer not in measured.times:
        return "–"
    low, high = measured.spread(peer)
    return f"{measured.ratio(peer):.2f} [{low:.2f}–{high:.2f}]"


def row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def table(cases: list[Measured]) -> str:
    """A table with a row for each case and a column for each peer; geometric means in the last row."""
    peers = list(dict.fromkeys(peer for case in cases for peer in case.peers()))
    rivals = [(case, rival) for case in cases if (rival := case.best_rival())]
    rows = [row(["case", f"{OURS}, ms", *peers, "best rival"]), row(["---"] * (len(peers) + 3))]
    for case in cases:
        rival = case.best_rival()
        best = f"{case.ratio(rival):.2f} {rival}" if rival else "–"
        rows.append(row([case.title(), f"{case.figure(OURS):.3g}", *(cell_text(case, peer) for peer in peers), best]))
    means = [f"{geometric_mean(case.ratio(peer) for case in cases if peer in case.times):.2f}" for peer in peers]
    of_rivals = f"{geometric_mean(case.ratio(rival) for case, rival in rivals):.2f}" if rivals else "–"
    return "\n".join([*rows, row(["geometric mean", "", *means, of_rivals])])


def markdown(measured: list[Measured]) -> str:
    about = (
        "How many times as long as this library a peer takes, with the least and the greatest ratio of a round in "
        "brackets. A rival is one of " + ", ".join(RIVALS) + "."
    )
    return "\n\n".join([about, *(f"## {title}\n\n{table(cases)}" for title, cases in groups(measured))]) + "\n"


def text(x: float, y: float, content: str, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(content)}</text>'


def rule(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


class Axis:
    """A logarithmic scale for ratios."""

    left, right = 130.0, 760.0

    def __init__(self, ratios: list[float]) -> None:
        self.low = min(0.8, *ratios) / 1.1
        self.high = max(2.0, *ratios) * 1.1

    def place(self, ratio: float) -> float:
        share = math.log(ratio / self.low) / math.log(self.high / self.low)
        return self.left + share * (self.right - self.left)

    def ticks(self) -> list[float]:
        steps = [m * 10.0**e for e in range(-3, 5) for m in (1, 1.5, 2, 3, 5, 7)]
        return [tick for tick in steps if self.low <= tick <= self.high]


def panel(title: str, cases: list[Measured], axis: Axis, top: float) -> tuple[list[str], float]:
    """A panel of the picture: a line for each case, with a dot for each peer on the range of its rounds."""
    height = 20.0
    bottom = top + 30 + height * len(cases)
    parts = [text(axis.left, top + 12, title, weight="bold")]
    for tick in axis.ticks():
        x = axis.place(tick)
        parts.append(rule(x, top + 22, x, bottom, "#222" if tick == 1 else "#ddd", 1.5 if tick == 1 else 1))
        parts.append(text(x, bottom + 14, f"{tick:g}", "middle"))
    for i, case in enumerate(cases):
        y = top + 30 + height * (i + 0.5)
        parts.append(text(axis.left - 10, y + 4, case.title(), "end"))
        for peer in case.peers():
            low, high = case.spread(peer)
            parts.append(rule(axis.place(low), y, axis.place(high), y, COLOURS[peer], 1.5))
            place = f'cx="{axis.place(case.ratio(peer)):.1f}" cy="{y:.1f}"'
            parts.append(f'<circle {place} r="4.5" fill="{COLOURS[peer]}" fill-opacity="0.85"/>')
    return parts, bottom + 40


def picture(measured: list[Measured]) -> str:
    """The ratios as an SVG."""
    peers = list(dict.fromkeys(peer for case in measured for peer in case.peers()))
    axis = Axis([ratio for case in measured for peer in case.peers() for ratio in case.spread(peer)])
    parts = [text(axis.left, 24, "Time of a peer over the time of this library (right of 1: the peer is slower)")]
    for i, peer in enumerate(peers):
        x = axis.left + 105 * i
        parts.append(f'<circle cx="{x + 5:.1f}" cy="42" r="4.5" fill="{COLOURS[peer]}"/>')
        parts.append(text(x + 14, 46, peer))
    top = 66.0
    for title, cases in groups(measured):
        more, top = panel(title, cases, axis, top)
        parts += more
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {top:.0f}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"


def write(measured: list[Measured], folder: Path) -> None:
    """Writes ratios.md, ratios.svg and figures.json, which has all times."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ratios.md").write_text(markdown(measured))
    (folder / "ratios.svg").write_text(picture(measured))
    figures = [
        dataclasses.asdict(case) | {"figures_ms": {side: case.figure(side) for side in case.times}} for case in measured
    ]
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


def case_failures(case: Measured) -> Iterator[str]:
    """The requirements that a case with one thread does not meet."""
    name = f"{case.mode} {case.title()}"
    rival = case.best_rival()
    least = LEAST_IN_EACH if case.mode == "train" else 1.0
    if rival is None:
        yield f"{name}: no rival was measured"
    elif case.ratio(rival) < least:
        yield f"{name}: {case.ratio(rival):.3f} times as fast as {rival}, should be {least}"
    if case.mode == "train" and "onednn" in case.times and case.ratio("onednn") < 1:
        yield f"{name}: {case.ratio('onednn'):.3f} times as fast as onednn, should be 1"


def failures(measured: list[Measured]) -> list[str]:
    """The requirements that the cases with one thread do not meet."""
    cases = [case for case in measured if case.threads == 1]
    found = [failure for case in cases for failure in case_failures(case)] if cases else ["no case had one thread"]
    ratios = [case.ratio(rival) for case in cases if case.mode == "train" and (rival := case.best_rival())]
    if ratios and geometric_mean(ratios) < LEAST_MEAN:
        found.append(f"train: {geometric_mean(ratios):.3f} times as fast in the mean, should be {LEAST_MEAN}")
    return found
