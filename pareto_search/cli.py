"""The command line: verbs that each call one function of `stages`; heavy imports wait until a verb runs."""

import logging
import signal
import sys
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from pareto_search.errors import ConfigError, ParetoSearchError
from pareto_search.potential.exports import export_kinds

if TYPE_CHECKING:
    from pareto_search.config import StudyConfig

app = typer.Typer(
    help="Search for light HIPNN student potentials, taught by a larger network, and compare them with controls.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class ImageFormat(StrEnum):
    """Kinds of image that figures can be written as."""

    svg = "svg"
    png = "png"
    pdf = "pdf"


EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130

ConfigArgument = Annotated[Path, typer.Argument(help="config file (YAML), such as configs/quickstart.yaml")]
OutOption = Annotated[Path, typer.Option("--out", help="run directory; made if needed, continued if it is there")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="override a setting, as search.n_trials=8; may be repeated")
]
AddressOption = Annotated[str | None, typer.Option("--address", help="join this Ray cluster instead of starting one")]
RunArgument = Annotated[Path, typer.Argument(help="run directory")]
ModelArgument = Annotated[str, typer.Argument(help="a model of the run (see models.csv), or 'teacher'")]


@app.command()
def run(config: ConfigArgument, out: OutOption, settings: SetOption = None, address: AddressOption = None) -> None:
    """Run every stage, from data to report; the same command again continues the run."""
    from pareto_search import stages, terminal

    terminal.show_study(stages.run(_config(config, settings, address), out), out)


@app.command()
def plan(config: ConfigArgument, settings: SetOption = None) -> None:
    """Show stages, trials, epochs, estimated time and memory, and the resolved settings; train nothing.

    Frames that a teacher makes by MD are made first, unless the user's cache has them.
    """
    from pareto_search import stages, terminal

    terminal.show_plan(stages.plan(_config(config, settings)))


@app.command()
def data(
    config: ConfigArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="run directory to write dataset.json and data.html to")
    ] = None,
    settings: SetOption = None,
) -> None:
    """Read and check the data; print what they hold and draw their histograms."""
    from pareto_search import stages, terminal

    terminal.show_dataset(stages.data(_config(config, settings), out), out)


@app.command()
def teacher(config: ConfigArgument, out: OutOption, settings: SetOption = None) -> None:
    """Train the teacher."""
    from pareto_search import stages, terminal

    terminal.show_models(stages.teacher(_config(config, settings), out))


@app.command()
def label(config: ConfigArgument, out: OutOption, settings: SetOption = None) -> None:
    """Cache the teacher's atomic energies of every frame; train the teacher if that is not done."""
    from pareto_search import stages, terminal

    labels = stages.label(_config(config, settings), out)
    terminal.print_line(
        f"{len(labels.atomic_energy_ev)} atomic energies in {out / 'labels.npz'}, hash {labels.sha256[:12]}"
    )


@app.command()
def costs(
    config: ConfigArgument,
    out: OutOption,
    settings: SetOption = None,
    n_ladder: Annotated[
        int, typer.Option("--ladder", min=0, help="also measure this many sizes through the space")
    ] = 4,
) -> None:
    """Measure MD step time and capacity of the teacher and of a ladder of architectures."""
    from pareto_search import stages, terminal

    terminal.show_costs(stages.costs(_config(config, settings), out, n_ladder))


@app.command()
def search(config: ConfigArgument, out: OutOption, settings: SetOption = None, address: AddressOption = None) -> None:
    """Run the search, after the stages it needs."""
    from pareto_search import stages, terminal

    terminal.show_models(stages.search(_config(config, settings, address), out))


@app.command()
def confirm(config: ConfigArgument, out: OutOption, settings: SetOption = None, address: AddressOption = None) -> None:
    """Retrain the front and a ladder with fresh seeds; the search must have run in this directory."""
    from pareto_search import stages, terminal

    terminal.show_models(stages.confirm(_config(config, settings, address), out))


