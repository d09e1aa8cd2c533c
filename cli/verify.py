"""`edgecls verify`: does this machine compute what the exporting one did?"""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from ..edge_runtime.errors import BadModel, CheckFailed, UsageError


def verify(
    models: list[Path] = typer.Argument(
        None,
        help="Exported files, or names that `edgecls models` lists; by default every file in this folder.",
    ),
    threads: int = typer.Option(1, min=1, help="Threads of the engine."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a file on stdout."),
) -> None:
    """Replay exported files' golden frames here: pass or fail."""
    from ..edge_runtime.engines.engine import open_engine
    from ..edge_runtime.models.builtin import expand_builtin
    from ..edge_runtime.models.find import exported_files
    from ..edge_runtime.models.golden import replay
    from ..edge_runtime.models.model_file import ModelFormat, read_model

    failed = []
    for path in expand_builtin(models, "auto") if models else exported_files(Path()):
        model = read_model(path)
        if model.format is ModelFormat.H5:
            raise UsageError(f"{path}: the Keras original; verify takes the files that `edgecls export` made")
        if not model.card.golden:
            raise BadModel(f"{path}: its card has no golden frames; export it again")
        engine = open_engine(model, threads=threads)
        results = replay(engine, model.card)
        held = all(result.holds for result in results)
        if as_json:
            frames = [asdict(result) | {"holds": result.holds, "reason": result.reason} for result in results]
            print(json.dumps({"file": str(path), "engine": engine.name, "holds": held, "frames": frames}))
        else:
            print(f"{path}: {'pass' if held else 'FAIL'} ({engine.name})")
            for result in results:
                print(f"  {result.text}")
        if not held:
            failed.append(str(path))
        engine.close()
    if failed:
        raise CheckFailed(
            f"{', '.join(failed)}: this machine answers differently from the one that exported; "
            "copy or export it again, or try another --engine"
        )
