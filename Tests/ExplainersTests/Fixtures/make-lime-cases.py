"""Writes lime-cases.json: explanations by Python's lime that ExplainersTests repeats.

    python3 -m venv venv
    venv/bin/pip install lime==0.2.0.1 scikit-learn==1.9.1 numpy==2.4.6
    venv/bin/python make-lime-cases.py > lime-cases.json

The black box is explicit, so that both sides can implement it: the logistic function of a constant plus weight times
count for every term (counts of non-overlapping byte strings), plus a bonus for each pair of terms that both occur.
"""

import json
import math
import sys

import numpy as np
from lime.lime_text import LimeTextExplainer
from sklearn.linear_model import lars_path

BIAS = -0.3
TERMS = [
    ("fantastic", 1.7), ("good", 0.9), ("bad", -1.3), ("not", -0.4), ("performance", 0.35), ("!", 0.2),
    ("boring", -1.1), ("café", 0.8), ("最高", 1.2), ("שלום", -0.7), ("UNKWORDZ", -0.05), ("the", 0.03),
]
PAIRS = [("not", "bad", 1.9), ("not", "good", -1.6), ("fantastic", "performance", 0.5)]


def probability(text):
    data = text.encode()
    z = BIAS
    for term, weight in TERMS:
        z += weight * data.count(term.encode())
    for first, second, bonus in PAIRS:
        if first.encode() in data and second.encode() in data:
            z += bonus
    return 1 / (1 + math.exp(-z))


def classify(texts):
    return np.array([[1 - p, p] for p in map(probability, texts)])


def long_text():
    words = "the film had good scenes and bad ones but it was not boring fantastic performance in parts of it".split()
    out = []
    for i in range(241):
        out.append(words[i * 7 % len(words)] if i % 3 else f"word{i * 11 % 120}")
    return " ".join(out) + "."


REVIEW = "This film was not bad at all : a fantastic performance, a good script; not good, the rest. Good? good !"
MIXED = "Un café naïve, cafe\u0301 最高 の映画 שלום עולם 😀😀 x² ½ don't snake_case Ⅷ १२३ ẞtraße\u00a0the_end\u2003bad\u200dgood"

CASES = [
    dict(name="defaults", text=REVIEW, seed=0),
    dict(name="forward selection", text=REVIEW, seed=1, features=6),
    dict(name="forward selection on request", text=REVIEW, seed=1, features=9, selection="forward"),
    dict(name="lasso path", text=REVIEW, seed=2, features=5, selection="lasso"),
    dict(name="lasso path of nearly all", text=REVIEW, seed=3, features=14, selection="lasso", samples=300),
    dict(name="all words", text=REVIEW, seed=4, selection="none", samples=500),
    dict(name="the other label", text=REVIEW, seed=5, label=0),
    dict(name="repeats apart", text=REVIEW, seed=6, bow=False, samples=2000),
    dict(name="many scripts", text=MIXED, seed=7, features=20),
    dict(name="one word", text="fantastic", seed=8, samples=50),
    dict(name="two words", text="not bad", seed=9, samples=100),
    dict(name="few samples", text=REVIEW, seed=10, samples=12),
    dict(name="another kernel", text=REVIEW, seed=11, kernel_width=60.0, samples=1000),
    dict(name="largest seed", text=REVIEW, seed=2**32 - 1, samples=700),
    dict(name="241 tokens", text=long_text(), seed=12),
    dict(name="241 tokens, forward", text=long_text(), seed=13, features=4, samples=1500),
    dict(name="241 tokens, lasso", text=long_text(), seed=14, features=12, selection="lasso", samples=2000),
]

NAMES = {"auto": "auto", "forward": "forward_selection", "highest": "highest_weights", "lasso": "lasso_path", "none": "none"}


def explain(case):
    case = dict(
        dict(samples=5000, features=10, selection="auto", label=1, bow=True, kernel_width=25.0), **case)
    explainer = LimeTextExplainer(
        class_names=["neg", "pos"], bow=case["bow"], kernel_width=case["kernel_width"], random_state=case["seed"],
        feature_selection=NAMES[case["selection"]])
    answer = explainer.explain_instance(
        case["text"], classify, labels=(case["label"],), num_features=case["features"], num_samples=case["samples"])
    indexed = answer.domain_mapper.indexed_string
    case["vocabulary"] = [str(indexed.word(i)) for i in range(indexed.num_words())]
    case["values"] = [[int(i), float(v)] for i, v in answer.local_exp[case["label"]]]
    case["intercept"] = float(answer.intercept[case["label"]])
    case["r2"] = float(answer.score)
    return case


def draws():
    out = []
    for seed in (0, 42, 2**32 - 1):
        random = np.random.RandomState(seed)
        out.append({
            "seed": seed,
            "words": [int(x) for x in random.randint(0, 2**32, 5, dtype=np.uint32)],
            "integers": [int(x) for x in random.randint(1, 21, 700)],
            "permutation": [int(x) for x in random.permutation(17)],
            "choice": [int(x) for x in random.choice(range(100), 30, replace=False)],
            "single": [int(x) for x in random.randint(1, 2, 3)],
            "after": int(random.randint(0, 1000)),
        })
    return out


def lasso_paths():
    """Supports after each break of lasso paths on which features leave again: small weighted problems of bits."""
    out = []
    seed = 0
    while len(out) < 6:
        seed += 1
        random = np.random.RandomState(seed)
        count, features = (20, 9) if seed % 2 else (60, 24)
        rows = (random.random_sample((count, features)) < 0.6).astype(float)
        # Correlated columns make coefficients change their sign along the path.
        rows[:, 1] = np.maximum(rows[:, 0] * rows[:, 2], random.random_sample(count) < 0.1)
        rows[:, 3] = np.where(random.random_sample(count) < 0.8, rows[:, 1], rows[:, 3])
        responses = np.round(rows @ random.normal(size=features) + random.normal(size=count), 3)
        distances = 100 * (1 - np.sqrt(rows.mean(axis=1)))
        weights = np.sqrt(np.exp(-(distances ** 2) / 25 ** 2))
        data = (rows - np.average(rows, axis=0, weights=weights)) * np.sqrt(weights[:, None])
        labels = (responses - np.average(responses, weights=weights)) * np.sqrt(weights)
        _, _, path = lars_path(data, labels, method="lasso")
        # A feature that leaves keeps a rounding error here, so 0 is what is nearly 0.
        supports = [[int(i) for i in (abs(column) > 1e-12).nonzero()[0]] for column in path.T[1:]]
        if all(len(a) < len(b) for a, b in zip(supports, supports[1:])):
            continue
        out.append({
            "rows": ["".join(str(int(x)) for x in row) for row in rows], "responses": [float(x) for x in responses],
            "supports": supports})
    return out


json.dump({"draws": draws(), "lasso": lasso_paths(), "bias": BIAS, "terms": TERMS, "pairs": PAIRS, "cases": [explain(c) for c in CASES]},
          sys.stdout, ensure_ascii=False, separators=(",", ":"))
print()
