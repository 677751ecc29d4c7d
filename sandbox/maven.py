"""Finds a JDK and Maven, and builds the Java here with them; what is missing is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
BUILT: Final = HERE.parent / "build" / "peers"
OLDEST_JDK: Final = 17
_JDK: Final = (
    f"a JDK, version {OLDEST_JDK} or newer"
    " (Debian, Ubuntu: apt install openjdk-17-jdk-headless; elsewhere: Eclipse Temurin)"
)
_MAVEN: Final = "Maven (Debian, Ubuntu: apt install maven; elsewhere: brew or sdk install maven)"


class Missing(Exception):
    """Something that the Java peers need is not on this machine; the text says how to get it."""


class NotBuilt(Exception):
    """Maven could not fetch or compile; the text is what it said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Java:
    """A JDK and Maven."""

    java: str
    maven: str

    def command(self, module: str, main: str, *arguments: str, heap: str = "1g") -> list[str]:
        """Return what runs a main class of a module; it is built if it is not. Raises NotBuilt."""
        return [
            *(self.java, f"-Xmx{heap}", "-XX:+UseSerialGC", "-Djava.awt.headless=true"),
            *("-cp", self.class_path(module), main, *arguments),
        ]

    def class_path(self, module: str) -> str:
        """Return the class path of a module, built first where it is not. Raises NotBuilt."""
        listed = BUILT / module / "class-path.txt"
        if not _is_fresh(module, listed):
            self._build(module, listed)
        return f"{BUILT / module / 'classes'}{os.pathsep}{listed.read_text().strip()}"

    def _build(self, module: str, listed: Path) -> None:
        """One call: fetch what the pom names, compile, list the jars."""
        listed.unlink(missing_ok=True)
        done = subprocess.run(
            [
                *(
                    self.maven,
                    "-B",
                    "-q",
                    "-Dstyle.color=never",
                    "-f",
                    str(HERE / module / "pom.xml"),
                    "compile",
                ),
                *("dependency:build-classpath", f"-Dmdep.outputFile={listed}"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotBuilt(f"{module}: {done.stdout}{done.stderr}")


def find() -> Java:
    """Return this machine's JDK and Maven. Raises Missing that names each that is not there."""
    java, javac, maven = (_program(name) for name in ("java", "javac", "mvn"))
    missing = [
        *([] if java and javac and _version(javac) >= OLDEST_JDK else [_JDK]),
        *([] if maven else [_MAVEN]),
    ]
    if missing:
        raise Missing("not on this machine: " + "; ".join(missing))
    return Java(java=java, maven=maven)


def _program(name: str) -> str:
    """Return where a program is: in JAVA_HOME before the path, as Maven looks too; or ""."""
    home = os.environ.get("JAVA_HOME")
    inside = Path(home, "bin", name) if home else None
    return str(inside) if inside and inside.is_file() else shutil.which(name) or ""


def _version(javac: str) -> int:
    """Return 17 for "javac 17.0.15", 0 for what cannot be read."""
    said = subprocess.run([javac, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    return int(found[1]) if found else 0


def _is_fresh(module: str, listed: Path) -> bool:
    """Whether it was built after its last change, and every jar is still there."""
    if not listed.is_file():
        return False
    sources = [HERE / module / "pom.xml", *(HERE / module / "src").rglob("*.*")]
    built = listed.stat().st_mtime
    jars = listed.read_text().strip().split(os.pathsep)
    return all(one.stat().st_mtime < built for one in sources) and all(map(os.path.exists, jars))


if __name__ == "__main__":
    try:
        find()
    except Missing as missing:
        sys.exit(str(missing))