@app.command()
def liquid(run_dir: RunArgument, settings: SetOption = None) -> None:
    """Run MD of the liquid by the teacher and the confirmed networks: its structure, energy drift, stability.

    With --set measure.liquid.n_atoms=500, say, it is another liquid from then on.
    """
    from pareto_search import stages, terminal

    terminal.show_liquid(stages.liquid(run_dir, tuple(settings or ())))


@app.command()
def measure(run_dir: RunArgument, model_id: ModelArgument, settings: SetOption = None) -> None:
    """Measure accuracy, MD step time and capacity of a trained model; --set measure.engine=hippynn for hippynn's."""
    from pareto_search import stages, terminal

    terminal.show_measurement(stages.measure(run_dir, model_id, tuple(settings or ())))


@app.command()
def report(
    run_dirs: Annotated[list[Path], typer.Argument(help="run directory; several are compared on one page")],
    figures: Annotated[
        Path | None, typer.Option("--figures", help="also write every figure as an image and as CSV into this folder")
    ] = None,
    formats: Annotated[
        list[ImageFormat] | None, typer.Option("--format", help="kind of image; may be repeated  [default: svg]")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="page of several runs  [default: comparison.html]")] = None,
    force: Annotated[bool, typer.Option("--force", help="compare runs on different data, with a warning")] = False,
) -> None:
    """Write the tables and the report of a run directory again, or compare several runs."""
    from pareto_search import stages, terminal

    if len(run_dirs) > 1:
        if figures is not None:
            raise ConfigError("--figures is for one run directory")
        page = out or Path("comparison.html")
        terminal.show_comparison(stages.compare(run_dirs, page, is_forced=force), page)
        return
    if out is not None or force:
        raise ConfigError(
            "--out and --force are for several run directories; the report of one is report.html in that directory"
        )
    if formats and figures is None:
        raise ConfigError("--format is the kind of image that --figures writes; name a folder with --figures")
    if figures is not None and figures.exists() and not figures.is_dir():
        raise ConfigError(f"--figures {figures} is a file; name a folder")
    terminal.show_study(stages.report(run_dirs[0]), run_dirs[0])
    if figures is not None:
        written = stages.figures(run_dirs[0], figures, [kind.value for kind in formats or [ImageFormat.svg]])
        terminal.print_line(f"{len(written)} files of figures in {figures}")


@app.command()
def export(
    run_dir: RunArgument,
    model_id: ModelArgument,
    path: Annotated[Path, typer.Argument(help="what to write: a folder, or for lammps a file *.pt; must not exist")],
    kind: Annotated[str, typer.Option("--to", help=f"program that will read it: {', '.join(export_kinds())}")],
) -> None:
    """Export a trained model: for this package and ASE, for hippynn, or for LAMMPS."""
    from pareto_search import stages, terminal
    from pareto_search.potential.exports import export_named

    stages.export(run_dir, model_id, kind, path)
    terminal.print_line(f"{path}: {export_named(kind).how_to_read.format(path=path)}")


@app.command()
def dashboard(
    run_dir: RunArgument,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="port of the page; 0: any that is free")] = 8050,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; any but the default lets other machines open the page")
    ] = "127.0.0.1",
) -> None:
    """Serve a page that follows a run while it goes on; it only reads, and waits where no run has begun yet."""
    from pareto_search.report.live.server import serve
    from pareto_search.terminal import show_address

    serve(run_dir, host, port, lambda port, is_run: show_address(run_dir, host, port, is_run))


def _config(path: Path, settings: list[str] | None, address: str | None = None) -> "StudyConfig":
    from pareto_search.config_file import load_config

    return load_config(path, (*(settings or ()), *(() if address is None else (f"cluster.address={address}",))))


def _configure_logging() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("pareto_search")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 the run failed, 2 bad input, 130 interrupted."""
    _configure_logging()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except SystemExit as stop:
        if stop.code == EXIT_INTERRUPTED:
            _print_error("interrupted; the same command continues from here")
        raise
    except ParetoSearchError as error:
        _print_error(str(error))
        sys.exit(EXIT_BAD_INPUT if error.is_bad_input else EXIT_FAILED)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_error(message: str) -> None:
    typer.secho(message, err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)


if __name__ == "__main__":
    main()
