#!/usr/bin/env python3
"""Gradient attributions of small text models by captum on PyTorch, in double precision, as test fixtures.

Writes captum/NAME/{model.json,vocab.txt,weights.safetensors} (models in git-ml's own format) and captum.json (what captum
says about them). Needs torch 2.13.0 and captum 0.9.0: pip install torch==2.13.0 captum==0.9.0
"""
import json
import os
import struct

import numpy
import torch
from captum.attr import (DeepLift, GradientShap, InputXGradient, IntegratedGradients, LayerConductance,
                         NeuronConductance, NoiseTunnel, Saliency)

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
# captum rounds the weights of its quadrature to 32 bits whatever the model's precision is, which alone would cost 3e-9.
torch.Tensor.float = lambda self: self
HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ["!", "a", "bad", "dull", "film", "good", "is", "not", "the", "very", "wonderful"]
TEXT = "The film is not good, but wonderful! The end"
WIDTH = 6


class Identity(torch.nn.Module):
    def forward(self, x):
        return x


class Convolution(torch.nn.Module):
    def __init__(self, weight, bias, window, residual):
        super().__init__()
        self.weight, self.bias, self.window, self.residual = weight, bias, window, residual
        self.relu = torch.nn.ReLU()

    def forward(self, x):
        half = self.window // 2
        padded = torch.nn.functional.pad(x, (0, 0, half, half))
        windows = torch.cat([padded[:, k:k + x.shape[1]] for k in range(self.window)], dim=2)
        out = self.relu(windows @ self.weight + self.bias)
        return out + x if self.residual else out


