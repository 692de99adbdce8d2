import Base
import TestSupport
import Testing

@Suite struct ExplainTests {
    /// A linear model and then a network, in two commits.
    static func prepare(_ box: Sandbox) throws {
        try ModelTests.prepare(box)
        for (name, params) in [("linear", ModelTests.linear), ("network", ModelTests.network)] {
            try box.write(params, to: "repo/params.yaml")
            try box.run("git mlrun train --out models/m && git add -A && git commit -q -m \(name)", in: "repo")
        }
    }

    private func json(_ box: Sandbox, _ command: String) throws -> JSON {
        try JSON(parsing: try box.run(command + " --json", in: "repo").output)
    }

    @Test func `every method answers for a network, and those with a sum rule keep it`() throws {
        let box = try Sandbox()
        try ExplainTests.prepare(box)
        let methods = [
            "ig", "saliency", "input-x-gradient", "smoothgrad", "smoothgrad-sq", "vargrad", "deeplift",
            "gradient-shap", "attention", "conductance", "neuron", "partition", "kernel", "permutation", "sampling",
            "exact", "occlusion", "ablation", "anchors",
        ]
        for method in methods {
            let item = try json(
                box, "git mlexplain --text 'The film is wonderful. One scene is dull.' --method \(method)")
            let entry = try #require(item["items"]?.arrayValue?.first)
            #expect(entry["method"]?.stringValue == method && !(entry["words"]?.arrayValue ?? []).isEmpty, "\(method)")
            if ["deeplift", "partition", "kernel", "permutation", "sampling", "exact"].contains(method) {
                #expect(abs(entry["delta"]?.doubleValue ?? 1) < 0.01, "\(method)")
            }
        }
        let sure = try json(box, "git mlexplain --method ig --precision double --tolerance 1e-9 --text 'a fine film'")
        #expect(abs(sure["items"]?.arrayValue?[0]["delta"]?.doubleValue ?? 1) < 1e-9)
        let table = try box.run("git mlexplain --method partition --text 'The film is dull'", in: "repo").output
        #expect(table.contains("as it should be"))
        let attention = try box.run("git mlexplain --method attention --text 'The film is dull'", in: "repo").output
        #expect(attention.contains("attention weights: where the model looks"))
        let linear = try json(box, "git mlexplain HEAD~1 --method deeplift --text 'The film is wonderful'")
        #expect(abs(linear["items"]?.arrayValue?[0]["delta"]?.doubleValue ?? 1) < 1e-9)
    }

    @Test func `diff splits the change of an answer, and log walks the history`() throws {
        let box = try Sandbox()
        try ExplainTests.prepare(box)
        let diff = try json(box, "git mlexplain diff HEAD~1 HEAD --data HEAD:data/test.tsv --row 1-12")
        let items = try #require(diff["items"]?.arrayValue)
        #expect(items.count == 12)
        for item in items {
            let words = item["words"]?.arrayValue?.reduce(0) { $0 + ($1["change"]?.doubleValue ?? 9) } ?? 9
            #expect(abs(words - (item["sum_change"]?.doubleValue ?? 0)) < 1e-9)
            let change =
                (item["after"]?["sum"]?.doubleValue ?? 0) + (item["after"]?["base"]?.doubleValue ?? 0)
                - (item["before"]?["sum"]?.doubleValue ?? 0) - (item["before"]?["base"]?.doubleValue ?? 0)
            #expect(abs(change - words - (item["base_change"]?.doubleValue ?? 9)) < 1e-9)
        }
        #expect(diff["flipped"]?.intValue == items.filter { $0["flipped"] == true }.count)
        let same = try json(box, "git mlexplain diff HEAD HEAD --text 'The film is dull'")
        #expect(same["items"]?.arrayValue?[0]["sum_change"]?.doubleValue == 0)
        try box.run("git commit -q --allow-empty -m nothing", in: "repo")
        let log = try json(box, "git mlexplain log 'The film is wonderful'")
        #expect(log["items"]?.arrayValue?.map { $0["subject"]?.stringValue } == ["network", "linear"])
        let table = try box.run("git mlexplain diff HEAD~2 --text 'The film is dull'", in: "repo").output
        #expect(table.contains("Before") && table.contains("dull"))
    }

