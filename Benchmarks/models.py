"""CPU seconds and memory of `git mlrun train` and `predict` beside scikit-learn, fastText and PyTorch, in turns.

models.py DATA [ROW]...: DATA is a folder that `git mlrun split` wrote (imdb.train.tsv and kin, columns 'label' and 'text'); a ROW is
the beginning of a row's name. Options: --rounds N (2), --rows N (training texts of the networks' rows, 2000), --minilm FOLDER (config.json,
model.safetensors, tokenizer.json). Needs git-mlrun on PATH and a Python with numpy, scikit-learn, fasttext-wheel and torch.

Each figure is the best of all rounds; ours and the peers' alternate (A B A B), each in a process of its own. Ours count the whole process, from
start to exit; the peers' count from reading the file on, without imports. Beside each timing stands the rate of a product of 1024 x 1024
matrices just before it, in GFLOP/s: a low one tells of neighbours.
"""
import argparse, csv, json, math, os, re, resource, subprocess, sys, tempfile, time

PEERS = {}


def peer(function):
    PEERS[function.__name__] = function
    return function


def load(name):
    labels, texts = [], []
    with open(os.path.join(os.environ["DATA"], name), encoding="utf-8", newline="\n") as file:
        header = file.readline().rstrip("\n").split("\t")
        place = header.index("text"), header.index("label")
        for line in file:
            fields = line.rstrip("\n").split("\t")
            texts.append(fields[place[0]])
            labels.append(int(fields[place[1]] in ("1", "pos")))
    return texts, labels


NOT, SHORT = re.compile(r"n't\b"), re.compile(r"'(s|re|ve|ll|d|m)\b")
TOKEN = re.compile(r"n't|'(?:s|re|ve|ll|d|m)\b|\w+|[^\w\s]")


def tokens(text):
    return TOKEN.findall(SHORT.sub(r" '\1", NOT.sub(" n't", text.lower().replace("<br />", " "))))


def clock():
    return time.process_time()


def loss(probabilities, truth):
    rows = [max(1e-7, p if y else 1 - p) for p, y in zip(probabilities, truth)]
    return -sum(map(math.log, rows)) / len(rows)


def accuracy(probabilities, truth):
    return sum((p >= 0.5) == bool(y) for p, y in zip(probabilities, truth)) / len(truth)


