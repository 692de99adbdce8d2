"""Writes shap-cases.json: attributions by Python's shap and captum that ExplainersTests repeats.

    python3 -m venv venv
    venv/bin/pip install shap==0.51.0 captum==0.9.0 scipy==1.17.1
    venv/bin/python make-shap-cases.py > shap-cases.json

With a number as argument the texts and seeds are other ones, drawn from that number: the tests run it this way when they
find a Python that has shap. Without captum its cases are left out.

The black boxes are explicit, so that both sides can implement them. All see the text alone:
"softmax": per class a constant plus weight times count for every term (counts of non-overlapping byte strings), plus a
bonus for each pair of terms that both occur; "hash": FNV-1a (64 bits) of the text, its lowest 20 bits over 2^20, and one
less that: any other byte in a masked text shows.
"""

import json
import math
import random
import re
import sys

import numpy as np
import shap

try:
    import torch
    from captum.attr import FeatureAblation, Occlusion, ShapleyValueSampling
    from captum.metrics import infidelity
except ImportError:
    torch = None

BOXES = {
    "two": {
        "kind": "softmax",
        "classes": [
            {"label": "neg", "bias": 0, "terms": [], "pairs": []},
            {"label": "pos", "bias": -0.3,
             "terms": [["fantastic", 1.7], ["good", 0.9], ["bad", -1.3], ["not", -0.4], ["performance", 0.35],
                       ["boring", -1.1], ["café", 0.8], ["最高", 1.2], ["...", -0.02], ["the", 0.03]],
             "pairs": [["not", "bad", 1.9], ["not", "good", -1.6], ["fantastic", "performance", 0.5]]}],
    },
    "three": {
        "kind": "softmax",
        "classes": [
            {"label": "low", "bias": 0.2, "terms": [["bad", 1.1], ["boring", 1.4], ["!", 0.1]],
             "pairs": [["not", "good", 1.5]]},
            {"label": "middle", "bias": 0.4, "terms": [["but", 0.6], ["and", 0.3], ["film", 0.05]],
             "pairs": [["good", "bad", 1.2]]},
            {"label": "high", "bias": -0.1, "terms": [["good", 1.0], ["fantastic", 2.0], ["(", 0.15]],
             "pairs": [["not", "bad", 1.7], ["good", "film", 0.4]]}],
    },
    "hash": {"kind": "hash"},
}


def softmax(zs):
    top = max(zs)
    es = [math.exp(z - top) for z in zs]
    total = 0.0
    for e in es:
        total += e
    return [e / total for e in es]


def predict(box, text):
    data = text.encode()
    if box["kind"] == "hash":
        h = 0xCBF29CE484222325
        for byte in data:
            h = (h ^ byte) * 0x100000001B3 % 2**64
        p = h % 2**20 / 2**20
        return [1 - p, p]
    zs = []
    for c in box["classes"]:
        z = c["bias"]
        for term, weight in c["terms"]:
            z += weight * data.count(term.encode())
        for first, second, bonus in c["pairs"]:
            if first.encode() in data and second.encode() in data:
                z += bonus
        zs.append(z)
    return softmax(zs)


REVIEW = "This film was not bad at all : a fantastic performance, a good script; not good, the rest. Good? good !"
SHORT = "The film was not bad, but not good: boring"
SPACED = "( The film , they say ) isn ' t bad ... but it ' s not good ! And boring ? [SEP] ( a good film ) ."
GLUED = "(Fantastic) film;\n\n\nnot bad\n\nand, or but\tgood!\n"
MIXED = "Un café naïve, 最高 の映画 שלום עולם 😀😀 x² ½ don't snake_case\u00a0the_end\u2003bad good"
SPLITS = {"words": r"\W+", "whitespace": r"\s+"}

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
source = random.Random(seed)


def any_text(count):
    if seed == 0:
        return None
    words = "the film was not bad but good and boring ( fantastic ) performance , . ! ' t s [SEP] ...".split()
    text = ""
    for _ in range(count):
        text += source.choice(words) + source.choice([" ", " ", " ", "", ", ", ". ", "\n"])
    return text + "end"


class Players:
    """The tokens of a text behind 0/1 columns."""

    def __init__(self, case):
        self.box = BOXES[case["box"]]
        self.text = case["text"]
        self.masker = shap.maskers.Text(SPLITS[case.get("split", "words")], mask_token=case.get("mask", "..."))
        self.tokens = self.masker.token_segments(self.text)[0]
        self.n = len(self.tokens)

    def rows(self, masks):
        return np.array([predict(self.box, str(self.masker(np.array(m) > 0.5, self.text)[0][0])) for m in masks])

    def texts(self, texts):
        return np.array([predict(self.box, str(t)) for t in texts])

    def tensor(self, x):
        return torch.tensor(self.rows(x.numpy()), dtype=torch.float64)


