import Base
import TestSupport
import Testing

/// Models against commits: ranges, comparison, reproduction, ensembles of every method.
@Suite struct ModelHistoryTests {
    /// A history of data, two models, and a commit that changes neither.
    static func prepare(_ box: Sandbox) throws {
        try ModelTests.prepare(box)
        try box.run("git add -A && git commit -q -m data", in: "repo")
        for params in [ModelTests.linear, ModelTests.network] {
            try box.write(params, to: "repo/params.yaml")
            try box.run(
                "git mlrun train --out models/m && git mldata add models && git add -A && git commit -q -m model",
                in: "repo")
        }
        try box.run("git commit -q --allow-empty -m same && rm -rf models", in: "repo")
    }

    @Test func `a range is measured once, without a checkout, and kept in notes`() throws {
        let box = try Sandbox()
        try ModelHistoryTests.prepare(box)
        let command = "git mlrun evaluate HEAD~4..HEAD --data HEAD:data/test.tsv --json"
        let first = try box.run(command, in: "repo")
        #expect(try JSON(parsing: first.output).objectValue?.keys.count == 3)
        #expect(first.errors.contains("holds no model"))
        #expect(try box.run("git notes --ref mlrun list | wc -l", in: "repo").output.contains("3"))
        #expect(try box.run(command, in: "repo").output == first.output)
        let empty = try box.attempt("git mlrun evaluate HEAD..HEAD --data HEAD:data/test.tsv", in: "repo")
        #expect(empty.status == 128 && empty.errors.contains("no commit of 'HEAD..HEAD' holds a model"))
    }

    @Test func `a model is reproduced to the byte, or what differs is said`() throws {
        let box = try Sandbox()
        try ModelHistoryTests.prepare(box)
        #expect(try box.run("git mlrun verify HEAD", in: "repo").output.contains("reproduced to the byte"))
        try box.run(
            "git checkout -q HEAD -- models && sed -i 's/^film$/flim/' models/m/vocab.txt && git mldata add models "
                + "&& git add -A && git commit -q -m changed", in: "repo")
        let outcome = try box.attempt("git mlrun verify", in: "repo")
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("vocab.txt: 1 words are gone, 1 are new"), "\(outcome.output)")
    }

    @Test func `two models are compared on the same texts`() throws {
        let box = try Sandbox()
        try ModelHistoryTests.prepare(box)
        let json = try JSON(parsing: try box.run("git mlrun compare HEAD~2 HEAD --json", in: "repo").output)
        let test = json["results"]?.arrayValue?.first?["mcnemar"]
        #expect((test?["p_exact"]?.doubleValue ?? 9) <= 1)
        #expect(try box.run("git mlrun compare HEAD HEAD", in: "repo").output.contains("p = 1.0000"))
    }

    @Test(arguments: ["average", "vote", "greedy", "stacking --learner trees", "weighted --search exact"])
    func `an ensemble's file answers as the ensemble did`(method: String) throws {
        let box = try Sandbox()
        try ModelHistoryTests.prepare(box)
        let built = try JSON(
            parsing: try box.run(
                "git mlrun ensemble HEAD~2 HEAD --method \(method) --json -o e.json", in: "repo"
            ).output)
        let evaluated = try JSON(
            parsing: try box.run("git mlrun evaluate --model e.json --data data/test.tsv --json", in: "repo").output)
        let result = built["results"]?.arrayValue?.first?["ensemble"]
        #expect(result != nil && evaluated["test"]?["log_loss"] == result?["log_loss"])
    }

    @Test func `predictions of others are members too`() throws {
        let box = try Sandbox()
        try ModelHistoryTests.prepare(box)
        try box.run(
            "cat data/dev.tsv > all.tsv && tail -n +2 data/test.tsv >> all.tsv "
                + "&& git mlrun predict HEAD~2 all.tsv --json > p.jsonl", in: "repo")
        let output = try box.run("git mlrun ensemble p.jsonl HEAD --method average", in: "repo").output
        #expect(output.contains("p.jsonl"))
        let outcome = try box.attempt("git mlrun ensemble HEAD~2 HEAD --method stakcing", in: "repo")
        #expect(outcome.status == 129 && outcome.errors.contains("there is no method 'stakcing'"))
    }
}
