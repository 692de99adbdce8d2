"""Requests a second of `git mlrun serve` and of scikit-learn behind FastAPI and uvicorn, on the same texts, in turns.

serve.py TRAIN.tsv: columns 'label' and 'text'. Needs git-mlrun and git-mldata on PATH, wrk, and a Python with fastapi, uvicorn,
httptools, uvloop and scikit-learn.
"""
import csv, json, os, re, signal, statistics, subprocess, sys, tempfile, time, urllib.request

ROUNDS, SECONDS, CONNECTIONS = 5, 4, 32
csv.field_size_limit(1 << 24)
train = os.path.abspath(sys.argv[1])
work = tempfile.mkdtemp()
os.chdir(work)
open("app.py", "w").write(f"""
import csv
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
csv.field_size_limit(1 << 24)
rows = list(csv.DictReader(open({train!r}), delimiter="\\t", quoting=csv.QUOTE_NONE))
model = make_pipeline(CountVectorizer(ngram_range=(1, 2), binary=True, min_df=2), LogisticRegression(max_iter=50))
model.fit([row["text"] for row in rows], [row["label"] for row in rows])
app = FastAPI()
class Question(BaseModel):
    text: str
@app.post("/predict")
def predict(question: Question):
    row = model.predict_proba([question.text])[0]
    return {{"label": model.classes_[row.argmax()], "probabilities": dict(zip(model.classes_, row.tolist()))}}
""")
text = "A fine film with a wonderful cast, though it is a little too long in the middle."
open("ask.lua", "w").write(
    f"wrk.method = 'POST'\nwrk.body = [[{json.dumps({'text': text})}]]\nwrk.headers['content-type'] = 'application/json'\n")
open("params.yaml", "w").write(
    f"data: {{train: {train}, dev: {train}}}\nmodel: {{embed: ngrams}}\ntraining: {{strengths: [0.3]}}\n")
subprocess.run(["git", "init", "-q"], check=True)
subprocess.run(["git-mlrun", "train", "--params", "params.yaml", "--out", "m", "-q"], check=True)
SERVERS = {
    "git mlrun serve": (18101, ["git-mlrun", "serve", "m", "--port", "18101", "-q"]),
    "FastAPI + uvicorn": (18102, [sys.executable, "-m", "uvicorn", "app:app", "--port", "18102", "--log-level", "error",
                                  "--no-access-log", "--workers", "2"]),
}


def measure(name):
    port, command = SERVERS[name]
    url = f"http://127.0.0.1:{port}/predict"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        question = urllib.request.Request(url, json.dumps({"text": text}).encode(), {"content-type": "application/json"})
        for _ in range(600):
            try:
                urllib.request.urlopen(question).read()
                break
            except OSError:
                time.sleep(0.1)
        out = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "--latency", "-s", "ask.lua", url], check=True,
            capture_output=True, text=True).stdout
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
    assert "Non-2xx" not in out, out
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


rows = {name: [] for name in SERVERS}
for _ in range(ROUNDS):
    for name in SERVERS:
        rows[name].append(measure(name))
ours, theirs = (rows[name] for name in SERVERS)
for name in SERVERS:
    print(f"{name:20} {statistics.median(r for r, _ in rows[name]):10.0f} requests/s   p99 {statistics.median(p for _, p in rows[name]):7.2f} ms")
print(f"requests/s: {statistics.median(a[0] / b[0] for a, b in zip(ours, theirs)):.1f} times"
      f"   p99: 1/{statistics.median(b[1] / a[1] for a, b in zip(ours, theirs)):.1f}")