def linear(source, make, weigh, grid):
    """Text to trained with a choice of the penalty on dev, then answers from raw text."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    start = clock()
    texts, truth = load(f"{source}.train.tsv")
    dev, dev_truth = load(f"{source}.dev.tsv")
    vectoriser = make()
    rows = vectoriser.fit_transform(texts)
    weight = weigh(rows, np.array(truth))
    shape = lambda part: part if weight is None else part.multiply(weight).tocsr()
    fits = [LogisticRegression(C=c, max_iter=1000).fit(shape(rows), truth) for c in grid]
    dev_rows = shape(vectoriser.transform(dev))
    model = min(fits, key=lambda fit: loss(fit.predict_proba(dev_rows)[:, 1], dev_truth))
    trained = clock() - start
    return trained, rates(source, lambda part: model.predict_proba(shape(vectoriser.transform(part)))[:, 1])


def rates(source, predict):
    test, truth = load(f"{source}.test.tsv")
    start = clock()
    answers = predict(test)
    took = clock() - start
    predict(test[:1])
    start = time.perf_counter()
    for text in test[:200]:
        predict([text])
    one = (time.perf_counter() - start) / 200
    return {"docs_per_cpu_s": len(test) / took, "one_text_ms": one * 1e3, "accuracy": accuracy(answers, truth)}


@peer
def nblr(source, _):
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer

    def weigh(rows, truth):
        p = 1 + np.asarray(rows[truth == 1].sum(0)).ravel()
        q = 1 + np.asarray(rows[truth == 0].sum(0)).ravel()
        return np.log((p / p.sum()) / (q / q.sum())).astype(np.float32)

    make = lambda: CountVectorizer(
        tokenizer=tokens, token_pattern=None, lowercase=False, ngram_range=(1, 2), binary=True, dtype=np.float32)
    return linear(source, make, weigh, (0.1, 1, 10))


@peer
def tfidf(source, _):
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    make = lambda: TfidfVectorizer(
        tokenizer=tokens, token_pattern=None, lowercase=False, ngram_range=(1, 2), sublinear_tf=True, min_df=2,
        dtype=np.float32)
    return linear(source, make, lambda rows, truth: None, (10, 1, 3, 30))


@peer
def fasttext(source, _):
    import random

    import fasttext as library

    start = clock()
    texts, truth = load(f"{source}.train.tsv")
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    path = tempfile.mktemp()
    with open(path, "w") as file:
        for row in order:
            file.write(f"__label__{truth[row]} {' '.join(tokens(texts[row]))}\n")
    model = library.train_supervised(
        path, lr=0.5 if source == "imdb" else 0.1, epoch=10, dim=10, wordNgrams=2, minCount=1, thread=2, verbose=0,
        bucket=2_000_000 if source == "imdb" else 200_000)
    trained = clock() - start

    def predict(part):
        out = []
        for text in part:
            answer = dict((label, p) for p, label in model.f.predict(" ".join(tokens(text)) + "\n", 2, 0.0, "strict"))
            out.append(answer.get("__label__1", 0.0))
        return out

    return trained, rates(source, predict)


def torch_network(source, rows, kind):
    import collections, random

    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    torch.set_num_threads(1)
    torch.manual_seed(1)
    limit = 256
    texts, truth = load(f"{source}.train.tsv")
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    order = order[:rows]
    cut = [tokens(texts[row]) for row in order]
    truth = torch.tensor([truth[row] for row in order])
    counts = collections.Counter(word for text in cut for word in text)
    known = {word: number + 2 for number, (word, count) in enumerate(counts.most_common()) if count >= 2}

    def numbers(words):
        part = words if len(words) <= limit else words[: limit // 4] + words[-(limit - limit // 4):]
        return [known.get(word, 1) for word in part] or [1]

    def batch(part):
        length = max(5, max(map(len, part)))
        x = torch.zeros(len(part), length, dtype=torch.long)
        for row, text in enumerate(part):
            x[row, : len(text)] = torch.tensor(text)
        return x

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.drop = nn.Embedding(len(known) + 2, 100, padding_idx=0), nn.Dropout(0.5)
            if kind == "bilstm":
                self.encode = nn.LSTM(100, 128, batch_first=True, bidirectional=True)
                self.attend, self.context, self.out = nn.Linear(256, 256), nn.Linear(256, 1, bias=False), nn.Linear(256, 2)
            else:
                self.encode = nn.ModuleList(nn.Conv1d(100, 100, size, padding=size // 2) for size in (3, 5, 7))
                self.out = nn.Linear(300, 2)

        def forward(self, x):
            mask, hidden = x > 0, self.drop(self.embed(x))
            if kind == "bilstm":
                hidden, _ = self.encode(hidden)
                scores = self.context(torch.tanh(self.attend(hidden))).squeeze(-1).masked_fill(~mask, -1e9)
                pooled = (scores.softmax(1).unsqueeze(-1) * hidden).sum(1)
            else:
                hidden = hidden.transpose(1, 2)
                pooled = torch.cat([F.relu(layer(hidden)).amax(2) for layer in self.encode], 1)
            return self.out(self.drop(pooled))

    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    ids = [numbers(words) for words in cut]
    by_length = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    words = sum(map(len, ids))
    start = clock()
    for first in range(0, len(by_length), 64):
        rows = by_length[first : first + 64]
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(net(batch([ids[row] for row in rows])), truth[rows]).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
    took = clock() - start
    net.eval()

    def predict(part):
        cut = [numbers(tokens(text)) for text in part]
        order = sorted(range(len(cut)), key=lambda row: len(cut[row]))
        out = [0.0] * len(cut)
        with torch.inference_mode():
            for first in range(0, len(order), 128):
                rows = order[first : first + 128]
                for row, p in zip(rows, net(batch([cut[row] for row in rows])).softmax(1)[:, 1].tolist()):
                    out[row] = p
        return out

    result = rates(source, predict)
    result["words_per_cpu_s"] = words / took
    return took, result


@peer
def bilstm(source, rows):
    return torch_network(source, rows, "bilstm")


@peer
def cnn(source, rows):
    return torch_network(source, rows, "cnn")


def run_peer(name, source, rows, data):
    command = [sys.executable, os.path.abspath(__file__), "--peer", name, "--source", source, "--rows", str(rows), data]
    out = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return json.loads(out.stdout.splitlines()[-1])


def measured(command, **options):
    """CPU seconds, wall seconds and peak memory (MB) of one process, and what it printed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024, out


def calibration():
    import numpy as np

    a = np.ones((1024, 1024), np.float32)
    a @ a
    start = time.perf_counter()
    for _ in range(3):
        a @ a
    return 3 * 2 * 1024**3 / (time.perf_counter() - start) / 1e9


LINES = {
    "linear": "embed: {layer: ngrams, n: 2, min_count: 2}",
    "bilstm": "embed: {layer: words, width: 100, min_count: 2, max_tokens: 256}\n  encode: {layer: bilstm, width: 128}\n"
    "  attend: {layer: context, width: 256}",
    "cnn": "embed: {layer: words, width: 100, min_count: 2, max_tokens: 256}\n"
    "  encode: {layer: convolutions, windows: [3, 5, 7], width: 100}\n  attend: max",
}


