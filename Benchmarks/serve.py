"""`git mlrun serve` against the same kind of model behind FastAPI and uvicorn, on the same texts, in turns.

serve.py TRAIN.tsv [linear|recurrent]: columns 'label' and 'text'. Needs git-mlrun and git-mldata on PATH, wrk, and a Python with
fastapi, uvicorn, httptools and uvloop, and scikit-learn or torch. Prints requests a second and p99 with 32 connections, the median
with one, the share of it that is not the model, and the time from the start to the first answer.
"""
import importlib.util, json, os, re, signal, statistics, subprocess, sys, tempfile, time, urllib.request

SECONDS, CONNECTIONS = 4, 32
ROUNDS = int(os.environ.get("ROUNDS", 5))
train = os.path.abspath(sys.argv[1])
kind = sys.argv[2] if len(sys.argv) > 2 else "linear"
work = tempfile.mkdtemp()
os.chdir(work)
READ = f"""
import csv
from fastapi import FastAPI
from pydantic import BaseModel
csv.field_size_limit(1 << 24)
rows = list(csv.DictReader(open({train!r}), delimiter="\\t", quoting=csv.QUOTE_NONE))
app = FastAPI()
class Question(BaseModel):
    text: str
"""
LINEAR = """
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
model = make_pipeline(CountVectorizer(ngram_range=(1, 2), binary=True, min_df=2), LogisticRegression(max_iter=50))
model.fit([row["text"] for row in rows], [row["label"] for row in rows])
@app.post("/predict")
def predict(question: Question):
    row = model.predict_proba([question.text])[0]
    return {"label": model.classes_[row.argmax()], "probabilities": dict(zip(model.classes_, row.tolist()))}
"""
# Of the same shape as ours; what it has learnt makes no difference to its speed.
RECURRENT = """
import re, torch
torch.set_num_threads(1)
words = {word: number + 1 for number, word in enumerate(sorted({w for row in rows for w in re.findall(r"\\w+", row["text"].lower())}))}
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(len(words) + 1, 100)
        self.encode = torch.nn.LSTM(100, 64, bidirectional=True, batch_first=True)
        self.attend, self.query = torch.nn.Linear(128, 64), torch.nn.Linear(64, 1, bias=False)
        self.predict = torch.nn.Linear(128, 2)
    def forward(self, x):
        states, _ = self.encode(self.embed(x))
        weights = torch.softmax(self.query(torch.tanh(self.attend(states))), 1)
        return torch.softmax(self.predict((weights * states).sum(1)), -1)
model = Model().eval()
@app.post("/predict")
def predict(question: Question):
    with torch.inference_mode():
        row = model(torch.tensor([[words.get(w, 0) for w in re.findall(r"\\w+", question.text.lower())]]))[0].tolist()
    return {"label": str(row.index(max(row))), "probabilities": {"0": row[0], "1": row[1]}}
"""
open("app.py", "w").write(READ + (LINEAR if kind == "linear" else RECURRENT))
text = "A fine film with a wonderful cast, though it is a little too long in the middle."
open("ask.lua", "w").write(
    f"wrk.method = 'POST'\nwrk.body = [[{json.dumps({'text': text})}]]\nwrk.headers['content-type'] = 'application/json'\n")
# The same model behind LitServe, where it is installed: `predict` of the application above, one process for each processor.
open("lit.py", "w").write("""
import sys
import litserve
from app import Question, predict
class API(litserve.LitAPI):
    def setup(self, device): pass
    def decode_request(self, request): return Question(**request)
    def predict(self, question): return predict(question)
    def encode_response(self, answer): return answer
if __name__ == "__main__":
    litserve.LitServer(API(), accelerator="cpu", workers_per_device=2).run(port=int(sys.argv[1]), num_api_servers=2, log_level="error")
""")
model, training = ("{embed: ngrams}", "{strengths: [0.3]}") if kind == "linear" else (
    "{embed: {layer: words, width: 100}, encode: {layer: bilstm, width: 64}, attend: {layer: context, width: 64}}",
    "{epochs: 1, batch: 64, learning_rate: 0.001}")
open("params.yaml", "w").write(f"data: {{train: {train}, dev: {train}}}\nmodel: {model}\ntraining: {training}\n")
subprocess.run(["git", "init", "-q"], check=True)
subprocess.run(["git-mlrun", "train", "--params", "params.yaml", "--out", "m", "-q"], check=True)
SERVERS = {
    "git mlrun serve": (18101, ["git-mlrun", "serve", "m", "--port", "18101", "-q"]),
    "with 2 replicas": (18103, ["git-mlrun", "serve", "m", "--port", "18103", "--replicas", "2", "-q"]),
    "FastAPI + uvicorn": (18102, [sys.executable, "-m", "uvicorn", "app:app", "--port", "18102", "--log-level", "error",
                                  "--no-access-log", "--workers", "2"]),
}
if importlib.util.find_spec("litserve"):
    SERVERS["LitServe"] = (18104, [sys.executable, "lit.py", "18104"])