class BiLSTM(torch.nn.Module):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def one(self, x, w, u, b, reverse):
        n, width = x.shape[1], u.shape[0]
        h = c = torch.zeros(x.shape[0], width)
        states = [None] * n
        for t in (range(n - 1, -1, -1) if reverse else range(n)):
            i, f, o, g = (x[:, t] @ w + h @ u + b).split(width, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            states[t] = h
        return torch.stack(states, dim=1)

    def forward(self, x):
        return torch.cat([self.one(x, *self.parts[:3], False), self.one(x, *self.parts[3:], True)], dim=2)


class Mean(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=1)


class Max(torch.nn.Module):
    def forward(self, x):
        return x.max(dim=1).values


class Context(torch.nn.Module):
    def __init__(self, weight, bias, context):
        super().__init__()
        self.weight, self.bias, self.context = weight, bias, context

    def alpha(self, x):
        return torch.softmax(torch.tanh(x @ self.weight + self.bias) @ self.context, dim=1)

    def forward(self, x):
        return (self.alpha(x) * x).sum(dim=1)


class Model(torch.nn.Module):
    """Word vectors in, probabilities out; of two classes through one sigmoid, which DeepLift has a rule for."""

    def __init__(self, encode, attend, weight, bias):
        super().__init__()
        self.encode, self.attend, self.weight, self.bias = encode, attend, weight, bias
        self.sigmoid = torch.nn.Sigmoid()
        self.seen = None

    def forward(self, x):
        if self.seen is not None:
            self.seen.append(x.detach().clone())
        scores = self.attend(self.encode(x)) @ self.weight + self.bias
        if scores.shape[1] > 2:
            return torch.softmax(scores, dim=1)
        p = self.sigmoid(scores[:, 1:] - scores[:, :1])
        return torch.cat([1 - p, p], dim=1)


def safetensors(tensors):
    header, body = {}, b""
    for name in sorted(tensors):
        values = tensors[name].numpy().astype("<f4")
        start = len(body)
        body += values.tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [start, len(body)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def build(name, encode, attend, classes, seed):
    random = numpy.random.RandomState(seed)
    tensors = {}

    def tensor(key, *shape, scale=1.0):
        value = torch.tensor((random.randn(*shape) * scale).astype("f4").astype("f8"))
        tensors[key] = value
        return value

    table = tensor("embed.words", len(WORDS) + 1, WIDTH)
    spec = {"embed": {"layer": "words", "width": WIDTH, "min_count": 1, "max_tokens": 256}, "predict": "softmax"}
    spec["encode"] = encode
    out = WIDTH
    if encode == "none":
        encoder = Identity()
    elif encode["layer"] == "cnn":
        out = encode["width"]
        encoder = Convolution(tensor("encode.weight", encode["window"] * WIDTH, out, scale=0.5),
                              tensor("encode.bias", 1, out, scale=0.3), encode["window"], out == WIDTH)
    else:
        width = encode["width"]
        out = 2 * width
        encoder = BiLSTM([part for direction in ("forward", "backward") for part in (
            tensor(f"encode.{direction}.input", WIDTH, 4 * width), tensor(f"encode.{direction}.hidden", width, 4 * width),
            tensor(f"encode.{direction}.bias", 1, 4 * width))])
    spec["attend"] = attend
    if attend == "mean":
        pool = Mean()
    elif attend == "max":
        pool = Max()
    else:
        pool = Context(tensor("attend.weight", out, attend["width"]), tensor("attend.bias", 1, attend["width"]),
                       tensor("attend.context", attend["width"], 1))
    weight, bias = tensor("predict.weight", out, classes), tensor("predict.bias", 1, classes)
    folder = os.path.join(HERE, "captum", name)
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/weights.safetensors", "wb") as file:
        file.write(safetensors(tensors))
    with open(folder + "/vocab.txt", "w") as file:
        file.write("".join(word + "\n" for word in WORDS))
    with open(folder + "/model.json", "w") as file:
        json.dump({"version": 1, "tokeniser": "words.v1", "labels": ["neg", "pos", "so-so"][:classes], "model": spec,
                   "training": {}, "history": [], "provenance": None}, file, indent=1)
    return Model(encoder, pool, weight, bias), table


def numbers(tensor):
    return [float(x) for x in tensor.detach().reshape(-1)]


def perToken(tensor):
    return numbers(tensor.sum(dim=-1))


def case(name, encode, attend, classes=2, target=1, seed=0, deeplift=False):
    model, table = build(name, encode, attend, classes, seed)
    tokens = ["the", "film", "is", "not", "good", ",", "but", "wonderful", "!", "the", "end"]
    ids = [WORDS.index(token) + 1 if token in WORDS else 0 for token in tokens]
    x = table[ids].unsqueeze(0)
    zero = torch.zeros_like(x)
    out = {"name": name, "text": TEXT, "target": target, "probabilities": numbers(model(x)),
           "base": numbers(model(zero))[target]}
    ig = IntegratedGradients(model)
    out["ig"] = {str(n): perToken(ig.attribute(x, zero, target=target, n_steps=n)) for n in (50, 7)}
    out["saliency"] = perToken(Saliency(model).attribute(x.clone().requires_grad_(), target=target))
    out["input-x-gradient"] = perToken(InputXGradient(model).attribute(x.clone().requires_grad_(), target=target))
    for kind in ("smoothgrad", "smoothgrad_sq", "vargrad"):
        torch.manual_seed(seed)
        model.seen = []
        values = NoiseTunnel(Saliency(model)).attribute(
            x.clone(), nt_type=kind, nt_samples=4, stdevs=0.2, target=target)
        points, model.seen = model.seen[0], None
        out[kind] = perToken(values)
        out["noisy"] = [numbers(point) for point in points]
    torch.manual_seed(seed)
    numpy.random.seed(seed)
    model.seen = []
    values = GradientShap(model).attribute(x.clone(), zero, n_samples=5, stdevs=0.0, target=target)
    out["gradient-shap"] = perToken(values)
    out["gradient-shap points"] = [numbers(point) for point in model.seen[-1]]
    model.seen = None
    for layer in ("encode", "attend"):
        module = getattr(model, layer)
        if isinstance(module, Identity):
            continue
        out["conductance " + layer] = numbers(
            LayerConductance(model, module).attribute(x.clone(), zero, target=target, n_steps=20))
        shape = module(x if layer == "encode" else model.encode(x)).shape
        selectors = [(row, 2) for row in range(shape[1])] if layer == "encode" else [(2,)]
        total = sum(NeuronConductance(model, module).attribute(
            x.clone(), selector, zero, target=target, n_steps=20, method="gausslegendre") for selector in selectors)
        out["neuron " + layer] = perToken(total)
    if isinstance(model.attend, Context):
        out["attention"] = numbers(model.attend.alpha(model.encode(x)))
    if deeplift:
        out["deeplift"] = perToken(DeepLift(model).attribute(x.clone(), zero, target=target))
    return out


cases = [
    case("bag", "none", "mean", seed=1, deeplift=True),
    case("bag-max", "none", "max", classes=3, target=2, seed=2),
    case("cnn", {"layer": "cnn", "window": 3, "width": 6}, "mean", seed=3, deeplift=True),
    case("cnn-context", {"layer": "cnn", "window": 5, "width": 4}, {"layer": "context", "width": 3}, target=0, seed=4),
    case("bilstm", {"layer": "bilstm", "width": 3}, {"layer": "context", "width": 4}, classes=3, target=0, seed=5),
    case("bilstm-max", {"layer": "bilstm", "width": 4}, "max", seed=6),
]
with open(os.path.join(HERE, "captum.json"), "w") as file:
    json.dump({"version": 1, "cases": cases}, file, separators=(",", ":"))
