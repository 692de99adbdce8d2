"""Writes lime.json: explanations by the Python package lime for a black box that the Swift tests compute as well.

    pip install lime==0.2.0.1 scikit-learn==1.9.1
    python make-lime-fixtures.py > lime.json
"""
import json
import math
import re

import numpy as np
from lime.lime_text import IndexedString, LimeTextExplainer

WEIGHTS = {
    "fantastic": 2.1, "good": 1.3, "great": 1.7, "bad": -1.9, "dull": -1.2, "not": -0.8, "but": 0.2, "film": 0.1,
    "performance": 0.45, "boring": -1.6, "the": -0.05, "straße": 0.7, "été": 0.9, "plot": -0.3, "ending": 0.35,
}
PAIRS = {("not", "good"): -1.5, ("not", "bad"): 1.1}
CASES = [
    ("It was a fantastic performance!", 1, 10, 5000, 1, True),
    ("it was a fantastic performance ! it was", 3, 4, 1000, 1, True),
    ("The film was not good, but the ending was great; the plot: dull, bad, boring... not bad?", 7, 10, 5000, 0, True),
    ("The film was not good, but the ending was great; the plot: dull, bad, boring... not bad?", 7, 6, 2000, 1, True),
    ("not good\nnot bad\tgood", 11, 10, 800, 1, False),
    ("straße und été — 数据 good_x ½ naïve e\u0301te", 5, 10, 1200, 1, True),
    ("fantastic", 2, 10, 300, 1, True),
    ("bad good", 4294967295, 6, 500, 1, True),
    (" ".join(f"w{i} {w}" for i, w in enumerate(list(WEIGHTS) * 3)), 13, 10, 1500, 1, True),
    (" ".join(f"w{i} {w}" for i, w in enumerate(list(WEIGHTS) * 3)), 13, 5, 1500, 1, True),
]


def predict(texts):
    rows = []
    for text in texts:
        words = [word for word in re.split(r"\W+", text) if word]
        logit = 0.1
        for word in words:
            logit += WEIGHTS.get(word, 0.0)
        for pair in zip(words, words[1:]):
            logit += PAIRS.get(pair, 0.0)
        positive = 1 / (1 + math.exp(-logit))
        rows.append([1 - positive, positive])
    return np.array(rows)


def explain(text, seed, features, samples, label, bow):
    explainer = LimeTextExplainer(class_names=["neg", "pos"], random_state=seed, bow=bow)
    result = explainer.explain_instance(
        text, predict, labels=(label,), num_features=features, num_samples=samples)
    return {
        "text": text, "seed": seed, "features": features, "samples": samples, "label": label, "bow": bow,
        "intercept": float(result.intercept[label]), "score": float(result.score),
        "local_pred": float(result.local_pred[0]),
        "weights": [[int(word), float(value)] for word, value in result.local_exp[label]],
        "words": IndexedString(text, bow=bow).inverse_vocab,
    }


def main():
    state = np.random.RandomState(123)
    draws = state.randint(1, 8, 12).tolist()
    permutations = [state.permutation(n).tolist() for n in (1, 2, 5, 11)]
    print(json.dumps({
        "weights": WEIGHTS, "pairs": [[a, b, value] for (a, b), value in PAIRS.items()],
        "randint_1_8_seed_123": draws, "permutations_after_it": permutations,
        "items": [explain(*case) for case in CASES],
    }, ensure_ascii=False, indent=1))


main()