class Ours:
    def __init__(self, work, data):
        self.work, self.data = work, data

    def train(self, kind, source, rows=None, epochs=1):
        train = os.path.join(self.data, f"{source}.train.tsv")
        dev = os.path.join(self.data, f"{source}.dev.tsv")
        if rows:
            import random

            lines = open(train, encoding="utf-8", newline="\n").read().split("\n")[:-1]
            body = lines[1:]
            random.Random(1).shuffle(body)
            train, dev = os.path.join(self.work, "train.tsv"), os.path.join(self.work, "dev.tsv")
            open(train, "w", newline="\n").write("\n".join([lines[0]] + body[:rows]) + "\n")
            open(dev, "w", newline="\n").write("\n".join([lines[0]] + body[rows : rows + 20]) + "\n")
        params = os.path.join(self.work, "params.yaml")
        open(params, "w").write(
            f"data: {{train: {train}, dev: {dev}}}\nmodel:\n  {LINES[kind]}\n"
            f"training: {{epochs: {epochs}, batch: 64, learning_rate: 0.001, dropout: 0.5, word_dropout: 0.0,"
            f" embedding_dropout: 0.5, strengths: [0.1, 0.3, 1]}}\n")
        self.model = os.path.join(self.work, f"{kind}-{source}")
        return measured(["git-mlrun", "train", "--params", params, "--out", self.model, "-q"], cwd=self.work)

    def rates(self, source, repeat):
        texts, truth = load(f"{source}.test.tsv")
        path = os.path.join(self.work, "texts.txt")
        open(path, "w").write("\n".join(texts * repeat) + "\n")
        command = ["git-mlrun", "predict", "--model", self.model]
        single = min(measured(command + ["--text", "A fine film ."], cwd=self.work)[0] for _ in range(3))
        cpu, _, memory, out = measured(command + [path], cwd=self.work)
        labels = [line.split(b"\t")[0] for line in out.splitlines()][: len(truth)]
        second = max(labels)
        return {
            "docs_per_cpu_s": len(texts) * repeat / max(1e-6, cpu - single), "predict_memory_mb": memory,
            "accuracy": sum((label == second) == bool(y) for label, y in zip(labels, truth)) / len(truth)}

    def start(self):
        command = ["git-mlrun", "predict", "--model", self.model, "--text", "A fine film ."]
        return min(measured(command, cwd=self.work)[1] for _ in range(10))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("data")
    options.add_argument("rows_wanted", nargs="*")
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--rows", type=int, default=2000)
    options.add_argument("--peer")
    options.add_argument("--source")
    given = options.parse_args()
    os.environ["DATA"] = given.data = os.path.abspath(given.data)
    if given.peer:
        seconds, more = PEERS[given.peer](given.source, given.rows)
        more.update(seconds=seconds, memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(json.dumps(more))
        return
    work = tempfile.mkdtemp()
    subprocess.run(["git", "init", "-q", work], check=True)
    ours = Ours(work, given.data)
    wanted = lambda name: not given.rows_wanted or any(name.startswith(row) for row in given.rows_wanted)
    table = []

    def best(name, turns, key, lowest=True):
        """Alternates the turns and keeps the best of each."""
        found = {}
        for _ in range(given.rounds):
            for who, turn in turns.items():
                rate = calibration()
                value = turn()
                print(f"  {name} {who}: {json.dumps({k: round(v, 4) for k, v in value.items()})}  sgemm {rate:.0f} GFLOP/s",
                      file=sys.stderr, flush=True)
                if who not in found or (value[key] < found[who][0][key]) == lowest:
                    found[who] = value, rate
        for who, (value, rate) in found.items():
            table.append((name, who, value, rate))

    for source, repeat in (("imdb", 2), ("rotten_tomatoes", 30)):
        if not wanted(f"linear {source}"):
            continue

        def own():
            cpu, wall, memory, _ = ours.train("linear", source)
            return {"seconds": cpu, "wall": wall, "memory_mb": memory, **ours.rates(source, repeat)}

        turns = {"git mlrun": own}
        for name in ("nblr", "tfidf", "fasttext"):
            turns[name] = lambda name=name: run_peer(name, source, given.rows, given.data)
        best(f"linear {source}", turns, "seconds")
    if wanted("start"):
        cpu, wall, memory, _ = ours.train("linear", "imdb")
        best("start", {"git mlrun": lambda: {"wall_ms": ours.start() * 1e3}}, "wall_ms")
    for kind in ("bilstm", "cnn"):
        if not wanted(kind):
            continue

        def own():
            # Two epochs less one: reading and the words' numbers are no part of training.
            two, _, _, _ = ours.train(kind, "imdb", given.rows, epochs=2)
            one, _, memory, _ = ours.train(kind, "imdb", given.rows, epochs=1)
            with open(os.path.join(work, "train.tsv"), encoding="utf-8", newline="\n") as file:
                texts = [line.split("\t") for line in file.read().split("\n")[:-1]]
            place = texts[0].index("text")
            words = sum(min(256, len(tokens(row[place]))) for row in texts[1:])
            return {"seconds": two - one, "words_per_cpu_s": words / (two - one), "memory_mb": memory, **ours.rates("imdb", 1)}

        best(kind, {"git mlrun": own, "PyTorch": lambda: run_peer(kind, "imdb", given.rows, given.data)}, "seconds")
    for name, who, value, rate in table:
        print(f"{name:24} {who:10} " + "  ".join(f"{k} {v:,.4g}" for k, v in value.items()) + f"  [sgemm {rate:.0f}]")


if __name__ == "__main__":
    main()
