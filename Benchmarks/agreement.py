#!/usr/bin/env python3
"""Explains with git mlexplain and with lime, shap and captum, the same model behind all, and prints the largest differences.

usage: agreement.py        (needs git-mlrun and git-mlexplain on PATH, lime 0.2.0.1, shap 0.51.0, torch and captum 0.9.0)

The model of the first rows is this file itself, started as a program (--predictor). The last rows are models trained by
git mlrun: networks, with the same weights in PyTorch, and n-grams, with the same weights in scikit-learn, whose variants are
scored the fast way.
"""
import json, math, os, re, struct, subprocess, sys, tempfile

TERMS = {"fantastic": 1.7, "good": 0.9, "bad": -1.3, "not": -0.4, "performance": 0.35, "boring": -1.1, "café": 0.8,
         "...": -0.02, "the": 0.03, "!": 0.1, "שלום": 0.4}
PAIRS = {("not", "bad"): 1.9, ("not", "good"): -1.6, ("fantastic", "performance"): 0.5}


def probability(text):
    z = -0.3 + sum(w * text.count(t) for t, w in TERMS.items())
    z += sum(w for (a, b), w in PAIRS.items() if a in text and b in text)
    return 1 / (1 + math.exp(-z))


if sys.argv[1:] == ["serve"]:
    for line in sys.stdin:
        request = json.loads(line)
        rows = [[1 - p, p] for p in map(probability, request["texts"])]
        print(json.dumps({"id": request["id"], "labels": ["neg", "pos"], "probabilities": rows}), flush=True)
    sys.exit()

import numpy as np, shap, torch  # noqa: E402
from captum.attr import IntegratedGradients, InputXGradient  # noqa: E402
from lime.lime_text import LimeTextExplainer  # noqa: E402
from sklearn.feature_extraction.text import CountVectorizer  # noqa: E402

SHORT = ["The film was not bad, but not good: boring", "a fantastic performance !", "Un café שלום, not good 😀"]
LONG = ["This film was not bad at all : a fantastic performance, a good script; not good, the rest. Good? good ! "
        + " ".join(f"word{i % 23} {'good bad not the boring'.split()[i % 5]}" for i in range(30))]
work = tempfile.mkdtemp(prefix="mlexplain-agree-")
os.environ["HOME"] = work


