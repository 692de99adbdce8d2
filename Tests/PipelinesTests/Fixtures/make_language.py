"""Writes language.json: what DVC 3.67.1 makes of small pipeline files and param files.

    python3 -m venv venv && venv/bin/pip install dvc==3.67.1 && venv/bin/python make_language.py
"""
import json, os, subprocess, tempfile

from dvc.repo import Repo
from dvc.utils.serialize import PARSERS

PARAMS = "lr: 0.1\nname: x y\nflag: true\nnone: null\nmodels:\n  us: {thresh: 10}\n  gb: {thresh: 15}\nlist: [1, 2]\nwords: [a, b]\n"
CASES = {
    "plain": "stages:\n  a:\n    cmd: echo\n    deps: [in]\n    outs: [out]\n",
    "list of commands": "stages:\n  a:\n    cmd: [one, two]\n",
    "lines": "stages:\n  a:\n    cmd: |\n      one\n      two\n",
    "wdir": "stages:\n  a:\n    wdir: sub\n    cmd: x\n    deps: [../in, here]\n    outs: [o]\n    params: [k]\n",
    "output flags": "stages:\n  a:\n    cmd: x\n    outs:\n    - o: {cache: false, persist: true, push: false, desc: d}\n    - p:\n        desc: text\n    metrics:\n    - m.json: {cache: false}\n    plots:\n    - q.csv: {x: a, y: b}\n",
    "params of files": "stages:\n  a:\n    cmd: x\n    params:\n    - lr\n    - other.toml: [a.b, c]\n    - whole.json:\n    - models.us\n",
    "frozen and always": "stages:\n  a: {cmd: x, frozen: true}\n  b: {cmd: x, always_changed: true, outs: [o]}\n",
    "template": "stages:\n  a:\n    cmd: run --lr ${lr} --t ${models.us.thresh} ${list[1]} ${flag} '${name}'\n    deps:\n    - ${words[0]}.txt\n",
    "template blanks": "stages:\n  a:\n    cmd: run ${ lr } ${models.us.thresh}\n",
    "escape": "stages:\n  a:\n    cmd: echo \\${lr} ${lr} $HOME $${x} \\\\${lr}\n",
    "native": "stages:\n  a:\n    cmd: x\n    frozen: ${flag}\n",
    "null in text": "stages:\n  a:\n    cmd: x ${none}\n",
    "dict in cmd": "stages:\n  a:\n    cmd: run ${models}\n",
    "list in cmd": "stages:\n  a:\n    cmd: run ${list}\n",
    "dict of everything in cmd": "vars:\n- d: {a: 1, b: true, c: false, d: [1, two words], e: it's, f: {g: 2}, h: null, i: '', j: 1.0}\nstages:\n  a:\n    cmd: run ${d}\n",
    "dict in deps": "stages:\n  a:\n    cmd: x\n    deps:\n    - ${models}\n",
    "missing": "stages:\n  a:\n    cmd: run ${models.fr}\n",
    "unknown index": "stages:\n  a:\n    cmd: run ${list[7]}\n",
    "no expressions": "stages:\n  a:\n    cmd: run ${lr + 1}\n",
    "empty expression": "stages:\n  a:\n    cmd: run ${}\n",
    "foreach list": "stages:\n  a:\n    foreach: [x, y, 3, true, 1.5]\n    do:\n      cmd: run ${item}\n      outs:\n      - o-${item}\n",
    "foreach composite": "stages:\n  a:\n    foreach:\n    - {n: 1}\n    - {n: 2}\n    do:\n      cmd: run ${item.n}\n",
    "foreach dict": "stages:\n  a:\n    foreach: ${models}\n    do:\n      cmd: run ${key} ${item.thresh}\n",
    "foreach list of params": "stages:\n  a:\n    foreach: ${words}\n    do:\n      cmd: run ${item}\n      outs: ['${item}.out']\n",
    "foreach nested lists": "stages:\n  a:\n    foreach: [[1, 2], [3, 4]]\n    do:\n      cmd: run ${item[0]} ${item[1]}\n",
    "foreach templated elements": "stages:\n  a:\n    foreach:\n    - '${words[0]}'\n    - b${list[1]}\n    do:\n      cmd: run ${item}\n",
    "foreach repeated": "stages:\n  a:\n    foreach: [x, x]\n    do:\n      cmd: run ${item}\n",
    "foreach without do": "stages:\n  a:\n    foreach: [x]\n    cmd: y\n",
    "foreach text": "stages:\n  a:\n    foreach: abc\n    do:\n      cmd: x\n",
    "foreach empty": "stages:\n  a:\n    foreach: []\n    do:\n      cmd: x\n  b:\n    cmd: y\n",
    "matrix": "stages:\n  a:\n    matrix:\n      os: [win, linux]\n      v: [3.7, 3.8]\n      d: [{k: 1}]\n      l: [[1, 2]]\n    cmd: run ${item.os} ${item.v} ${item.d.k} ${item.l[0]}\n    outs: ['${key}']\n",
    "matrix of params": "stages:\n  a:\n    matrix:\n      w: ${words}\n      n: [1]\n    cmd: run ${item.w} ${item.n}\n",
    "matrix of a mapping": "stages:\n  a:\n    matrix:\n      w: ${models}\n    cmd: run ${item.w}\n",
    "matrix and foreach": "stages:\n  a:\n    matrix: {w: [1]}\n    foreach: [1]\n    do: {cmd: x}\n",
    "vars mapping": "vars:\n- k: 1\n- deep: {a: 2}\n- deep: {b: 3}\nstages:\n  a:\n    cmd: run ${k} ${deep.a} ${deep.b}\n",
    "vars twice": "vars:\n- k: 1\n- k: 2\nstages:\n  a:\n    cmd: run ${k}\n",
    "vars file": "vars:\n- other.toml\n- whole.json:j\n- consts.py\nstages:\n  a:\n    cmd: run ${a.b} ${c} ${j} ${K} ${Model.size}\n",
    "vars file missing": "vars:\n- nowhere.yaml\nstages:\n  a:\n    cmd: x\n",
    "vars key missing": "vars:\n- whole.json:zz\nstages:\n  a:\n    cmd: x\n",
    "vars template": "vars:\n- k: ${lr}\nstages:\n  a:\n    cmd: x\n",
    "stage vars": "stages:\n  a:\n    vars:\n    - k: 7\n    cmd: run ${k}\n  b:\n    cmd: run ${lr}\n",
    "stage vars stay inside": "stages:\n  a:\n    vars:\n    - k: 7\n    cmd: run ${k}\n  b:\n    cmd: run ${k}\n",
    "stage vars over global": "stages:\n  a:\n    vars:\n    - lr: 7\n    cmd: run ${lr}\n",
    "templated keys": "stages:\n  a:\n    cmd: x\n    outs:\n    - '${words[0]}.bin': {cache: false}\n",
    "templated params": "stages:\n  a:\n    cmd: x\n    params:\n    - '${words[0]}'\n    - 'f-${lr}.yaml': [k]\n",
    "templated wdir": "stages:\n  a:\n    wdir: ${words[0]}\n    cmd: x\n    deps: [in]\n",
    "unknown key": "stages:\n  a:\n    cmd: x\n    dep: [y]\n",
    "unknown top key": "stages: {}\nother: 1\n",
    "no cmd": "stages:\n  a:\n    deps: [x]\n",
    "bad name": "stages:\n  a.b:\n    cmd: x\n",
    "name with at": "stages:\n  a@b:\n    cmd: x\n",
    "number as name": "stages:\n  1:\n    cmd: x\n",
    "number as dep": "stages:\n  a:\n    cmd: x\n    deps: [1]\n",
    "number as cmd": "stages:\n  a:\n    cmd: 1\n",
    "duplicate key": "stages:\n  a:\n    cmd: x\n  a:\n    cmd: y\n",
    "duplicate out": "stages:\n  a:\n    cmd: x\n    outs: [o]\n    metrics: [o]\n",
    "meta": "stages:\n  a:\n    cmd: x\n    desc: says\n    meta: {mlrun: {seed: 1}, any: [1]}\n",
    "top level lists": "params: [p.yaml]\nmetrics: [m.json]\nplots:\n- a.csv\n- b.csv: {x: s, y: t}\n- c: {y: {a.csv: t}}\nartifacts:\n  best: {path: model, type: model, labels: [l]}\nstages:\n  a:\n    cmd: x\n",
    "artifact without path": "artifacts:\n  best: {type: model}\n",
    "anchors": "stages:\n  a: &a\n    cmd: x\n    deps: [d]\n  b:\n    <<: *a\n    cmd: y\n",
    "yaml 1.2 words": "vars:\n- w: {on: yes, no: off}\nstages:\n  a:\n    cmd: run ${w.on} ${w.no}\n",
    "octal": "vars:\n- w: 010\nstages:\n  a:\n    cmd: run ${w}\n",
    "float spellings": "vars:\n- {a: 1e-3, b: 1.0, c: 1e10, d: 100000000000000000000.0, e: 0.00001, f: .5}\nstages:\n  a:\n    cmd: run ${a} ${b} ${c} ${d} ${e} ${f}\n",
    "item defined globally": "vars:\n- item: 9\nstages:\n  a:\n    foreach: [1, 2]\n    do:\n      cmd: run ${item}\n",
    "item in stage vars": "stages:\n  a:\n    foreach: [1]\n    do:\n      vars:\n      - item: 2\n      cmd: run ${item}\n",
    "empty file": "",
    "only vars": "vars:\n- a: 1\n",
    "stages empty": "stages:\n",
    "cmd empty": "stages:\n  a:\n    cmd: ''\n",
    "persist text": "stages:\n  a:\n    cmd: x\n    outs:\n    - o: {persist: 'yes'}\n",
    "checkpoint": "stages:\n  a:\n    cmd: x\n    outs:\n    - o: {checkpoint: true}\n",
    "dep twice": "stages:\n  a:\n    cmd: x\n    deps: [d, d]\n",
    "out is dep": "stages:\n  a:\n    cmd: x\n    deps: [o]\n    outs: [o]\n",
    "plots list": "stages:\n  a:\n    cmd: x\n    plots:\n    - p.csv:\n      - {x: a}\n      - {x: b}\n",
    "quoted template": "stages:\n  a:\n    cmd: run \"${name}\" '${words[1]}'\n",
    "nested template": "stages:\n  a:\n    cmd: run ${models.${words[0]}}\n",
}
FILES = {
    "params.yaml": PARAMS, "other.toml": "c = 'toml'\n[a]\nb = 4\n", "whole.json": '{"j": 5, "k": {"l": 6}}',
    "consts.py": "K = 8\nclass Model:\n    size = 9\n",
}
VALUES = {
    "a.py": 'A = 1\nB: float = 2.5\nC = -3\nD = "t" \'u\'\nE = [1, 2.0, "x"]\nF = (1, 2)\nG = {"k": 1, "n": {"m": [True, None]}}\nH = I = 1\nJ = A + 1\nK = f"{A}"\nL = print("x")\nM, N = 1, 2\nO = 0x1f\nP = 1_000\nQ = r"\\d"\nR = """a\nb"""\nS = 1e-3\nT = (5)\nU = 1 if A else 2\nV = [i for i in E]\nW = not True\nX = +1\nY = 1, 2\nZ = ("a"\n     "b")\n',
    "b.py": 'class Train:\n    """Doc: x = 1"""\n    lr = 0.1  # c\n    class Inner:\n        depth = 2\n\n    def __init__(self, size=3):\n        self.size = 5\n        local = 6\n        if size:\n            self.hidden = 7\n        self.other.deep = 8\n        self.name: str = "n"\n\n    def run(self):\n        self.no = 1\n        x = 2\n\nif True:\n    inside = 1\nelse:\n    outside = 2\n\ndef f(a, b={"x": 1}):\n    y = 3\n\nfor i in range(3): z = 1\nafter = "yes"; more = 2\nclass One: v = 1; w = 2\nclass Empty(object): pass\n@decorate(x=1)\nclass Deco(Base, metaclass=M):\n\tv = [\n1,\n# note\n2]\nx.y = 1\na[0] = 2\nn += 1\nok == 2\nimport os\nfrom os import (a,\n b)\nq: int\nself.top = 4\nwith open("f") as fh: data = 1\nlast = \\\n  5\n',
    "c.toml": 'title = "x"\nn = 1_000\nneg = -17\nf = 6.626e-34\ninf = inf\nhex = 0xDEAD_BEEF\noct = 0o755\nbits = 0b1101\nt = true\nlit = \'C:\\x\'\nml = """\nRoses \\\n   are"""\nraw = \'\'\'\nI \'\'dare\'\'\n\'\'\'\nesc = "tab\\t\\u00e9"\narr = [1, [2, "a"], {k = 1}, # c\n 3,\n]\na.b.c = 1\na."d.e" = 2\ninline = { x = 1, y.z = 2 }\n[server]\nip = "1.2.3.4"\n[server.deep]\nv = 1\n[[points]]\nx = 1\n[[points]]\nx = 2\n[points.sub]\ny = 3\n["quoted key".z]\nw = 1\n',
    "d.yaml": "a: 1\nb: [x, {c: 2}]\ne: yes\nf: 010\ng: 0o10\nh: 1e3\ni: ~\n",
    "e.json": '{"a": {"b": [1, 2]}, "c": 1.0}',
}
BAD_VALUES = {
    "a.py": "x = [1\n", "b.py": "x = 'a\n", "a.toml": "a = 1\na = 2\n", "b.toml": "a = \n", "c.toml": "[a]\n[a]\n",
    "d.toml": "a = [1\n", "e.toml": "a = 1 b = 2\n", "f.toml": "a = {b = 1}\n[a]\nc = 1\n", "g.toml": "a = 01\n",
    "h.toml": "a = 1__0\n", "i.toml": "a = 'x\n", "j.toml": "= 1\n", "k.toml": "a.b = 1\na = 2\n",
    "a.json": "{", "a.yaml": "a: [1\n",
}


