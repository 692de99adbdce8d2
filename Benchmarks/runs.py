#!/usr/bin/env python3
"""Times `git mlrun` beside DVC and Snakemake: no-op runs, plans, recording, history, experiments, concurrent writers.

usage: runs.py [--dvc PROGRAM] [--snakemake PROGRAM] [--rounds N] [--stages N,N,…] [--dvc-stages N] [--records N] [--runs N] [ROW ...]

Needs git, and git-mlrun on PATH; a peer that is not given is left out. ROW is the start of a row's name, to time only those.
CPU seconds (user and system, with all children) are what counts against a bound: wall time depends on the neighbours.
"""
import argparse, hashlib, json, os, resource, shutil, subprocess, sys, tempfile, time

options = argparse.ArgumentParser(usage=__doc__)
options.add_argument("--dvc")
options.add_argument("--snakemake")
options.add_argument("--rounds", type=int, default=3)
options.add_argument("--stages", default="10,1000,10000")
options.add_argument("--dvc-stages", type=int, default=1000, help="the longest chain DVC is asked to look at")
options.add_argument("--records", type=int, default=100000)
options.add_argument("--runs", type=int, default=1000)
options.add_argument("rows", nargs="*")
options = options.parse_args()
for name in ("dvc", "snakemake"):
    value = getattr(options, name)
    if value and "/" in value:
        setattr(options, name, os.path.abspath(value))
