"""Compares edgecls with the libraries that made the files: with the options that fit, and without any.

A file is right if edgecls gives each label the probability that its maker gives it, or says in one line why
not and what to do. Whatever else happens is a fault. The commands run in children of a process that has read
the libraries already, which takes a tenth of the time; a refusal is then typed again in a process of its own,
as its time is part of the promise.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .makers.given import LABELS, Case

REFUSAL_CPU_S = 2.0
_REFUSALS = {2, 65}
_SECONDS = 240


class Run(NamedTuple):
    """What a command left."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Verdict:
    """How edgecls treated one file, typed in one way."""

    case: Case
    typed: str
    """`options`, or `bare`: only those of the crop, which no file says."""
    outcome: str
    """`exact`, `refused`, or what is wrong: `wrong answer`, `crash`, `slow refusal`, `not refused`."""
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether nobody would want this."""
        return self.outcome not in {"exact", "refused"}


@dataclass
class Comparison:
    """A corpus and the place where its files are tried."""

    corpus: Path
    time_refusals: bool = True
    with_bare: bool = True

    def cases(self, only: Sequence[str] = ()) -> Iterator[Case]:
        """Yields the cases whose file, kind or maker contains one of `only`; all if there are none."""
        for path in sorted((self.corpus / "cases").glob("*.json")):
            case = Case(**json.loads(path.read_text()))
            if not only or any(part in f"{case.file} {case.kind}" for part in only):
                yield case

    def judge(self, case: Case) -> Iterator[Verdict]:
        """Yields what happens with the options that fit, and without."""
        yield self._judge(case, "options", case.options)
        bare = list(of_the_crop(case.options))
        if self.with_bare and bare != case.options and case.answers:
            yield self._judge(case, "bare", bare)

    def _judge(self, case: Case, typed: str, options: list[str]) -> Verdict:
        with tempfile.TemporaryDirectory(prefix="strangers-") as folder:
            place = Path(folder)
            name = Path(case.file).name
            source = self.corpus / case.file
            if source.is_dir():
                shutil.copytree(source, place / name)
            else:
                shutil.copy(source, place)
                for beside in source.parent.glob(f"{name}.data"):
                    shutil.copy(beside, place)
            labels = ["--labels", str(self.corpus / case.labels)] if case.labels else []
            pictures = str(self.corpus / "pictures")
            if case.export:
                return self._exported(case, typed, place, [*labels, *options], pictures)
            argv = ["predict", pictures, "--model", name, *labels, *options, "--json", "--topk", "9"]
            return self._answered(case, typed, place, argv)

    def _exported(self, case: Case, typed: str, place: Path, options: list[str], pictures: str) -> Verdict:
        name = Path(case.file).name
        argv = ["export", name, *options, "--calibration", pictures]
        run = in_child(argv, place)
        if run.code:
            return self._not_answered(case, typed, run, argv, place)
        made = sorted(path.name for path in place.glob("*.tflite")) + sorted(
            path.name for path in place.glob("*.onnx")
        )
        if not made:
            return Verdict(case, typed, "crash", f"exit 0 and no file: {_tail(run)}")
        verdict = Verdict(case, typed, "exact")
        for file in made:
            argv = ["predict", pictures, "--model", file, "--json", "--topk", "9"]
            verdict = self._answered(case, typed, place, argv)
            if verdict.outcome != "exact":
                return Verdict(case, typed, verdict.outcome, f"{file}: {verdict.detail}")
        return verdict

    def _answered(self, case: Case, typed: str, place: Path, argv: list[str]) -> Verdict:
        run = in_child(argv, place)
        if run.code:
            return self._not_answered(case, typed, run, argv, place)
        if not case.answers:
            return Verdict(case, typed, "not refused", run.output[:200])
        rows = [json.loads(line) for line in run.output.splitlines() if line.startswith("{")]
        labels = _labels(case)
        worst, where = 0.0, ""
        for row in rows:
            given = {entry["label"]: entry["confidence"] for entry in row["ranking"]}
            expected = case.answers[Path(row["name"]).name]
            for label, value in zip(labels, expected, strict=True):
                off = abs(given.get(label, 9.0) - value)
                if off > worst:
                    worst, where = (
                        off,
                        f"{Path(row['name']).name} {label}: {given.get(label)} not {value:.4f}",
                    )
        if len(rows) != len(case.answers):
            return Verdict(
                case, typed, "wrong answer", f"{len(rows)} answers for {len(case.answers)} pictures"
            )
        if worst > case.tolerance + 1e-6:
            return Verdict(case, typed, "wrong answer", f"off by {worst:.2g} ({where})")
        return Verdict(case, typed, "exact", f"within {worst:.1g}")

    def _not_answered(self, case: Case, typed: str, run: Run, argv: list[str], place: Path) -> Verdict:
        lines = [line for line in run.errors.splitlines() if line.strip()]
        told = [line for line in lines if "error:" in line]
        if run.code not in _REFUSALS or len(told) != 1 or len(lines) > 3 or "Traceback" in run.errors:
            return Verdict(case, typed, "crash", f"exit {run.code}: {_tail(run)}")
        if self.time_refusals:
            seconds = cpu_of(argv, place)
            if seconds > REFUSAL_CPU_S:
                return Verdict(case, typed, "slow refusal", f"{seconds:.1f} s: {told[0]}")
        return Verdict(case, typed, "refused", told[0])


def of_the_crop(options: Sequence[str]) -> Iterator[str]:
    """Yields the options of which part of a picture a network was trained on, which no file says."""
    for option, value in zip(options[::2], options[1::2], strict=True):
        if option in {"--crop", "--resize-to"}:
            yield from (option, value)


def _labels(case: Case) -> list[str]:
    return [*LABELS[:2]] if case.labels == "labels_two.txt" else [*LABELS]


def _tail(run: Run) -> str:
    lines = [line for line in (run.errors or run.output).splitlines() if line.strip()]
    return f"{len(lines)} lines, last: {' '.join(lines[-1].split())[:400]}" if lines else "nothing said"


def read_libraries() -> None:
    """Reads in the parent what each child would read again."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras  # noqa: F401, PLC0415
    import tensorflow  # noqa: F401, PLC0415