def describe(stage):
    def flags(out):
        return {
            "path": os.path.relpath(out.fs_path, os.getcwd()), "cache": bool(out.use_cache),
            "persist": bool(out.persist), "push": bool(out.can_push),
            "kind": "plot" if out.plot else "metric" if out.metric else "data",
        }

    here = lambda path: os.path.relpath(path, os.getcwd())
    return {
        "name": stage.name, "cmd": stage.cmd if isinstance(stage.cmd, list) else stage.cmd.splitlines(),
        "wdir": here(stage.wdir), "frozen": bool(stage.frozen), "always_changed": bool(stage.always_changed),
        "deps": sorted(here(d.fs_path) for d in stage.deps if not hasattr(d, "params")),
        "params": sorted([here(d.fs_path), sorted(d.params)] for d in stage.deps if hasattr(d, "params")),
        "outs": sorted((flags(o) for o in stage.outs), key=lambda o: o["path"]),
    }


def plain(value):
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and value == float("inf"):
        return "inf"
    return value


result = {"dvc": "3.67.1", "files": FILES, "pipelines": [], "values": [], "refused": []}
for title, text in CASES.items():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for path, body in {**FILES, "sub/params.yaml": "k: 1\n", "dvc.yaml": text}.items():
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w") as file:
                file.write(body)
        os.makedirs("a", exist_ok=True)
        Repo.init(no_scm=True).close()
        case = {"title": title, "text": text}
        try:
            with Repo(".") as repo:
                case["stages"] = [describe(s) for s in repo.stage.load_all("dvc.yaml")]
                repo.index.check_graph()
        except Exception as error:
            case.pop("stages", None)
            case["error"] = f"{type(error).__name__}: {error}".replace(folder + "/", "")
        result["pipelines"].append(case)
        os.chdir("/")
for name, text in VALUES.items():
    parser = PARSERS[os.path.splitext(name)[1]]
    result["values"].append({"name": name, "text": text, "value": plain(parser(text, name))})
for name, text in BAD_VALUES.items():
    try:
        PARSERS[os.path.splitext(name)[1]](text, name)
        raise SystemExit(f"DVC takes {name}: {text!r}")
    except SystemExit:
        raise
    except Exception:
        result["refused"].append({"name": name, "text": text})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "language.json"), "w") as file:
    json.dump(result, file, indent=1, sort_keys=True)
    file.write("\n")