def explain(case):
    p = Players(case)
    label, method, samples = case["label"], case["method"], case.get("samples")
    zeros, ones = np.zeros((1, p.n)), np.ones((1, p.n))
    if method == "exact":
        values = shap.ExactExplainer(p.rows, zeros)(ones).values[0][:, label]
    elif method == "kernel":
        explainer = shap.KernelExplainer(p.rows, zeros)
        np.random.seed(case["seed"])
        values = explainer.shap_values(ones, nsamples=samples or "auto", l1_reg=False, silent=True)[0][:, label]
    elif method == "permutation":
        explainer = shap.PermutationExplainer(p.rows, zeros, seed=case["seed"])
        answer = explainer(ones, max_evals=samples, error_bounds=True, silent=True)
        values = answer.values[0][:, label]
    elif method == "partition":
        explainer = shap.PartitionExplainer(p.texts, p.masker)
        context = {"both": None, "absent": 0, "present": 1}[case.get("context", "both")]
        np.random.seed(case["seed"])
        answer = explainer([p.text], max_evals=samples, fixed_context=context, silent=True)
        values = answer.values[0][:, label]
        case["tree"] = [[int(x) for x in row[:2]] for row in p.masker.clustering(p.text)]
    elif method == "sampling":
        explainer = ShapleyValueSampling(p.tensor)
        order = np.arange(p.n)

        def orders(count, rounds):
            for _ in range(rounds):
                np.random.shuffle(order)
                yield order.tolist()

        explainer.permutation_generator = orders
        np.random.seed(case["seed"])
        values = explainer.attribute(
            torch.tensor(ones), target=label, n_samples=samples // (p.n + 1))[0].numpy()
    elif method == "occlusion":
        values = Occlusion(p.tensor).attribute(
            torch.tensor(ones), (case["window"],), strides=(case["stride"],), target=label)[0].numpy()
    elif method == "ablation":
        spelled = [re.sub(SPLITS[case.get("split", "words")] + "$", "", t) for t in p.tokens]
        groups = {}
        ids = [groups.setdefault(t, len(groups)) for t in spelled]
        case["groups"] = ids
        values = FeatureAblation(p.tensor).attribute(
            torch.tensor(ones), target=label, feature_mask=torch.tensor([ids]))[0].numpy()
    case["values"] = [float(v) for v in values]
    ends = p.rows([zeros[0], ones[0]])[:, label]
    case["base"], case["full"] = float(ends[0]), float(ends[1])
    return case


def masked_texts():
    """What the package makes of texts: segments and variants."""
    out = []
    for text in [SHORT, REVIEW, SPACED, GLUED, MIXED, "!!!", "one", "  two words  ", "x\n\n\nyes\n\nno\n", any_text(15) or "a"]:
        for split, pattern in SPLITS.items():
            for mask in ["...", " ", "[UNK]"]:
                masker = shap.maskers.Text(pattern, mask_token=mask)
                n = len(masker.token_segments(text)[0])
                masks = [[True] * n, [False] * n] + [[source.random() < 0.5 for _ in range(n)] for _ in range(2)]
                out.append({
                    "text": text, "split": split, "mask": mask.strip(),
                    "variants": [["".join(str(int(b)) for b in m), str(masker(np.array(m), text)[0][0])] for m in masks]})
    return out


def linear():
    """shap.LinearExplainer on word counts, against the mean of a background."""
    texts = [t.lower() for t in [SHORT, REVIEW, "boring film", "good good and fantastic", any_text(9) or ""]]
    names = sorted({w for t in texts for w in re.findall(r"\w+", t)})
    counts = np.array([[float(re.findall(r"\w+", t).count(n)) for n in names] for t in texts])
    weights = np.round(np.random.RandomState(3).normal(size=len(names)), 2)
    explainer = shap.LinearExplainer((weights, -0.4), shap.maskers.Independent(counts[1:]))
    values = explainer(counts[:1]).values[0]
    return {
        "text": texts[0], "background": texts[1:], "weights": dict(zip(names, weights.tolist())), "intercept": -0.4,
        "values": dict(zip(names, values.tolist())), "base": float(explainer.expected_value)}


def agreement():
    """Rank correlations of scipy, with ties."""
    from scipy import stats

    out = []
    draws = np.random.RandomState(seed + 5)
    for n in (2, 3, 5, 9, 20):
        for digits in (0, 1, 9):
            a, b = np.round(draws.normal(size=n), digits), np.round(draws.normal(size=n), digits)
            rho, tau = stats.spearmanr(a, b).statistic, stats.kendalltau(a, b).statistic
            if np.isnan(rho) or np.isnan(tau):
                continue
            out.append({"a": a.tolist(), "b": b.tolist(), "spearman": float(rho), "kendall": float(tau)})
    return out


def infidelities():
    """captum's infidelity for given coalitions; hidden words are taken out, separators stay."""
    box, text = BOXES["two"], any_text(9) or REVIEW
    spans = [m.span() for m in re.finditer(r"\w+", text)]

    def forward(x):
        rows = []
        for mask in x.numpy():
            out, end = "", 0
            for on, (first, last) in zip(mask, spans):
                out += text[end:last] if on > 0.5 else text[end:first]
                end = last
            rows.append(predict(box, out + text[end:]))
        return torch.tensor(np.array(rows), dtype=torch.float64)

    draws = np.random.RandomState(seed + 9)
    masks = (draws.random_sample((40, len(spans))) < 0.5).astype(float)
    values = np.round(draws.normal(size=len(spans)) / 5, 3)
    out = {"box": "two", "text": text, "label": 1, "values": values.tolist(),
           "masks": ["".join(str(int(b)) for b in m) for m in masks]}
    for name, normalize in (("infidelity", False), ("scaled", True)):
        queue = list(masks)

        def perturb(x):
            rows = torch.tensor(np.array([queue.pop(0) for _ in range(x.shape[0])]))
            return rows, x - rows

        out[name] = float(infidelity(
            forward, perturb, torch.ones((1, len(spans)), dtype=torch.float64), torch.tensor(values)[None], target=1,
            n_perturb_samples=len(masks), max_examples_per_batch=1, normalize=normalize)[0])
    return out


def draws():
    """NumPy's uniform and normal numbers, one after the other."""
    np.random.seed(seed + 21)
    return {"seed": seed + 21, "normal": np.random.randn(7).tolist(), "uniform": np.random.random_sample(5).tolist(),
            "after": float(np.random.randn())}


CASES = [
    dict(method="exact", box="two", text=any_text(7) or SHORT),
    dict(method="exact", box="three", text=any_text(6) or SHORT, label=2),
    dict(method="exact", box="hash", text=any_text(7) or "( a ) b , c.", split="whitespace"),
    dict(method="exact", box="hash", text=any_text(7) or GLUED, mask=" "),
    dict(method="kernel", box="hash", text=any_text(8) or SHORT),
    dict(method="kernel", box="two", text=any_text(20) or REVIEW, seed=1),
    dict(method="kernel", box="three", text=any_text(20) or REVIEW, seed=2, samples=300, label=0),
    dict(method="kernel", box="hash", text=any_text(20) or SPACED, split="whitespace", seed=3, samples=900),
    dict(method="kernel", box="hash", text=any_text(9) or SHORT, seed=4, samples=150),
    dict(method="kernel", box="three", text=any_text(11) or MIXED, seed=5, samples=400),
    dict(method="permutation", box="hash", text=any_text(20) or REVIEW, seed=6, samples=500),
    dict(method="permutation", box="two", text=any_text(20) or REVIEW, seed=7, samples=120),
    dict(method="permutation", box="three", text=any_text(12) or SPACED, split="whitespace", seed=8, samples=2000, label=1),
    dict(method="partition", box="two", text=any_text(12) or REVIEW, seed=9, samples=2000),
    dict(method="partition", box="hash", text=any_text(14) or GLUED, seed=10, samples=2000),
    dict(method="partition", box="hash", text=any_text(18) or SPACED, seed=11, samples=4000, split="whitespace"),
    dict(method="partition", box="hash", text=any_text(18) or REVIEW, seed=12, samples=100),
    dict(method="partition", box="three", text=any_text(25) or SPACED, seed=13, samples=60, split="whitespace", label=0),
    dict(method="partition", box="two", text=any_text(25) or REVIEW, seed=14, samples=201),
    dict(method="partition", box="two", text=any_text(25) or REVIEW, seed=15, samples=500, context="absent"),
    dict(method="partition", box="three", text=any_text(25) or MIXED, seed=16, samples=30, context="present"),
    dict(method="partition", box="two", text="good film film good " * 5, seed=20, samples=20, label=0),
    dict(method="partition", box="two", text="film good good film " * 4, seed=21, samples=24),
    dict(method="sampling", box="hash", text=any_text(12) or SHORT, seed=17, samples=150),
    dict(method="sampling", box="three", text=any_text(20) or REVIEW, seed=18, samples=200),
    dict(method="occlusion", box="hash", text=any_text(12) or REVIEW, window=3, stride=1),
    dict(method="occlusion", box="three", text=any_text(12) or REVIEW, window=4, stride=3),
    dict(method="occlusion", box="hash", text=any_text(12) or SHORT, window=2, stride=2),
    dict(method="ablation", box="hash", text=any_text(12) or REVIEW),
    dict(method="ablation", box="three", text=any_text(12) or SPACED, split="whitespace", label=2),
]

cases = []
for case in CASES:
    if torch is None and case["method"] in ("sampling", "occlusion", "ablation"):
        continue
    case.setdefault("label", 1)
    case.setdefault("seed", 0)
    if seed:
        case["seed"] += 1000 * seed
    cases.append(explain(case))
    if "mask" in case:
        case["mask"] = case["mask"].strip()
json.dump({
    "shap": shap.__version__, "boxes": BOXES, "cases": cases, "masked": masked_texts(), "linear": linear(),
    "agreement": agreement(), "draws": draws(), "infidelity": infidelities() if torch else None,
}, sys.stdout, ensure_ascii=False, separators=(",", ":"))
print()
