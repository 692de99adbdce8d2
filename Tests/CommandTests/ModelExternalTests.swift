import Base
import TestSupport
import Testing

/// Programs and prediction files in a model's place; ensembles that a command trains; models for other programs.
@Suite struct ModelExternalTests {
    /// Says 1 for texts with a word of praise.
    static let program = """
        import json, sys
        for line in sys.stdin:
            request = json.loads(line)
            rows = [[0.1, 0.9] if "wonderful" in t or "great" in t else [0.7, 0.3] for t in request["texts"]]
            print(json.dumps({"id": request["id"], "labels": ["0", "1"], "probabilities": rows}), flush=True)
        """

    @Test func `a program stands wherever a model does`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(ModelExternalTests.program, to: "repo/model.py")
        try box.write(ModelTests.linear, to: "repo/params.yaml")
        try box.run("git mlrun train --out m", in: "repo")
        let option = "--predictor 'python3 model.py'"
        let answer = try box.run("git mlrun predict \(option) --text 'A wonderful film.' --json", in: "repo").output
        #expect(try JSON(parsing: answer)["probabilities"]?["1"] == 0.9)
        try box.run("git mlrun predict \(option) data/test.tsv --json > p.jsonl", in: "repo")
        let direct = try box.run("git mlrun evaluate \(option) --data data/test.tsv --json", in: "repo").output
        let stored = try box.run("git mlrun evaluate --model p.jsonl --data data/test.tsv --json", in: "repo").output
        #expect(direct == stored)
        let compared = try box.run("git mlrun compare \(option) m --data data/test.tsv --json", in: "repo").output
        #expect(try JSON(parsing: compared)["first"] == "python3 model.py")
        let both = try box.attempt("git mlrun predict HEAD \(option) --text x", in: "repo")
        #expect(both.status == 129)
    }

    @Test func `an ensemble with a program starts it only where the user allows it`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(ModelExternalTests.program, to: "repo/model.py")
        try box.write(ModelTests.linear, to: "repo/params.yaml")
        try box.run("git mlrun train --out m", in: "repo")
        let json = try JSON(
            parsing: try box.run(
                "git mlrun ensemble m --predictor 'python3 model.py' --method average --json -o e.json", in: "repo"
            ).output)
        #expect(json["ensemble"]?["members"]?.arrayValue?[1]["command"] == "python3 model.py")
        let refused = try box.attempt("git mlrun predict --model e.json --text x", in: "repo")
        #expect(refused.status == 128)
        #expect(
            refused.errors
                == "fatal: 'e.json' wants to run the program 'python3 model.py'\n"
                + "hint: if you trust it: git config mlrun.allowCommands true\n")
        let allowed = try box.run(
            "git config mlrun.allowCommands true && git mlrun predict --model e.json --text 'wonderful' --json",
            in: "repo")
        #expect(try JSON(parsing: allowed.output)["label"] == "1")
    }

    @Test func `a trained ensemble is one model of its commit, and each member is reproduced`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(
            ModelTests.params("{embed: {layer: words, width: 8}}", "{epochs: 4, batch: 32, learning_rate: 0.01}"),
            to: "repo/params.yaml")
        for kind in ["bagging", "snapshot", "boosting"] {
            let shown = try box.run(
                "rm -rf models && git mlrun train --ensemble \(kind) --members 2 --out models/e && git mldata add data models "
                    + "&& git add -A && git commit -q -m \(kind) && git mlrun predict HEAD --text 'wonderful' --json",
                in: "repo")
            #expect(shown.output.contains("ensemble"), "\(kind)")
            #expect(
                try box.run("git mlrun verify HEAD:models/e/2", in: "repo").output.contains("reproduced to the byte"))
        }
        let json = try box.run("git mlrun evaluate HEAD --json", in: "repo").output
        #expect((try JSON(parsing: json)["test"]?["accuracy"]?.doubleValue ?? 0) > 0.8)
        try box.run("git mlrun train --teacher HEAD --out pupil && git mlrun evaluate --model pupil", in: "repo")
        let pupil = try JSON(parsing: try box.text("repo/pupil/model.json"))
        #expect(pupil["provenance"]?["teacher"]?["path"] == "models/e/ensemble.json")
        let wrong = try box.attempt("git mlrun train --ensemble baging --out x", in: "repo")
        #expect(wrong.status == 129 && wrong.errors.contains("hint: did you mean 'bagging'?"), "\(wrong.errors)")
    }

    @Test func `stacking takes several params and learns from answers out of fold`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(ModelTests.linear, to: "repo/a.yaml")
        try box.write(
            ModelTests.params("{embed: {layer: hashed, width: 8}}", "{epochs: 2, batch: 32}"), to: "repo/b.yaml")
        try box.run(
            "git mlrun train --params a.yaml b.yaml --ensemble stacking --members 3 --learner trees --out s", in: "repo"
        )
        let document = try JSON(parsing: try box.text("repo/s/ensemble.json"))
        #expect(document["method"] == "stacking" && document["meta"]?["learner"] == "trees")
        #expect(try box.run("git mlrun evaluate --model s --data data/test.tsv", in: "repo").output.contains("0.9"))
    }

    @Test func `threads never show in the bytes`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(
            ModelTests.params(
                "{embed: {layer: words, width: 8}, encode: {layer: transformer, heads: 2}, attend: context}",
                "{epochs: 1, batch: 32}"), to: "repo/params.yaml")
        for threads in [1, 2, 4] {
            try box.run("GIT_ML_THREADS=\(threads) git mlrun train --out t\(threads)", in: "repo")
        }
        try box.run("diff -r t1 t2 && diff -r t1 t4", in: "repo")
    }

    @Test(
        .enabled(if: Sandbox.python(with: "onnxruntime") != nil, "onnxruntime is not installed"),
        arguments: [
            "{embed: ngrams}",
            "{embed: {layer: words, width: 8, positions: learned}, encode: {layer: bilstm, width: 4, layers: 2}, attend: context}",
            "{embed: {layer: subwords, width: 8}, encode: {layer: bigru, width: 4}, attend: hierarchical}",
            "{embed: {layer: multihash, width: 8}, encode: {layer: maxout, depth: 2}, attend: max, predict: {hidden: [4]}}",
            "{embed: {layer: hashed, width: 8, positions: waves}, encode: {layer: transformer, heads: 2}, attend: heads}",
            "{embed: {layer: words, width: 8}, encode: {layer: convolutions, windows: [1, 3], width: 4}, attend: last}",
        ])
    func `onnxruntime answers as the model does`(model: String) throws {
        let python = try #require(Sandbox.python(with: "onnxruntime"))
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(ModelTests.params(model, "{epochs: 1, batch: 32, strengths: [0.3]}"), to: "repo/params.yaml")
        try box.write("The film is wonderful. It isn't dull!\n\na\nnaïve 日本 🎉 unseen\n", to: "repo/t.txt")
        try box.write(
            """
            import json, numpy, onnxruntime
            session = onnxruntime.InferenceSession("m.onnx")
            kinds = {i.name: object if i.type == "tensor(string)" else numpy.int64 for i in session.get_inputs()}
            labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
            for inputs, answers in zip(open("inputs"), open("answers")):
                feed = {k: numpy.array(v, dtype=kinds[k]) for k, v in json.loads(inputs).items()}
                row = session.run(["probabilities"], feed)[0][0]
                expected = json.loads(answers)["probabilities"]
                assert max(abs(row[i] - expected[l]) for i, l in enumerate(labels)) < 1e-5, (row, expected)
            """, to: "repo/check.py")
        try box.run(
            "git mlrun train --out m && git mlrun export --model m --onnx m.onnx && git mlrun export --model m --inputs t.txt "
                + "> inputs && git mlrun predict --model m t.txt --json > answers && '\(python)' check.py", in: "repo")
    }
}
