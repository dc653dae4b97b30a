"""Jars of the embedded stack and its tests: resolved from Maven coordinates by jgo, cached, checked against a lock.

Free of any repository address: jgo's default is used. `python -m deploy.embedded.jars lock kafka` writes a lock again
after a change of version, `… fetch kafka` fills the cache. Only tests need `greenmail`, a mail server.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

KAFKA_VERSION = "4.4.0"
ROOT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka logs through slf4j 1.7; without this binding it would log nothing. Taken alone, its needs are in Kafka's graph:
# resolved together, the dependency management of log4j's parent would put kafka-clients back to an older version.
BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"
_PARALLEL = 8
_ATTEMPTS = 3


class JarsUnavailable(RuntimeError):
    """The jars could not be fetched, or one is not what the lock says. The message says what to do."""


@dataclass(frozen=True)
class Jar:
    coordinate: str
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """Jars that one program needs. `root` is resolved with everything it needs at run time, `alone` as they are."""

    name: str
    lock: Path
    root: str | None = None
    alone: tuple[str, ...] = ()


KAFKA = Bundle(f"Kafka {KAFKA_VERSION}", Path(__file__).with_name("kafka.lock"), ROOT, (BINDING,))
# Tests start it as a program of its own. The jar holds all that it needs.
GREENMAIL = Bundle(
    "GreenMail 2.1.8", Path(__file__).with_name("greenmail.lock"), alone=("com.icegreen:greenmail-standalone:2.1.8",)
)
BUNDLES = {"kafka": KAFKA, "greenmail": GREENMAIL}


def cache_dir() -> Path:
    """Where downloads are kept: $DUBAN_CACHE_DIR, else $XDG_CACHE_HOME/duban, else ~/.cache/duban."""
    if explicit := os.environ.get("DUBAN_CACHE_DIR"):
        return Path(explicit).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duban"


def locked(bundle: Bundle = KAFKA) -> list[Jar]:
    """The jars of the bundle's lock in class-path order."""
    lines = (line.split() for line in bundle.lock.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(coordinate, digest) for coordinate, digest in lines]


def fetch(progress: Callable[[int, int], None] = lambda done, total: None, bundle: Bundle = KAFKA) -> list[Path]:
    """The paths of every locked jar, downloaded when missing. `progress(done, total)` is called as jars arrive.

    Raises JarsUnavailable when one cannot be had or differs from its recorded SHA-256.
    """
    jars = locked(bundle)
    if all(_is_checked(jar) for jar in jars):
        return [_cached(jar.coordinate) for jar in jars]
    context = _context()
    paths: list[Path] = []
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for path in pool.map(lambda jar: _fetch_one(context, jar), jars):
            paths.append(path)
            progress(len(paths), len(jars))
    return paths


def missing(bundle: Bundle = KAFKA) -> list[str]:
    """Coordinates that the cache does not hold yet."""
    return [jar.coordinate for jar in locked(bundle) if not _cached(jar.coordinate).is_file()]


def _cached(coordinate: str) -> Path:
    """Where the cache holds a jar: in Maven's layout."""
    group, name, version = coordinate.split(":")
    return cache_dir() / "maven" / group.replace(".", "/") / name / version / f"{name}-{version}.jar"


def _is_checked(jar: Jar) -> bool:
    """Whether the cache holds the jar as the lock has it. A stamp beside it (size and time of the checked file) saves
    hashing 45 MB at every start."""
    path = _cached(jar.coordinate)
    stamp = path.with_suffix(".checked")
    return path.is_file() and stamp.is_file() and stamp.read_text() == _stamp(path, jar)


def _context():  # type: ignore[no-untyped-def]
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=cache_dir() / "maven", timeout=60)


def _artifact(context, coordinate: str):  # type: ignore[no-untyped-def]
    group, name, version = coordinate.split(":")
    return context.project(group, name).at_version(version).artifact()


def _fetch_one(context, jar: Jar) -> Path:  # type: ignore[no-untyped-def]
    if _is_checked(jar):
        return _cached(jar.coordinate)
    artifact = _artifact(context, jar.coordinate)
    last: Exception | None = None
    for _ in range(_ATTEMPTS):
        try:
            path = Path(artifact.resolve())
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            last = error
            continue
        digest = _sha256(path)
        if digest == jar.sha256:
            path.with_suffix(".checked").write_text(_stamp(path, jar))
            return path
        path.unlink()  # a cut download: fetched again
        last = JarsUnavailable(f"{jar.coordinate} has SHA-256 {digest}, the lock says {jar.sha256}")
    raise JarsUnavailable(
        f"cannot fetch {jar.coordinate}: {str(last).splitlines()[0] if last else 'no answer'}. "
        "Check the network and run the command again; jars already fetched are kept."
    )


def _stamp(path: Path, jar: Jar) -> str:
    return f"{path.stat().st_size} {path.stat().st_mtime_ns} {jar.sha256}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_lock(bundle: Bundle) -> int:
    """Resolve what the bundle names and write its lock. Returns the number of jars."""
    from jgo.parse import Coordinate

    context = _context()
    needed = []
    if bundle.root:
        root = context.create_dependency(replace(Coordinate.parse(bundle.root), scope="compile"))
        direct, transitive = context.resolver.resolve([root])
        needed += [d.artifact for d in (*direct, *transitive) if d.scope in ("compile", "runtime")]
    needed += [_artifact(context, coordinate) for coordinate in bundle.alone]
    lines = [f"{a.groupId}:{a.artifactId}:{a.version} {_sha256(Path(a.resolve()))}" for a in needed]
    head = "# coordinate sha256; written by: python -m deploy.embedded.jars lock"
    bundle.lock.write_text(f"{head}\n" + "\n".join(lines) + "\n")
    return len(lines)


def main(arguments: list[str]) -> int:
    """`lock` or `fetch` and the name of a bundle; exit code 2 for anything else."""
    command, name = arguments if len(arguments) == 2 else ("", "")
    bundle = BUNDLES.get(name)
    if bundle is None or command not in ("lock", "fetch"):
        print(f"usage: python -m deploy.embedded.jars lock|fetch {'|'.join(BUNDLES)}", file=sys.stderr)
        return 2
    if command == "lock":
        print(f"{write_lock(bundle)} jars locked in {bundle.lock.name}")
        return 0
    try:
        print(f"{len(fetch(bundle=bundle))} jars of {bundle.name} in the cache")
    except JarsUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