def in_child(argv: list[str], place: Path) -> Run:
    """Runs an edgecls command in a fork of this process."""
    out, err = place / ".out", place / ".err"
    child = os.fork()
    if child == 0:
        _become(argv, place, out, err)
    code = _wait(child)
    run = Run(code, out.read_text(errors="replace"), err.read_text(errors="replace"))
    out.unlink()
    err.unlink()
    return run


def _become(argv: list[str], place: Path, out: Path, err: Path) -> None:
    code = 70
    try:
        os.chdir(place)
        for path, descriptor in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        sys.argv = ["edgecls", *argv]
        from edgecls.cli.main import main  # noqa: PLC0415

        main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def cpu_of(argv: list[str], place: Path) -> float:
    """Returns the processor seconds of a command in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "edgecls", *argv],
        cwd=place,
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(
    corpus: Path,
    only: Sequence[str],
    on_step: Callable[[str], None],
    *,
    time_refusals: bool = True,
    with_bare: bool = True,
) -> list[Verdict]:
    """Returns how edgecls treats each file, typed with and without options."""
    comparison = Comparison(corpus, time_refusals, with_bare)
    cases, verdicts = [*comparison.cases(only)], []
    if any(case.export for case in cases):
        read_libraries()
    for case in cases:
        for verdict in comparison.judge(case):
            verdicts.append(verdict)
            on_step(f"{verdict.outcome:<13} {case.file} ({verdict.typed}) {verdict.detail}")
    return verdicts


def render(verdicts: Sequence[Verdict]) -> str:
    """Returns what is wrong, by kind, and how many files are right."""
    lines = []
    for kind in dict.fromkeys(verdict.case.kind for verdict in verdicts):
        mine = [verdict for verdict in verdicts if verdict.case.kind == kind]
        typed = [verdict for verdict in mine if verdict.typed == "options"]
        exact = sum(verdict.outcome == "exact" for verdict in typed)
        lines.append(
            f"{kind}: {len(typed)} files, {exact} exact, {sum(v.outcome == 'refused' for v in typed)} refused"
        )
        for verdict in mine:
            odd = verdict.outcome == "refused" and verdict.typed == "options" and verdict.case.answers
            if verdict.is_fault or odd:
                lines.append(
                    f"    {verdict.outcome}: {verdict.case.file} ({verdict.typed}): {verdict.detail}"
                )
    faults = sum(verdict.is_fault for verdict in verdicts)
    return "\n".join(
        [*lines, f"\n{len({v.case.file for v in verdicts})} files, {len(verdicts)} commands, {faults} faults"]
    )