def family(process):
    """The numbers of a process and of those it started, in whatever group."""
    found = [process.pid]
    for number in found:
        try:
            for thread in os.listdir(f"/proc/{number}/task"):
                found += map(int, open(f"/proc/{number}/task/{thread}/children").read().split())
        except OSError:
            pass
    return found


def memory(process):
    """Resident and proportional megabytes of a process and those it started."""
    total = shared = 0
    for number in family(process):
        try:
            lines = dict(line.split(":", 1) for line in open(f"/proc/{number}/smaps_rollup").read().split("\n")[1:] if ":" in line)
            total += int(lines["Rss"].split()[0])
            shared += int(lines["Pss"].split()[0])
        except (OSError, KeyError):
            pass
    return total / 1024, shared / 1024


def processor(process):
    """Seconds of processor time of a process and those it started: what the neighbours on the machine do not change."""
    ticks = 0
    for number in family(process):
        try:
            ticks += sum(map(int, open(f"/proc/{number}/stat").read().rsplit(")", 1)[1].split()[11:13]))
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def wrk(url, connections):
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--latency", "-s", "ask.lua", url], check=True,
        capture_output=True, text=True).stdout
    assert "Non-2xx" not in out, out
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), *(
        seconds(re.search(rf"^\s+{p}%\s+(\S+)", out, re.M)[1]) for p in (50, 99))


def measure(name):
    port, command = SERVERS[name]
    url = f"http://127.0.0.1:{port}/predict"
    start = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        question = urllib.request.Request(url, json.dumps({"text": text}).encode(), {"content-type": "application/json"})
        while time.time() - start < 600:
            try:
                urllib.request.urlopen(question).read()
                break
            except OSError:
                time.sleep(0.002)
        ready, start_cost = time.time() - start, processor(process)
        rate, _, p99 = wrk(url, CONNECTIONS)
        cost = (processor(process) - start_cost) / (rate * SECONDS)
        _, median, _ = wrk(url, 1)
        return {"rate": rate, "p99": p99, "median": median, "ready": ready, "cost": cost, "start": start_cost, "memory": memory(process)}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


rows = {name: [] for name in SERVERS}
for _ in range(ROUNDS):
    for name in SERVERS:
        rows[name].append(measure(name))


def median(name, key):
    return statistics.median(row[key] for row in rows[name])


print(f"{kind} model   {'requests/s':>12} {'p99':>9} {'median, 1':>10} {'CPU each':>10} {'ready':>9} {'CPU':>8} {'RSS':>7} {'PSS':>7}")
for name in SERVERS:
    resident, shared = rows[name][-1]["memory"]
    print(f"{name:18} {median(name, 'rate'):9.0f} {1e3 * median(name, 'p99'):8.2f} ms {1e6 * median(name, 'median'):7.0f} us"
          f" {1e6 * median(name, 'cost'):7.0f} us {1e3 * median(name, 'ready'):6.0f} ms {1e3 * median(name, 'start'):5.0f} ms {resident:5.0f} M {shared:5.0f} M")
for theirs in list(SERVERS)[2:]:
    for name in list(SERVERS)[:2]:
        pairs = list(zip(rows[name], rows[theirs]))
        print(f"{name} by {theirs}: requests/s {statistics.median(a['rate'] / b['rate'] for a, b in pairs):.1f} times,"
              f" p99 1/{statistics.median(b['p99'] / a['p99'] for a, b in pairs):.1f},"
              f" processor time a request 1/{statistics.median(b['cost'] / a['cost'] for a, b in pairs):.1f}")
# The bare model: the slope of many texts over few, in one process.
def predict(count):
    start = time.time()
    subprocess.run(["git-mlrun", "predict", "--model", "m", "--json"], input="\n".join([text] * count).encode(),
                   stdout=subprocess.DEVNULL, check=True)
    return time.time() - start
few, lots = 10, 4000
bare = statistics.median((predict(lots) - predict(few)) / (lots - few) for _ in range(3))
print(f"bare model (with reading and printing): {1e6 * bare:.0f} us a text; over it at the median:"
      f" {1e6 * (median('git mlrun serve', 'median') - bare):.0f} us")
