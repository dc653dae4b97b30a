"""Apache Kafka's jars: resolved from Maven coordinates by jgo, kept in a cache, checked against kafka.lock.

Free of any repository address: jgo's default is used. `python -m deploy.embedded.jars lock` writes the lock again after
a change of version, `… fetch` fills the cache.
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
LOCK = Path(__file__).with_name("kafka.lock")
_PARALLEL = 8
_ATTEMPTS = 3


class JarsUnavailable(RuntimeError):
    """The jars could not be fetched, or one is not what the lock says. The message says what to do."""


@dataclass(frozen=True)
class Jar:
    coordinate: str
    sha256: str


def cache_dir() -> Path:
    """Where downloads are kept: $DUBAN_CACHE_DIR, else $XDG_CACHE_HOME/duban, else ~/.cache/duban."""
    if explicit := os.environ.get("DUBAN_CACHE_DIR"):
        return Path(explicit).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duban"


def locked() -> list[Jar]:
    """The jars of kafka.lock in class-path order."""
    lines = (line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(coordinate, digest) for coordinate, digest in lines]


def fetch(progress: Callable[[int, int], None] = lambda done, total: None) -> list[Path]:
    """The paths of every locked jar, downloaded when missing. `progress(done, total)` is called as jars arrive.

    Raises JarsUnavailable when one cannot be had or differs from its recorded SHA-256.
    """
    jars = locked()
    context = _context()
    paths: list[Path] = []
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for path in pool.map(lambda jar: _fetch_one(context, jar), jars):
            paths.append(path)
            progress(len(paths), len(jars))
    return paths


def missing() -> list[str]:
    """Coordinates that the cache does not hold yet."""
    context = _context()
    return [jar.coordinate for jar in locked() if not _artifact(context, jar.coordinate).cached_path.is_file()]


def _context():  # type: ignore[no-untyped-def]
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=cache_dir() / "maven", timeout=60)


def _artifact(context, coordinate: str):  # type: ignore[no-untyped-def]
    group, name, version = coordinate.split(":")
    return context.project(group, name).at_version(version).artifact()


def _fetch_one(context, jar: Jar) -> Path:  # type: ignore[no-untyped-def]
    """A stamp beside the jar (size and time of the checked file) saves hashing 45 MB at every start."""
    artifact = _artifact(context, jar.coordinate)
    stamp = artifact.cached_path.with_suffix(".checked")
    if artifact.cached_path.is_file() and stamp.is_file() and stamp.read_text() == _stamp(artifact.cached_path, jar):
        return artifact.cached_path
    last: Exception | None = None
    for _ in range(_ATTEMPTS):
        try:
            path = Path(artifact.resolve())
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            last = error
            continue
        digest = _sha256(path)
        if digest == jar.sha256:
            stamp.write_text(_stamp(path, jar))
            return path
        path.unlink()  # a cut download: fetched again
        last = JarsUnavailable(f"{jar.coordinate} has SHA-256 {digest}, kafka.lock says {jar.sha256}")
    raise JarsUnavailable(
        f"cannot fetch {jar.coordinate}: {str(last).splitlines()[0] if last else 'no answer'}. "
        "Check the network and run the command again; jars already fetched are kept."
    )


def _stamp(path: Path, jar: Jar) -> str:
    return f"{path.stat().st_size} {path.stat().st_mtime_ns} {jar.sha256}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_lock() -> int:
    """Resolve ROOT and everything it needs at run time, and write kafka.lock. Returns the number of jars."""
    from jgo.parse import Coordinate

    context = _context()
    root = context.create_dependency(replace(Coordinate.parse(ROOT), scope="compile"))
    direct, transitive = context.resolver.resolve([root])
    needed = [d.artifact for d in (*direct, *transitive) if d.scope in ("compile", "runtime")]
    needed.append(_artifact(context, BINDING))
    lines = [f"{a.groupId}:{a.artifactId}:{a.version} {_sha256(Path(a.resolve()))}" for a in needed]
    LOCK.write_text("# coordinate sha256; written by: python -m deploy.embedded.jars lock\n" + "\n".join(lines) + "\n")
    return len(lines)


def main(arguments: list[str]) -> int:
    """`lock` or `fetch`; exit code 2 for anything else."""
    if arguments == ["lock"]:
        print(f"{write_lock()} jars locked in {LOCK.name}")
    elif arguments == ["fetch"]:
        try:
            print(f"{len(fetch())} jars of Kafka {KAFKA_VERSION} in the cache")
        except JarsUnavailable as error:
            print(error, file=sys.stderr)
            return 1
    else:
        print("usage: python -m deploy.embedded.jars lock|fetch", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