def run(command):
    return subprocess.run(command, cwd=work, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def ours(text, method, *options, model=None):
    source = ["--model", model] if model else ["--predictor", f"{sys.executable} {os.path.abspath(__file__)} serve"]
    return json.loads(run(["git", "mlexplain", *source, "--text", text, "--target", "pos", "--method", method,
                           *options, "--json"]))["items"][0]


def values(item): return np.array([word["value"] for word in item["words"]])


def predict(texts):
    p = np.array([probability(str(t)) for t in texts])
    return np.column_stack([1 - p, p])


class Players:
    def __init__(self, text):
        self.text, self.masker = text, shap.maskers.Text(r"\W+")
        self.n = len(self.masker.token_segments(text)[0])

    def rows(self, masks):
        return predict([self.masker(np.array(m) > 0.5, self.text)[0][0] for m in masks])[:, 1]


rows = []


def row(method, package, differences, bound):
    worst = max(differences)
    rows.append(worst <= bound)
    print(f"{method:42} {package:14} {worst:12.1e} {bound:10.0e}  {'held' if worst <= bound else 'MISSED'}", flush=True)


def against(other): return lambda texts, method, *options: [
    float(np.abs(values(ours(t, method, *options)) - other(t)).max()) for t in texts]


def exact(text):
    p = Players(text)
    return shap.ExactExplainer(p.rows, np.zeros((1, p.n)))(np.ones((1, p.n))).values[0]


def kernel(samples):
    def of(text):
        p = Players(text)
        np.random.seed(3)
        return shap.KernelExplainer(p.rows, np.zeros((1, p.n))).shap_values(
            np.ones((1, p.n)), nsamples=samples or 2 ** p.n, l1_reg=False, silent=True)[0]
    return of


def permutation(text):
    p = Players(text)
    return shap.PermutationExplainer(p.rows, np.zeros((1, p.n)), seed=3)(
        np.ones((1, p.n)), max_evals=10 * (2 * p.n + 1), silent=True).values[0]


def partition(text):
    np.random.seed(3)
    return shap.PartitionExplainer(predict, shap.maskers.Text(r"\W+"))([text], max_evals=500, silent=True).values[0][:, 1]


def lime(features, selection="auto"):
    def of(text):
        explainer = LimeTextExplainer(random_state=3, feature_selection=selection)
        found = explainer.explain_instance(text, predict, labels=(1,), num_features=features, num_samples=1000)
        count = found.domain_mapper.indexed_string.num_words()
        out = np.zeros(count)
        for index, value in found.local_exp[1]:
            out[index] = value
        return out
    return of


print(f"{'Method':42} {'Package':14} {'Difference':>12} {'Bound':>10}")
legacy = ("--rng", "numpy-legacy", "--seed", "3")
row("exact Shapley", "shap 0.51.0", against(exact)(SHORT, "exact"), 1e-10)
row("KernelSHAP, all coalitions", "shap 0.51.0", against(kernel(None))(SHORT, "kernel", "--samples", "100000"), 1e-10)
row("KernelSHAP, 300 of them, same draws", "shap 0.51.0", against(kernel(300))(LONG[:1], "kernel", "--samples", "300", *legacy), 1e-10)
for text in SHORT + LONG:
    n = str(10 * (2 * Players(text).n + 1))
    row(f"Permutation, ten orders, {Players(text).n} tokens", "shap 0.51.0", against(permutation)([text], "permutation", "--samples", n, *legacy), 1e-10)
row("Partition, whole tree and 500 evaluations", "shap 0.51.0", against(partition)(SHORT + LONG, "partition", "--samples", "500", *legacy), 1e-10)
for name, features, selection in (("auto", 10, "auto"), ("forward selection", 6, "auto"), ("lasso path", 5, "lasso_path"),
                                  ("all words", 10, "none")):
    option = {"lasso_path": "lasso"}.get(selection, selection)
    row(f"LIME, {name}", "lime 0.2.0.1", against(lime(features, selection))(
        SHORT + LONG, "lime", "--samples", "1000", "--features", str(features), "--selection", option, *legacy), 1e-9)


# Networks with the same weights.
words = "good bad boring fantastic film the a performance not scene".split()
random = np.random.RandomState(0)
lines = ["label\ttext"]
for _ in range(400):
    some = [words[i] for i in random.randint(0, len(words), 8)]
    lines.append(("pos" if probability(" ".join(some)) > 0.5 else "neg") + "\t" + " ".join(some))
for name in ("train", "dev"):
    with open(f"{work}/{name}.tsv", "w") as file:
        file.write("\n".join(lines) + "\n")
run(["git", "init", "-q", "."])
with open(work + "/params.yaml", "w") as file:
    file.write("data: {train: train.tsv, dev: dev.tsv, test: dev.tsv}\nmodel: {embed: {layer: words, width: 16}, "
               "encode: {layer: bilstm, width: 12}, attend: context}\ntraining: {epochs: 6}\n")
run(["git", "mlrun", "train", "--out", "net"])
data = open(work + "/net/weights.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
weights = {k: np.frombuffer(data[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]], "<f4").reshape(v["shape"])
           for k, v in json.loads(data[8:8 + size]).items() if k != "__metadata__"}


class Network(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
        width = w["encode.forward.hidden"].shape[0]
        self.lstm = torch.nn.LSTM(w["embed.words"].shape[1], width, bidirectional=True, batch_first=True).double()
        order = np.concatenate([np.arange(width) + width * g for g in (0, 1, 3, 2)])
        with torch.no_grad():
            for side, suffix in (("forward", ""), ("backward", "_reverse")):
                for key, name in (("input", "weight_ih_l0"), ("hidden", "weight_hh_l0")):
                    getattr(self.lstm, name + suffix).copy_(torch.tensor(w[f"encode.{side}.{key}"][:, order].T.copy()))
                getattr(self.lstm, "bias_ih_l0" + suffix).copy_(torch.tensor(w[f"encode.{side}.bias"].reshape(-1)[order].copy()))
                getattr(self.lstm, "bias_hh_l0" + suffix).zero_()
        t = lambda name: torch.tensor(w[name].copy()).double()
        self.weight, self.bias, self.context = t("attend.weight"), t("attend.bias"), t("attend.context")
        self.out, self.shift = t("predict.weight"), t("predict.bias")

    def forward(self, x):
        h, _ = self.lstm(x)
        alpha = torch.softmax(torch.tanh(h @ self.weight + self.bias) @ self.context, dim=1)
        return torch.softmax((alpha * h).sum(1) @ self.out + self.shift, dim=1)


network = Network(weights)
labels = json.load(open(work + "/net/model.json"))["labels"]
pos = labels.index("pos")
numbers = {line.rstrip("\n"): i + 1 for i, line in enumerate(open(work + "/net/vocab.txt"))}
table = torch.tensor(weights["embed.words"].copy()).double()
texts = ["the film not bad a fantastic performance", "boring boring scene", "good"]


def captum(attribute):
    def of(text):
        x = table[[numbers.get(t, 0) for t in text.split()]].unsqueeze(0)
        return attribute(x)
    return of


def net(method, *options): return lambda text: values(ours(text, method, *options, model="net"))


def compare(other, own): return [float(np.abs(own(t) - other(t)).max()) for t in texts]


ig = captum(lambda x: IntegratedGradients(network).attribute(x, torch.zeros_like(x), target=pos, n_steps=50).sum(-1)[0].numpy())
row("Integrated gradients, 50, double", "captum 0.9.0", compare(ig, net("ig", "--precision", "double")), 1e-9)
row("Integrated gradients, 50, float", "captum 0.9.0", compare(ig, net("ig")), 1e-5)
ixg = captum(lambda x: InputXGradient(network).attribute(x.requires_grad_(), target=pos).sum(-1)[0].detach().numpy())
row("Input x gradient, double", "captum 0.9.0", compare(ixg, net("input-x-gradient", "--precision", "double")), 1e-9)

# N-grams with the same weights: the packages' functions above, around another model.
with open(work + "/params.yaml", "w") as file:
    file.write("data: {train: train.tsv, dev: dev.tsv, test: dev.tsv}\nmodel: {embed: {layer: ngrams, n: 2}}\n")
run(["git", "mlrun", "train", "--out", "linear"])
data = open(work + "/linear/weights.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
weights = {k: np.frombuffer(data[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]], "<f4").astype("f8")
           for k, v in json.loads(data[8:8 + size]).items() if k != "__metadata__"}
sign = 1 if json.load(open(work + "/linear/model.json"))["labels"][1] == "pos" else -1
vectoriser = CountVectorizer(vocabulary=[line.rstrip("\n") for line in open(work + "/linear/vocab.txt")],
                             ngram_range=(1, 2), binary=True, token_pattern=r"\w+|[^\w\s]")


def predict(texts):  # noqa: F811
    margin = sign * (vectoriser.transform([str(t) for t in texts]) @ weights["predict.weight"]
                     + weights["predict.bias"][0])
    p = 1 / (1 + np.exp(-margin))
    return np.column_stack([1 - p, p])


texts = SHORT[:2] + LONG + [" ".join(words[i] for i in random.randint(0, len(words), 120))]


def linear(method, *options): return lambda text: values(ours(text, method, *options, *legacy, model="linear"))


row("n-grams: LIME, auto", "lime 0.2.0.1", compare(lime(10), linear("lime", "--samples", "1000", "--features", "10")), 1e-9)
row("n-grams: LIME, forward selection", "lime 0.2.0.1",
    compare(lime(6), linear("lime", "--samples", "1000", "--features", "6")), 1e-9)
row("n-grams: KernelSHAP, 2000 coalitions", "shap 0.51.0", compare(kernel(2000), linear("kernel", "--samples", "2000")), 1e-10)
row("n-grams: Partition, 500 evaluations", "shap 0.51.0", compare(partition, linear("partition", "--samples", "500")), 1e-10)
row("n-grams: exact Shapley", "shap 0.51.0",
    [float(np.abs(linear("exact")(t) - exact(t)).max()) for t in texts[:2]], 1e-10)
sys.exit(0 if all(rows) else 1)
