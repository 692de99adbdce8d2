#!/usr/bin/env python3
"""Times git-ml's data side beside its peers and its floors, interleaved in one run, best of some rounds.

usage: data.py [--rounds N] [--files N] [--megabytes N] [--commits N] [ROW ...]

Needs git, git-lfs, cc and openssl, and git-mldata on PATH. ROW is the start of a row's name, to time only those.
Peers: git-lfs; `none`, a filter process that does nothing (git's own cost); plain git without a filter.
"""
import argparse, os, random, resource, shutil, subprocess, sys, tempfile, time

here = os.path.dirname(os.path.abspath(__file__))
options = argparse.ArgumentParser(usage=__doc__)
options.add_argument("--rounds", type=int, default=5)
options.add_argument("--files", type=int, default=10000)
options.add_argument("--megabytes", type=int, default=1024)
options.add_argument("--commits", type=int, default=100000)
options.add_argument("rows", nargs="*")
options = options.parse_args()
work = tempfile.mkdtemp(prefix="mldata-bench-")
os.environ.update(HOME=work, GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0", GIT_LFS_PROGRESS="")
for name in list(os.environ):
    if name.startswith("GIT_") and name not in ("GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"):
        del os.environ[name]


def run(command, cwd=None, check=True):
    return subprocess.run(command, shell=True, cwd=cwd, check=check, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Cost:
    def __init__(self, wall, cpu, memory):
        self.wall, self.cpu, self.memory = wall, cpu, memory


def timed(command, cwd):
    """Wall and CPU seconds and the largest process of a command and all it starts."""
    os.sync()
    start = time.monotonic()
    child = subprocess.Popen(command, shell=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed: {command}\n{errors.decode(errors='replace')}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def best(costs):
    return Cost(min(c.wall for c in costs), min(c.cpu for c in costs), max(c.memory for c in costs))


def row(name, tools, bounds):
    """tools: name -> (prepare, command); every round runs all of them one after the other.

    bounds: (tool, factor, peers): the tool's wall time against the sum of the peers' times."""
    if options.rows and not any(name.startswith(r) for r in options.rows):
        return
    costs = {tool: [] for tool in tools}
    for _ in range(options.rounds):
        for tool, (prepare, command) in tools.items():
            where = prepare()
            costs[tool].append(timed(command, where))
    print(f"\n{name}")
    costs = {tool: best(all) for tool, all in costs.items()}
    for tool, cost in costs.items():
        print(f"    {tool:<26} {cost.wall:8.2f} s  {cost.cpu:8.2f} s CPU  {cost.memory:7.0f} MiB")
    for tool, factor, *peers in bounds:
        floor = sum(costs[p].wall for p in peers)
        ratio = costs[tool].wall / floor
        print(f"    {tool} / ({' + '.join(peers)}) = {ratio:.2f}, bound {factor}: {'ok' if ratio <= factor else 'MISSED'}")
    sys.stdout.flush()


def discard(path):
    """Moves a folder away. Deleting it would make ext4 search long for free inodes in what is timed next."""
    if os.path.exists(path):
        os.makedirs(f"{work}/trash", exist_ok=True)
        os.rename(path, f"{work}/trash/{time.monotonic_ns()}")


def fresh(kind, name):
    """An empty repository that tracks data/** with a kind of filter."""
    path = f"{work}/{name}"
    discard(path)
    run(f"git init -q '{path}'")
    os.mkdir(f"{path}/data")
    if kind == "lfs":
        run("git lfs install --local && git lfs track 'data/**'", path)
    elif kind == "mldata":
        run("git mldata install -q && git mldata track 'data/**'", path)
    elif kind == "none":
        run(f"git config filter.none.process '{work}/passthrough' && git config filter.none.required true", path)
        open(f"{path}/.gitattributes", "w").write("data/** filter=none -text\n")
    run("git add -A && git commit -q --allow-empty -m start", path)
    return path


def small(path):
    """Many small files of the same bytes for every tool, from a copy: the time of making them is nobody's."""
    subprocess.check_call(["cp", "-r", f"{work}/small/.", f"{path}/data"])
    return path


def big(path, name="big"):
    os.makedirs(f"{path}/data", exist_ok=True)
    subprocess.check_call(["cp", f"{work}/{name}", f"{path}/data/big"])
    return path


def committed(kind, name, fill):
    """A repository with data committed, kept for all rounds."""
    path = f"{work}/{name}"
    if not os.path.exists(path):
        fill(fresh(kind, name))
        run("git add -A && git commit -q -m data", path)
    return path


def emptied(path, reset="git read-tree HEAD"):
    discard(f"{path}/data")
    run(reset, path)
    return path


def pointers(path):
    """The work tree of a fresh checkout that filled nothing in."""
    emptied(path)
    run("GIT_MLDATA_SKIP_SMUDGE=1 git checkout -- data", path)
    return path


def gone(path):
    discard(path)
    return work


def history(name, kind):
    """A history of many commits over a few hundred files."""
    path = f"{work}/{name}"
    if os.path.exists(path):
        return path
    fresh(kind, name)
    lines = []
    for i in range(options.commits):
        text = f"line {i}\n"
        lines.append(
            f"commit refs/heads/main\ncommitter b <b@localhost> {1500000000 + i} +0000\ndata 1\nm\n"
            + ("from refs/heads/main^0\n" if i == 0 else "")
            + f"M 644 inline src/d{i % 37}/f{i % 401}\ndata {len(text)}\n{text}\n")
    subprocess.run(["git", "fast-import", "--quiet", "--force"], cwd=path, input="".join(lines).encode(), check=True)
    run("git reset -q --hard", path)
    return path


try:
    run("git config --global user.name bench && git config --global user.email b@localhost"
        " && git config --global init.defaultBranch main && git config --global gc.auto 0"
        " && git config --global protocol.file.allow always && git config --global advice.detachedHead false")
    subprocess.check_call(["cc", "-O2", "-o", f"{work}/passthrough", f"{here}/passthrough.c"])
    source = random.Random(1)
    os.mkdir(f"{work}/small")
    for i in range(options.files):
        if i % 100 == 0:
            os.mkdir(f"{work}/small/d{i // 100:03}")
        open(f"{work}/small/d{i // 100:03}/f{i:05}", "wb").write(source.randbytes(4096))
    with open(f"{work}/big", "wb") as file:
        for _ in range(options.megabytes):
            file.write(source.randbytes(1 << 20))
    extra = source.randbytes(1 << 20)
    half = options.megabytes * 500000
    with open(f"{work}/big", "rb") as file, open(f"{work}/longer", "wb") as longer, open(f"{work}/inserted", "wb") as inserted:
        position = 0
        while part := file.read(1 << 20):
            longer.write(part)
            if position <= half < position + len(part):
                inserted.write(part[:half - position] + extra + part[half - position:])
            else:
                inserted.write(part)
            position += len(part)
        longer.write(extra)
    print(f"{options.files} files of 4 KiB; one file of {options.megabytes} MiB; best of {options.rounds} rounds; "
          f"{os.cpu_count()} processors")
    sha = ("sha256 (openssl)", (lambda: work, f"openssl dgst -sha256 {work}/big"))
    copy = ("cp + fsync", (lambda: gone(f"{work}/copy"), f"cp {work}/big {work}/copy && sync {work}/copy"))
    plain_copy = ("cp", (lambda: gone(f"{work}/copy"), f"cp {work}/big {work}/copy"))

    row("add: many small files", {
        "git mldata add": (lambda: small(fresh("mldata", "a")), "git mldata add -q data"),
        "git add (mldata)": (lambda: small(fresh("mldata", "a")), "git add data"),
        "git add (lfs)": (lambda: small(fresh("lfs", "a")), "git add data"),
        "git add (none)": (lambda: small(fresh("none", "a")), "git add data"),
    }, [("git mldata add", 0.15, "git add (lfs)"), ("git add (mldata)", 1.25, "git add (none)")])

    row("add: one large file", {
        "git mldata add": (lambda: big(fresh("mldata", "a")), "git mldata add -q data"),
        "git add (mldata)": (lambda: big(fresh("mldata", "a")), "git add data"),
        "git add (lfs)": (lambda: big(fresh("lfs", "a")), "git add data"),
        sha[0]: sha[1], copy[0]: copy[1],
    }, [("git mldata add", 0.5, "git add (lfs)"), ("git mldata add", 1.2, sha[0], copy[0])])

    for what, name in (("an append", "longer"), ("an insertion", "inserted")):
        row(f"add: again after {what} of 1 MiB", {
            "git mldata add": (lambda: big(committed("mldata", f"again-{name}", big), name), "git mldata add -q data"),
            "git add (lfs)": (lambda: big(committed("lfs", f"again-lfs-{name}", big), name), "git add data"),
            sha[0]: sha[1],
        }, [("git mldata add", 2, sha[0])])
        if os.path.exists(f"{work}/again-{name}"):
            for kind, folder in (("mldata", f"again-{name}/.git/mldata"), ("lfs", f"again-lfs-{name}/.git/lfs")):
                size = int(run(f"du -sm {work}/{folder}").stdout.split()[0])
                print(f"    store of {kind}: {size} MiB")
                shutil.rmtree(f"{work}/{folder.split('/')[0]}")

    row("checkout: many small files", {
        "git checkout (mldata)": (lambda: emptied(committed("mldata", "s-mldata", small)), "git checkout -- data"),
        "git checkout (none)": (lambda: emptied(committed("none", "s-none", small)), "git checkout -- data"),
        "git checkout (lfs)": (lambda: emptied(committed("lfs", "s-lfs", small)), "git checkout -- data"),
        "git mldata checkout": (lambda: pointers(committed("mldata", "s-mldata", small)), "git mldata checkout -q"),
        "cp -r": (lambda: gone(f"{work}/copies"), f"cp -r {work}/small {work}/copies"),
    }, [("git checkout (mldata)", 1.2, "git checkout (none)"), ("git mldata checkout", 1.5, "cp -r")])

    row("checkout: one large file", {
        "git checkout (mldata)": (lambda: emptied(committed("mldata", "b-mldata", big)), "git checkout -- data"),
        "git mldata checkout": (lambda: pointers(committed("mldata", "b-mldata", big)), "git mldata checkout -q"),
        "git checkout (lfs)": (lambda: emptied(committed("lfs", "b-lfs", big)), "git checkout -- data"),
        sha[0]: sha[1], plain_copy[0]: plain_copy[1],
    }, [("git checkout (mldata)", 1.3, sha[0], plain_copy[0]), ("git mldata checkout", 1.3, sha[0], plain_copy[0])])

    def settled(kind):
        path = committed(kind, f"s-{kind}", small)
        if not os.path.exists(f"{path}/data"):
            run("git checkout -- data", path)
        run("git mldata checkout" if kind == "mldata" else "true", path)
        run("git status", path)
        return path

    def touched(kind):
        run("sleep 1; find data -type f -exec touch {} +", settled(kind))
        return f"{work}/s-{kind}"

    row("status: nothing changed", {
        "git status (mldata)": (lambda: settled("mldata"), "git status --porcelain"),
        "git status (plain)": (lambda: settled("plain"), "git status --porcelain"),
        "git status (lfs)": (lambda: settled("lfs"), "git status --porcelain"),
    }, [("git status (mldata)", 1.1, "git status (plain)")])
    row("status: all touched", {
        "git status (mldata)": (lambda: touched("mldata"), "git status --porcelain"),
        "git status (none)": (lambda: touched("none"), "git status --porcelain"),
        "git status (lfs)": (lambda: touched("lfs"), "git status --porcelain"),
    }, [("git status (mldata)", 1.3, "git status (none)")])

    def origin(kind):
        path = committed(kind, f"s-{kind}", small)
        if not os.path.exists(f"{work}/origin-{kind}.git"):
            run(f"git init -q --bare {work}/origin-{kind}.git && git remote add origin {work}/origin-{kind}.git", path)
            if kind == "mldata":
                run(f"git mldata remote add --default --shared store {work}/folder && git add -A && git commit -q -m store", path)
            run("git push -q origin HEAD:main", path)
        return gone(f"{work}/clone")

    if kind := shutil.which("git-mldata"):
        run(f"git config --global filter.mldata.process 'git-mldata-filter filter-process'"
            " && git config --global filter.mldata.required true"
            " && git config --global filter.mldata.clean 'git-mldata clean %f'"
            " && git config --global filter.mldata.smudge 'git-mldata smudge %f'"
            f" && git config --global filter.none.process {work}/passthrough && git config --global filter.none.required true")
    row("clone: many small files from a folder remote", {
        "git clone (mldata)": (lambda: origin("mldata"), f"git clone -q {work}/origin-mldata.git clone"),
        "git mldata clone": (lambda: origin("mldata"), f"git mldata clone -q {work}/origin-mldata.git clone"),
        "git clone (none)": (lambda: origin("none"), f"git clone -q {work}/origin-none.git clone"),
        "cp -r": (lambda: gone(f"{work}/copies"), f"cp -r {work}/small {work}/copies"),
    }, [("git clone (mldata)", 1.3, "git clone (none)"), ("git mldata clone", 1.5, "cp -r")])

    def pushed(kind):
        origin(kind)
        return f"{work}/s-{kind}"

    row("push: nothing new", {
        "git push (mldata)": (lambda: pushed("mldata"), "for i in 1 2 3 4 5 6 7 8 9 10; do git push -q origin HEAD:main; done"),
        "git push (plain)": (lambda: pushed("plain"), "for i in 1 2 3 4 5 6 7 8 9 10; do git push -q origin HEAD:main; done"),
    }, [])

    def long(kind):
        path = history(f"h-{kind}", kind)
        shutil.rmtree(f"{work}/h.git", ignore_errors=True)
        run(f"git init -q --bare {work}/h.git", path)
        return path
    head = "$(git rev-parse HEAD)"
    row(f"pre-push scan of {options.commits} commits", {
        "hook (mldata)": (lambda: long("mldata"),
                          f"echo refs/heads/main {head} refs/heads/main {'0' * 40} | git mldata hook pre-push {work}/h.git {work}/h.git"),
        "rev-list --objects": (lambda: long("mldata"), "git rev-list --objects --all"),
    }, [])
finally:
    shutil.rmtree(work, ignore_errors=True)
