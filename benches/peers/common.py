"""Shared by the scripts here: paths, installing peers and calling them."""
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "target" / "peers"
RESULTS = ROOT / "benches" / "results"

# A process that takes longer is stuck: burn tunes itself for up to two minutes.
TIMEOUT_S = 900


class Failed(Exception):
    """A peer that did not install or run; the message is the end of its output."""


def call(command, timeout=TIMEOUT_S, **options):
    """Runs `command`; its stdout."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, **options)
    except subprocess.TimeoutExpired:
        raise Failed(f"no answer in {timeout} s") from None
    except OSError as error:
        raise Failed(str(error)) from None
    if done.returncode != 0:
        # Errors that Mesa prints without a display say nothing.
        said = [line.strip() for line in done.stderr.splitlines() if line.strip() and "XDG_RUNTIME_DIR" not in line]
        reason = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise Failed(": ".join([reason, *said[-1:]])[:500])
    return done.stdout


def venv(name, *packages):
    """The Python of a virtual environment with `packages`."""
    python = FOLDER / name / "bin" / "python"
    stamp = FOLDER / name / "installed"
    if not stamp.is_file() or stamp.read_text() != "\n".join(packages):
        call([sys.executable, "-m", "venv", FOLDER / name])
        call([python, "-m", "pip", "install", "--quiet", *packages], timeout=3600)
        stamp.write_text("\n".join(packages))
    return python


def torch():
    return [venv("torch", "torch==2.15.*", "numpy"), HERE / "lenet_torch.py"], {}


def ours():
    call(["cargo", "build", "--release", "--manifest-path", ROOT / "Cargo.toml"], timeout=7200)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return [target / "release" / "lenet-gpu"], {}


def empty_cache():
    """The folder of what compilers and tuners keep: empty, so that the first round is cold."""
    cache = FOLDER / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)
    return cache


def origin():
    """When and where figures were measured."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} CPU threads",
    }


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def write(name, result, markdown, folder):
    """Writes `name`.json and `name`.md into `folder`, and if that is where results are kept the latter, without
    its title, into the README, between its marks; prints it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / f"{name}.md").write_text(markdown)
    print(markdown)
    if folder.resolve() == RESULTS.resolve():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->\n"
        readme = ROOT / "README.md"
        before, _, rest = readme.read_text().partition(begin)
        _, _, after = rest.partition(end)
        body = markdown.partition("\n\n")[2]
        readme.write_text(f"{before}{begin}{body}{end}{after}")
