import Base
import TestSupport
import Testing

@Suite struct ModelTests {
    /// A small corpus that a linear model and a network can learn, split by the program itself.
    static func prepare(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.run(
            "sh '\(Sandbox.package)/Examples/reviews/generate.sh' > all.csv && git mlrun split all.csv --out data",
            in: "repo")
    }

    static func params(_ model: String, _ training: String) -> String {
        """
        data: {train: data/train.tsv, dev: data/dev.tsv, test: data/test.tsv}
        model: \(model)
        training: \(training)

        """
    }
    static let linear = params("{embed: ngrams}", "{strengths: [0.3]}")
    static let network = params(
        "{embed: {layer: words, width: 16}, encode: {layer: bilstm, width: 8}, attend: {layer: context, width: 8}}",
        "{epochs: 2, batch: 32, learning_rate: 0.01}")

    @Test func `split keeps every text in its place and drops repeats`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        let train = try box.text("repo/data/train.tsv")
        #expect(train.hasPrefix("label\ttext\n"))
        for line in try box.text("repo/data/test.tsv").split(separator: "\n").dropFirst() {
            #expect(ObjectID.of(String(line.split(separator: "\t")[1])).firstByte % 10 == 0)
        }
        try box.run("git mlrun split all.csv --out again && diff -r data again", in: "repo")
    }

    @Test(arguments: [ModelTests.linear, ModelTests.network])
    func `the same seed gives the same bytes`(params: String) throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(params, to: "repo/params.yaml")
        try box.run("git mlrun train --out a && taskset -c 0 git mlrun train --out b && diff -r a b", in: "repo")
        let evaluation = try box.run("git mlrun evaluate --model a --data data/test.tsv --json", in: "repo").output
        let accuracy = try JSON(parsing: evaluation)["test"]?["accuracy"]?.doubleValue ?? 0
        #expect(accuracy > 0.85)
    }

    @Test func `an ensemble of two commits needs no checkout and explains its gain`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        for (name, params) in [("linear", ModelTests.linear), ("network", ModelTests.network)] {
            try box.write(params, to: "repo/params.yaml")
            try box.run(
                "git mlrun train --out models/m && git mldata add models data && git add -A && git commit -q -m \(name)",
                in: "repo")
        }
        try box.run("rm -rf data models", in: "repo")
        let document = try JSON(
            parsing: try box.run("git mlrun ensemble HEAD~1 HEAD --json -o e.json", in: "repo").output)
        let weights = document["ensemble"]?["members"]?.arrayValue?.compactMap { $0["weight"]?.doubleValue } ?? []
        #expect(weights.count == 2 && abs(weights.reduce(0, +) - 1) < 1e-9)
        let gain = document["results"]?.arrayValue?[0]["gain"]?["accuracy"]
        #expect((gain?["lower"]?.doubleValue ?? 9) <= (gain?["value"]?.doubleValue ?? -9))
        let single = try box.run("git mlrun predict HEAD~1 --text 'The film is wonderful.' --json", in: "repo").output
        #expect(try JSON(parsing: single)["label"] == "1")
        let joint = try box.run("git mlrun predict --model e.json --text 'The film is dull.' --json", in: "repo").output
        #expect(try JSON(parsing: joint)["label"] == "0")
        let evaluated = try box.run("git mlrun evaluate HEAD~1 HEAD", in: "repo").output
        #expect(evaluated.contains("HEAD~1:models/m") && evaluated.contains("HEAD:models/m"))
    }

    @Test func `bad data and bad params are named`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(ModelTests.linear, to: "repo/params.yaml")
        try box.run("git mlrun train --out m", in: "repo")
        func fails(_ command: String, _ line: String, code: Int32 = 128) throws {
            let outcome = try box.attempt(command, in: "repo")
            #expect(outcome.status == code, "\(command): \(outcome.errors)")
            #expect(outcome.errors.contains(line), "\(command): \(outcome.errors)")
        }
        try box.write("lable\ttext\n1\tx\n", to: "repo/bad.tsv")
        try fails(
            "git mlrun evaluate --model m --data bad.tsv",
            "fatal: 'bad.tsv' has no column 'label'\nhint: its columns are: lable, text\n")
        try box.write(Array("label\ttext\n1\tfine\n0\t".utf8) + [0xff, 0xfe, 10], to: "repo/bytes.tsv")
        try fails("git mlrun evaluate --model m --data bytes.tsv", "fatal: 'bytes.tsv' line 3 is not UTF-8 text\n")
        try box.write("label\ttext\nmaybe\tx\n", to: "repo/label.tsv")
        try fails("git mlrun evaluate --model m --data label.tsv", "which the model does not know")
        try fails("git mlrun predict --model nowhere --text x", "fatal: ")
        try fails("git mlexplain --model m", "fatal: which text?", code: 129)
        try fails("git mlexplain --model m --text x --method lim", "lime", code: 129)
        try box.write(ModelTests.params("{embed: {layer: word}}", "{}"), to: "repo/params.yaml")
        try fails(
            "git mlrun train --out n", "fatal: 'model.embed': there is no layer 'word'\nhint: did you mean 'words'?\n")
        try box.write(ModelTests.params("{embed: words}", "{epoch: 3}"), to: "repo/params.yaml")
        try fails("git mlrun train --out n", "fatal: unknown key 'training.epoch'\nhint: did you mean 'epochs'?\n")
        try box.run("truncate -s 100 m/weights.safetensors", in: "repo")
        try fails("git mlrun predict --model m --text x", "is no valid safetensors file")
    }

    @Test func `an empty text has an answer and an explanation`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        for params in [ModelTests.linear, ModelTests.network] {
            try box.write(params, to: "repo/params.yaml")
            try box.run("git mlrun train --out m", in: "repo")
            #expect(
                try box.run("git mlrun predict --model m --text ''", in: "repo").output.split(separator: "\t").count
                    >= 2)
            for method in ["lime", "ig"] {
                let json = try JSON(
                    parsing: try box.run("git mlexplain --model m --method \(method) --text '' --json", in: "repo")
                        .output)
                #expect(json["items"]?.arrayValue?[0]["words"] == .array([]))
            }
        }
    }

    @Test func `explanations follow the sum rule, show the slide's table and make a page`() throws {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        try box.write(ModelTests.network, to: "repo/params.yaml")
        try box.run(
            "git mlrun train --out models/m && git mldata add models data && git commit -q -m m && rm -rf models",
            in: "repo")
        let text = "The film is wonderful. <b>One</b> scene is dull."
        let json = try JSON(
            parsing: try box.run("git mlexplain HEAD --method ig --text '\(text)' --json", in: "repo").output)
        let item = try #require(json["items"]?.arrayValue?[0])
        #expect(abs(item["delta"]?.doubleValue ?? 1) < 1e-4)
        #expect(item["model"]?.stringValue?.hasSuffix(":models/m") == true)
        let table = try box.run("git mlexplain HEAD --text '\(text)' --true-label 1", in: "repo").output
        #expect(table.hasPrefix("True   Predicted  Attribution  Attribution  Word Importance\n"))
        #expect(table.contains("wonderful("))
        let again = try box.run("git mlexplain HEAD --text '\(text)' --true-label 1", in: "repo").output
        #expect(table == again)
        try box.run("git mlexplain HEAD --text '\(text)' --format html -o page.html", in: "repo")
        let page = try box.text("repo/page.html")
        #expect(page.contains("<!DOCTYPE html>") && !page.contains("<b>One") && !page.contains("://"))
        let rows = try box.run("git mlexplain HEAD --data HEAD:data/test.tsv --row 1 2 --method ig --json", in: "repo")
            .output
        #expect(try JSON(parsing: rows)["items"]?.arrayValue?.count == 2)
    }
}