    @Test func `global, errors, bias and evaluate speak of a data file, and results can be recorded`() throws {
        let box = try Sandbox()
        try ExplainTests.prepare(box)
        let global = try json(box, "git mlexplain global --data HEAD:data/test.tsv --row 1-30 --top 5 --method ig")
        let words = try #require(global["words"]?.arrayValue)
        #expect(words.count == 5 && global["texts"]?.intValue == 30)
        let sizes = words.map { $0["importance"]?.doubleValue ?? 0 }
        #expect(sizes == sizes.sorted(by: >) && sizes[4] > 0)
        let errors = try json(box, "git mlexplain errors HEAD~1 --data HEAD:data/test.tsv --top 4 --method ablation")
        let confidences = try #require(errors["items"]?.arrayValue).map { item in
            #expect(item["true_label"] != item["predicted"]?["label"])
            return item["predicted"]?["probability"]?.doubleValue ?? 0
        }
        #expect(confidences.count == 4 && confidences == confidences.sorted(by: >))
        let bias = try json(box, "git mlexplain bias --swap wonderful=dull,xyz=zyx --data HEAD:data/test.tsv")
        let swaps = try #require(bias["swaps"]?.arrayValue)
        #expect((swaps[0]["mean_change"]?.doubleValue ?? 0) < -0.05 && swaps[1]["texts"]?.intValue == 0)
        let evaluated = try json(
            box, "git mlexplain evaluate --method ig,occlusion --data HEAD:data/test.tsv --row 1-3 --record")
        #expect(evaluated["methods"]?.arrayValue?.count == 2 && evaluated["agreement"]?.arrayValue?.count == 1)
        #expect(evaluated["methods"]?.arrayValue?[0]["insertion"]?.doubleValue ?? 0 > 0.5)
        let note = try box.run("git notes --ref mlexplain show HEAD", in: "repo").output
        #expect(try JSON(parsing: note)["command"] == "evaluate")
        try box.run("git mlexplain --text 'a film' --method ig --record", in: "repo")
        try box.run("git mlexplain --text 'a film' --method ig --record", in: "repo")
        let lines = try box.run("git notes --ref mlexplain show HEAD", in: "repo").output.split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("{") }.count == 2)
    }

    @Test func `a stream of texts, in every form`() throws {
        let box = try Sandbox()
        try ExplainTests.prepare(box)
        let texts = ["The film is wonderful", "", "dull", "הסרט נפלא מאוד", "😀 wonderful <b>&\"'", "a\u{301}\u{7}b"]
        try box.write(texts.joined(separator: "\n") + "\n", to: "repo/texts.txt")
        let all = try json(box, "git mlexplain --file texts.txt --method ig")
        #expect(all["items"]?.arrayValue?.compactMap { $0["text"]?.stringValue } == texts)
        let piped = try box.run("cat texts.txt | git mlexplain --file - --method ig --json", in: "repo").output
        #expect(try JSON(parsing: piped) == all)
        for format in ["table", "json", "html", "svg", "md"] {
            let shown = try box.run("git mlexplain --file texts.txt --method ig --format \(format)", in: "repo").output
            try box.run(
                "git mlexplain --file texts.txt --method ig --format \(format) -o out && test -s out", in: "repo")
            #expect(try box.text("repo/out") == shown, "\(format)")
            #expect(!shown.contains("\u{7}") && (format == "table" || format == "json" || !shown.contains("<b>")))
        }
        let svg = try box.run("git mlexplain --file texts.txt --method ig --format svg", in: "repo").output
        #expect(svg.hasPrefix("<svg xmlns") && svg.contains("Word Importance") && svg.contains("&lt;"))
        let page = try box.run("git mlexplain --file texts.txt --method ig --format html", in: "repo").output
        for title in ["True Label", "Predicted Label", "Attribution Label", "Attribution Score", "Word Importance"] {
            #expect(page.contains(">\(title)</th>"))
        }
        let wide = try box.run(
            "COLUMNS=120 git mlexplain --text 'The film is dull' --method ig --color always", in: "repo"
        ).output
        #expect(wide.contains("\u{1b}[38;2;0;0;0;48;2;"))
        let few = try box.attempt("git mlexplain --data data/test.tsv --row 999999 --method ig", in: "repo")
        #expect(few.status == 128 && few.errors.contains("has no row 999999"))
    }

    @Test func `every command has every form`() throws {
        let box = try Sandbox()
        try ExplainTests.prepare(box)
        let text = "--text 'She said <b>wonderful</b> & \"dull\"' --true-label 0"
        for command in [
            "diff HEAD~1 HEAD \(text)", "diff HEAD~1 HEAD --data HEAD:data/test.tsv --row 1-3",
            "log '<b>wonderful</b> & dull'", "global --data HEAD:data/test.tsv --row 1-5", "errors \(text)",
            "bias --swap she=he \(text)", "evaluate --method occlusion,ablation \(text)",
        ] {
            for (format, start) in [("html", "<!DOCTYPE html>"), ("svg", "<svg xmlns"), ("md", "| "), ("json", "{")] {
                let shown = try box.run("git mlexplain \(command) --format \(format)", in: "repo").output
                #expect(shown.hasPrefix(start), "\(command) as \(format): \(shown.prefix(80))")
                #expect(!shown.contains("<script") && (format == "json" || !shown.contains("<b>")), "\(command)")
            }
        }
        let page = try box.run("git mlexplain diff HEAD~1 HEAD \(text) --format html", in: "repo").output
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("default-src 'none'"))
        #expect(page.contains("class=\"w pos") && page.contains("&lt;b&gt;"))
        // A text through history is kept on the newest commit that has the model.
        try box.run("git mlexplain log wonderful --record", in: "repo")
        #expect(try box.run("git notes --ref mlexplain show HEAD", in: "repo").output.contains("\"log\""))
    }

    static let program = """
        import sys, json
        for line in sys.stdin:
            request = json.loads(line)
            rows = []
            for text in request["texts"]:
                if "crash" in text:
                    sys.exit("out of order")
                if "hang" in text:
                    import time; time.sleep(60)
                p = min(0.9, 0.2 + 0.3 * text.count("good"))
                rows.append([float("nan"), p] if "nan" in text else [p] if "count" in text else [1 - p, p])
            print(json.dumps({"id": request["id"], "labels": ["neg", "pos"], "probabilities": rows}), flush=True)
        """

    @Test func `a program predicts, and its faults are named with the text`() throws {
        let box = try Sandbox()
        try box.write(ExplainTests.program, to: "model.py")
        let command = "git mlexplain --predictor 'python3 model.py'"
        let exact = try JSON(
            parsing: try box.run("\(command) --text 'a good film' --method exact --target pos --json").output)
        let values = exact["items"]?.arrayValue?[0]["words"]?.arrayValue?.compactMap { $0["value"]?.doubleValue } ?? []
        #expect(values.count == 3 && abs(values[1] - 0.3) < 1e-12 && abs(values[0]) < 1e-12)
        func fails(_ arguments: String, _ words: String, code: Int32 = 128) throws {
            let outcome = try box.attempt("\(command) \(arguments)")
            #expect(outcome.status == code && outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
        try fails("--text 'a good crash film' --text x", "ended (exit 1) on the text 'a good crash film': out of order")
        try fails("--text 'one nan film'", "not a finite number to the text 'one nan film'")
        try fails("--text 'my count film'", "1 of 2 probabilities to the text 'my count film'")
        try fails("--text 'hang on' --timeout 0.3", "no answer within 0.3 s")
        try fails("--text x --method ig", "'ig' needs the gradients")
        try fails("--text x --target maybe", "the labels are 'neg', 'pos'")
        try fails("--text x --model m", "cannot be used together", code: 129)
        let silent = try box.attempt("git mlexplain --predictor 'cat' --text x")
        #expect(silent.errors.contains("without probabilities"), "\(silent.errors)")
    }

    static let server = """
        import http.server, json, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status); self.send_header("Content-Length", str(len(data))); self.end_headers()
                self.wfile.write(data)
            def do_GET(self):
                self.reply(200, {"name": "m", "inputs": [{"name": "sentence", "datatype": "BYTES", "shape": [-1]}]})
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                texts = body["inputs"][0]["data"]
                if body["inputs"][0]["name"] != "sentence" or any("bad" in t for t in texts):
                    return self.reply(400, {"error": "no such text"})
                data = [x for t in texts for p in [min(0.9, 0.2 + 0.3 * t.count("good"))] for x in (1 - p, p)]
                self.reply(200, {"model_name": "m", "outputs": [{"name": "scores", "datatype": "FP64",
                    "shape": [len(texts), 2], "data": data, "parameters": {"labels": ["neg", "pos"]}}]})
            def log_message(self, *rest): pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        open(sys.argv[1], "w").write(str(server.server_port))
        server.serve_forever()
        """

    @Test func `a server of the open inference protocol predicts`() throws {
        let box = try Sandbox()
        try box.write(ExplainTests.server, to: "server.py")
        // The server ends with the shell that started it.
        let outcome = try box.attempt(
            """
            python3 server.py port & server=$!; trap "kill $server" EXIT
            for i in $(seq 100); do test -s port && break; sleep 0.1; done
            url=http://127.0.0.1:$(cat port)/v2/models/m
            git mlexplain --endpoint $url --text 'a good film' --method exact --target pos --json
            git mlexplain --endpoint $url/infer --text 'a bad film' --text x >/dev/null
            git mlexplain --endpoint http://127.0.0.1:9/v2/models/m --text x
            """)
        let values =
            try JSON(parsing: outcome.output)["items"]?.arrayValue?[0]["words"]?.arrayValue?
            .compactMap { $0["value"]?.doubleValue } ?? []
        #expect(values.count == 3 && abs(values[1] - 0.3) < 1e-12)
        #expect(outcome.errors.contains("answered 400 to the text 'a bad film': no such text"), "\(outcome.errors)")
        #expect(outcome.errors.contains("cannot reach 'http://127.0.0.1:9"), "\(outcome.errors)")
    }

    @Test func `wrong names list the right ones, and a revision without a model names those that have one`() throws {
        let box = try Sandbox()
        try ExplainTests.prepare(box)
        func fails(_ command: String, _ words: String, code: Int32 = 128) throws {
            let outcome = try box.attempt(command, in: "repo")
            #expect(outcome.status == code && outcome.errors.contains(words), "\(command): \(outcome.errors)")
        }
        try fails("git mlexplain --text x --method limee", "'lime'", code: 129)
        try fails("git mlexplain --text x --method nothing", "'deeplift'", code: 129)
        try fails("git mlexplain --text x --target 7", "the labels are '0', '1'")
        try fails("git mlexplain --text x --format pdf", "known: table, json, html, svg, md", code: 129)
        try fails("git mlexplain diff HEAD HEAD --text x --format pdf", "known: table, json, html, svg, md", code: 129)
        try fails("git mlexplain --text x --method conductance --layer encoed", "did you mean 'encode'?")
        try fails("git mlexplain --text x --method neuron --neuron 99", "has the units 0 to 15", code: 129)
        try fails("git mlexplain --text x --method ig --precision half", "'double'", code: 129)
        try fails("git mlexplain bias --text x", "which words?", code: 129)
        try fails("git mlexplain --file /dev/null", "'/dev/null' holds no text")
        try fails("git mlexplain --text x -o no/such/file", "there is no folder 'no/such'")
        try fails("git mlexplain --data data/test.tsv --row x", "'x' is no row", code: 129)
        let head = try box.run("git rev-parse --short HEAD", in: "repo").output.split(separator: "\n")[0]
        try box.run(
            "git checkout -q --orphan empty && git rm -rqf . && git commit -q --allow-empty -m none", in: "repo")
        try fails("git mlexplain HEAD --text x", "'HEAD' holds no model\nhint: these have one: \(head)")
        try fails("git mlexplain log x", "no commit of 'HEAD' has a model")
    }

    @Test func `pairs of texts and texts with several labels`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        var pairs = "label\ttext\tother\n"
        var several = "label\ttext\n"
        for row in 0..<60 {
            let (one, two) = (["red", "blue", "green"][row % 3], ["red", "blue", "green"][row / 3 % 3])
            pairs += "\(one == two ? "same" : "other")\ta \(one) cat.\tthe \(two) cat!\n"
            several += "\(one == two ? one : one < two ? "\(one)|\(two)" : "\(two)|\(one)")\ta \(one) and \(two) cat\n"
        }
        try box.write(pairs, to: "repo/pairs.tsv")
        try box.write(several, to: "repo/several.tsv")
        for (name, pair, model) in [
            ("pairs", ", pair: other", "attend: {layer: align, width: 4}"),
            ("several", "", "attend: mean, predict: sigmoid"),
        ] {
            try box.write(
                """
                data: {train: \(name).tsv, dev: \(name).tsv, test: \(name).tsv\(pair)}
                model: {embed: {layer: words, width: 6, min_count: 1}, encode: none, \(model)}
                training: {epochs: 1}
                """, to: "repo/params.yaml")
            try box.run("git mlrun train --out m-\(name)", in: "repo")
        }
        for method in ["lime", "partition", "exact", "ig"] {
            let all = try json(
                box,
                "git mlexplain --model m-pairs --method \(method) --text 'a red cat.' --pair 'the red cat!' --data pairs.tsv --row 1"
            )
            let items = try #require(all["items"]?.arrayValue)
            #expect(items[0]["text"]?.stringValue == "a red cat.\u{1e}the red cat!" && items.count == 2)
            #expect(items[0]["text"] == items[1]["text"] && items[0]["words"] == items[1]["words"])
            let words = items[0]["words"]?.arrayValue?.compactMap { $0["text"]?.stringValue }
            #expect(words?.filter { $0 == "cat" }.count == 2, "\(method)")
        }
        let shown = try box.run(
            "git mlexplain --model m-pairs --text 'a cat.' --pair 'the cat!' --method partition", in: "repo"
        ).output
        #expect(shown.contains("‖") && !shown.contains("x1e"))
        let errors = try json(
            box, "git mlexplain errors --model m-several --data several.tsv --top 3 --method ablation")
        for item in try #require(errors["items"]?.arrayValue) {
            #expect(["red", "blue", "green"].contains(item["target"]?.stringValue))
        }
        let sure = try json(
            box, "git mlexplain --model m-several --method ig --precision double --tolerance 1e-9 --text 'a red cat'")
        #expect(abs(sure["items"]?.arrayValue?[0]["delta"]?.doubleValue ?? 1) < 1e-9)
        for wrong in ["--text a --row 3", "--text a --text b --pair c"] {
            #expect(try box.attempt("git mlexplain --model m-pairs \(wrong)", in: "repo").status == 129)
        }
    }
}
