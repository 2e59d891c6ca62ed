"""The pinned requirements satisfy what pyproject.toml asks for, each with a hash, and are what is installed."""

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"^([A-Za-z0-9][^\\\n#]*==[^\\\n]*)", re.M)


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> dict[str, str]:
    """Package and version of each pin that holds on this machine; every pin must be followed by a hash."""
    text = (ROOT / name).read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    bare = [block.split("==")[0] for block in blocks if "==" in block.split("\n")[0] and "--hash=" not in block]
    if bare:
        sys.exit(f"{name}: without a hash: {', '.join(bare)}")
    found = [Requirement(match[1].strip()) for match in PIN.finditer(text)]
    here = [pin for pin in found if pin.marker is None or pin.marker.evaluate()]
    return {_key(pin.name): next(iter(pin.specifier)).version for pin in here}


def _satisfied(name: str, wanted: list[str], pinned: dict[str, str]) -> None:
    for line in wanted:
        need = Requirement(line)
        key = _key(need.name)
        if key not in pinned or not need.specifier.contains(pinned[key], prereleases=True):
            sys.exit(f"{name}: {line} is not satisfied; compile the pins again (docs/operations.md)")


def _as_installed(runtime: dict[str, str]) -> None:
    for name, pinned_version in runtime.items():
        try:
            if version(name) != pinned_version:
                sys.exit(f"installed is {name} {version(name)}, pinned {pinned_version}; run make again")
        except PackageNotFoundError:
            continue  # another platform's


def main() -> None:
    """Exit with a sentence for the first thing that is not as it should be."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {"requirements.txt": ("install",), "requirements-traces.txt": ("install", "traces")}
    extras["requirements-dev.txt"] = ("install", "traces", "dev")
    pinned = {name: pins(name) for name in extras}
    for name, wanted in extras.items():
        lines = [line for extra in wanted for line in project["optional-dependencies"][extra]]
        _satisfied(name, [*project["dependencies"], *lines], pinned[name])
    smaller: dict[str, str] = {}
    for name, found in pinned.items():  # from the smallest to the largest
        for package, pinned_version in smaller.items():
            if found.get(package) != pinned_version:
                sys.exit(f"{name}: {package} differs from the other pins")
        smaller = found
    _as_installed(pinned["requirements.txt"])
    counts = ", ".join(str(len(found)) for found in pinned.values())
    print(f"pins: {counts}, all hashed, as pyproject.toml asks")


if __name__ == "__main__":
    main()