work = tempfile.mkdtemp(prefix="mlrun-bench-")
os.environ.update(HOME=work, GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0", DVC_NO_ANALYTICS="1")
for name in list(os.environ):
    if name.startswith("GIT_") and name not in ("GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"):
        del os.environ[name]
subprocess.run("git config --global user.name A && git config --global user.email a@example.org"
               " && git config --global init.defaultBranch main && git config --global gc.auto 0", shell=True, check=True)


def run(command, cwd, check=True):
    done = subprocess.run(command, shell=True, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and done.returncode != 0:
        sys.exit(f"failed: {command}\n{done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


class Cost:
    def __init__(self, wall, cpu, memory):
        self.wall, self.cpu, self.memory = wall, cpu, memory


def timed(command, cwd):
    """Wall and CPU seconds and the largest process of a command and all it starts."""
    start = time.monotonic()
    child = subprocess.Popen(command, shell=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status != 0:
        sys.exit(f"failed: {command}\n{errors.decode(errors='replace')}")
    return Cost(time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def wanted(name):
    return not options.rows or any(name.startswith(row) for row in options.rows)


def say(name, cost, bound=None, note=""):
    verdict = "" if bound is None else f"  bound {bound:g} s: {'met' if cost.cpu <= bound else 'MISSED'}"
    if bound is not None and cost.memory > 200:
        verdict += ", memory MISSED"
    print(f"{name:44} {cost.wall:8.3f} s wall {cost.cpu:8.3f} s CPU {cost.memory:7.0f} MiB{verdict}{note}", flush=True)


def row(name, command, cwd, bound=None, rounds=None):
    costs = [timed(command, cwd) for _ in range(rounds or options.rounds)]
    best = Cost(min(c.wall for c in costs), min(c.cpu for c in costs), max(c.memory for c in costs))
    say(name, best, bound)
    return best


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def chain(folder, count):
    """A chain of stages that DVC has run: its lock says so, and both programs read it."""
    os.makedirs(folder)
    run("git init -q", folder)
    content = "x\n"
    stages, lock = ["stages:"], ["schema: '2.0'", "stages:"]
    for index in range(1, count + 1):
        old, new = f"f/{index - 1}", f"f/{index}"
        stages += [f"  s{index}:", f"    cmd: cp {old} {new}", "    deps:", f"    - {old}", "    outs:",
                   f"    - {new}:", "        cache: false"]
        lock += [f"  s{index}:", f"    cmd: cp {old} {new}"]
        for key, path in (("deps", old), ("outs", new)):
            lock += [f"    {key}:", f"    - path: {path}", "      hash: md5", f"      md5: {md5(content)}", f"      size: {len(content)}"]
    os.makedirs(folder + "/f")
    for index in range(count + 1):
        open(f"{folder}/f/{index}", "w").write(content)
    open(folder + "/dvc.yaml", "w").write("\n".join(stages) + "\n")
    open(folder + "/dvc.lock", "w").write("\n".join(lock) + "\n")
    if options.dvc:
        run(f"{options.dvc} init -q", folder)
    run("git add -A && git commit -qm chain", folder)
    time.sleep(0.2)


def no_op():
    for count in map(int, options.stages.split(",")):
        bound = {10: 0.03, 1000: 0.3, 10000: 3}.get(count)
        name = f"no-op repro, {count} stages"
        if not wanted(name):
            continue
        folder = f"{work}/chain{count}"
        chain(folder, count)
        say(f"{name}: dvc.lock read", timed("git mlrun repro -q", folder))
        row(name, "git mlrun repro -q", folder, bound)
        row(f"  status, {count} stages", "git mlrun status", folder)
        if options.dvc and count <= options.dvc_stages:
            row("  dvc repro", f"{options.dvc} repro -q", folder, rounds=1 if count > 100 else 2)
        shutil.rmtree(folder)


def plan():
    count = 10000
    name = f"plan of {count} jobs"
    if not wanted(name):
        return
    folder = f"{work}/plan"
    os.makedirs(folder)
    run("git init -q", folder)
    open(folder + "/in", "w").write("x\n")
    open(folder + "/dvc.yaml", "w").write(
        "vars:\n- list: [" + ", ".join(map(str, range(count))) + "]\nstages:\n  job:\n    foreach: ${list}\n    do:\n"
        "      cmd: cp in out/${item}\n      deps: [in]\n      outs:\n      - out/${item}\n")
    run("git add -A && git commit -qm jobs", folder)
    row(name, "git mlrun repro --dry", folder, 1)
    if options.snakemake:
        open(folder + "/Snakefile", "w").write(
            f"rule all:\n    input: expand('o/{{i}}', i=range({count}))\n"
            "rule job:\n    input: 'in'\n    output: 'o/{i}'\n    shell: 'cp {input} {output}'\n")
        row("  snakemake -n", f"{options.snakemake} -n -q all -c 1", folder, rounds=1)
    shutil.rmtree(folder)


def objects(folder):
    text = run("git count-objects -v", folder)
    values = dict(line.split(": ") for line in text.splitlines())
    return sum(os.path.getsize(os.path.join(at, file)) for at, _, files in os.walk(folder + "/.git/objects") for file in files), values


TRAIN = """stages:
  train:
    cmd: >-
      printf '{"accuracy":0.%s}' $(sed -n 's/^lr. //p' params.yaml) > metrics.json
    params: [lr]
    metrics:
    - metrics.json:
        cache: false
"""


def small(folder):
    os.makedirs(folder)
    run("git init -q", folder)
    open(folder + "/dvc.yaml", "w").write(TRAIN)
    open(folder + "/params.yaml", "w").write("lr: 0\n")
    run("git add -A && git commit -qm first", folder)


def recording():
    name = "recording one run"
    if not wanted(name):
        return
    folder = f"{work}/record"
    small(folder)
    row(name + " (git mlrun record, a process)", "git mlrun record -q accuracy=0.9 loss=0.1", folder, 0.02)
    within_repro(name)
    start, begun, cpu = objects(folder)[0], time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for index in range(options.runs):
        open(folder + "/params.yaml", "w").write(f"lr: {index + 1}\n")
        run("git mlrun repro -q", folder)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (now.ru_utime + now.ru_stime - cpu.ru_utime - cpu.ru_stime) / options.runs
    grown = (objects(folder)[0] - start) / options.runs
    print(f"  {options.runs} runs of a stage: {spent * 1000:.1f} ms CPU each, everything counted; {grown / 1000:.1f} kB each"
          f" in the object store  bound 50 kB: {'met' if grown < 50000 else 'MISSED'}", flush=True)
    shutil.rmtree(folder)


def within_repro(name):
    """What recording adds to a stage: a repro of many stages, less their shells and a repro that runs none."""
    folder, count = f"{work}/many", 200
    os.makedirs(folder)
    run("git init -q", folder)
    open(folder + "/in", "w").write("x\n")
    open(folder + "/dvc.yaml", "w").write(
        "vars:\n- list: [" + ", ".join(map(str, range(count))) + "]\nstages:\n  job:\n    foreach: ${list}\n    do:\n"
        "      cmd: echo ${item} > o${item}\n      deps: [in]\n      outs:\n      - o${item}\n")
    run("git add -A && git commit -qm jobs", folder)
    os.environ["SHELL"] = "/bin/sh"
    whole = timed("git mlrun repro -q", folder)
    shells = timed(f"for i in $(seq {count}); do /bin/sh -c \"echo $i > $i.tmp\"; done", folder)
    none = timed("git mlrun repro -q", folder)
    cost = Cost((whole.wall - shells.wall) / count, (whole.cpu - shells.cpu - none.cpu) / count, whole.memory)
    say(f"{name} (in a repro of {count} stages)", cost, 0.02)
    shutil.rmtree(folder)


def fast_import(folder, write):
    child = subprocess.Popen(["git", "fast-import", "--quiet", "--force"], cwd=folder, stdin=subprocess.PIPE)
    write(lambda text: child.stdin.write(text.encode()))
    child.stdin.close()
    if child.wait():
        sys.exit("git fast-import failed")


def data(text):
    return f"data {len(text.encode())}\n{text}\n"


def history():
    names = (f"log -n 20, {options.records} records", "exp show of 1000", "diff HEAD~1", "metrics diff")
    if not any(map(wanted, names)):
        return
    folder = f"{work}/history"
    small(folder)
    for index in range(25):
        open(folder + "/params.yaml", "w").write(f"lr: {index}\n")
        run(f"git mlrun repro -q && git add -A && git commit -qm 'try {index}'", folder)
    line = run("git mlrun show HEAD --json", folder)
    tree = run("git ls-tree -r refs/mlrun/records", folder).split("\n")[0].split()
    sample = json.loads(run(f"git cat-file blob {tree[2]}", folder).splitlines()[0])

    def records(put):
        put("commit refs/mlrun/records\ncommitter A <a@example.org> 1700000000 +0000\n" + data("more"))
        put("from refs/mlrun/records^0\n")
        for index in range(options.records):
            key = hashlib.sha256(str(index).encode()).hexdigest()
            record = dict(sample, key=key, metrics={"metrics.json": {"accuracy": index / options.records}})
            put(f"M 100644 inline {key[:2]}/{key[2:]}\n" + data(json.dumps(record) + "\n"))
        put("\n")

    fast_import(folder, records)
    head = run("git rev-parse HEAD", folder).strip()

    def experiments(put):
        for index in range(1000):
            body = {"v": 1, "name": f"e{index}", "state": "done", "base": head, "set": {"lr": index},
                    "params": {"params.yaml": {"lr": index}}, "metrics": {"metrics.json": {"accuracy": index / 1000, "loss": 1}},
                    "steps": {}, "duration": 1, "log": None, "host": "here", "arguments": [], "assignments": []}
            put(f"commit refs/mlrun/exps/e{index}\ncommitter A <a@example.org> {1700000000 + index} +0000\n"
                + data(f"exp: e{index}\n\n{json.dumps(body)}") + f"from {head}\n\n")

    fast_import(folder, experiments)
    if wanted(names[0]):
        say(names[0] + ", first time", timed("git mlrun log -n 20", folder))
        row(names[0], "git mlrun log -n 20", folder, 0.2)
    if wanted(names[1]):
        row(names[1], "git mlrun exp show --csv", folder, 0.2)
    if wanted(names[2]):
        row(names[2], "git mlrun diff HEAD~1", folder, 0.02)
    if wanted(names[3]):
        row(names[3], "git mlrun metrics diff HEAD~1", folder, 0.02)
    row("  git mlrun --version (a start)", "git mlrun --version", folder)
    if options.dvc:
        run(f"{options.dvc} init -q", folder)
        row("  dvc metrics diff HEAD~1", f"{options.dvc} metrics diff HEAD~1", folder, rounds=1)
        row("  dvc params diff HEAD~1", f"{options.dvc} params diff HEAD~1", folder, rounds=1)
    shutil.rmtree(folder)


def writers():
    name = "four processes, 50 runs each"
    if wanted(name):
        folder = f"{work}/writers"
        small(folder)
        script = "for i in $(seq 50); do git mlrun record -q p$0_$i=$i || exit 1; done"
        start = time.monotonic()
        children = [subprocess.Popen(["sh", "-c", script, str(n)], cwd=folder) for n in range(4)]
        if any(child.wait() for child in children):
            sys.exit("a writer failed")
        wall = time.monotonic() - start
        metrics = json.loads(run("git mlrun show HEAD --json", folder))["metrics"]
        count = len([key for value in metrics.values() for key in (value if isinstance(value, dict) else {"": 0})])
        print(f"{name:44} {wall:8.3f} s wall  {count} of 200 kept: {'met' if count == 200 else 'MISSED'}", flush=True)
        shutil.rmtree(folder)
    name = "two clones, one commit"
    if wanted(name):
        origin, first, second = f"{work}/origin.git", f"{work}/first", f"{work}/second"
        small(first)
        run(f"git clone -q --bare {first} {origin} && git remote add origin {origin}", first)
        run(f"git clone -q {origin} {second}", work)
        run("git mlrun record -q a=1", first)
        run("git mlrun record -q b=2", second)
        children = [subprocess.Popen(["git", "mlrun", "push", "-q", "origin"], cwd=at) for at in (first, second)]
        if any(child.wait() for child in children):
            sys.exit("a push failed")
        third = f"{work}/third"
        run(f"git clone -q {origin} {third} && cd {third} && git mlrun fetch -q origin", work)
        text = run("git mlrun show HEAD --json", third)
        both = '"a"' in text and '"b"' in text
        print(f"{name:44} both pushed at once, both kept: {'met' if both else 'MISSED'}", flush=True)


try:
    no_op()
    plan()
    recording()
    history()
    writers()
finally:
    shutil.rmtree(work, ignore_errors=True)
