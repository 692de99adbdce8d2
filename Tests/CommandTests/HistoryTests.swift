import Base
import TestSupport
import Testing

/// `log`, `show`, `diff`, `params`, `metrics`, `record` through real git.
@Suite struct HistoryTests {
    /// Three commits with `factor` 2, 3, 5: the sums of parities are 0, 2, 2.
    static func prepare(_ box: Sandbox) throws {
        try RunTests.prepare(box)
        for (factor, subject) in [(2, "one"), (3, "two"), (5, "three")] {
            try box.write("factor: \(factor)\n", to: "repo/params.yaml")
            try box.run("git mlrun repro -q && git add -A && git commit -q -m \(subject)", in: "repo")
        }
    }

    private func subjects(_ box: Sandbox, _ arguments: String) throws -> [String] {
        let json = try JSON(parsing: try box.run("git mlrun log --json \(arguments)", in: "repo").output)
        return json.arrayValue?.compactMap { $0["subject"]?.stringValue } ?? []
    }

    @Test func `values are laid out as DVC lays them out`() throws {
        let box = try Sandbox()
        try HistoryTests.prepare(box)
        #expect(
            try box.run("git mlrun metrics diff HEAD~2 HEAD --all", in: "repo").output == """
                Path          Metric    HEAD~2    HEAD    Change
                metrics.json  sum       0         2       2

                """)
        #expect(
            try box.run("git mlrun params diff HEAD~1 HEAD --md", in: "repo").output == """
                | Path        | Param   | HEAD~1   | HEAD   |
                |-------------|---------|----------|--------|
                | params.yaml | factor  | 3        | 5      |


                """)
        #expect(
            try box.run("git tag v1 HEAD~2 && git mlrun metrics show -T", in: "repo").output == """
                Revision    Path          sum
                workspace   metrics.json  2
                v1          metrics.json  0

                """)
        // The work tree is what its branch is: said once.
        #expect(
            try box.run("git mlrun metrics show -a", in: "repo").output
                == "Revision    Path          sum\nmain        metrics.json  2\n")
        #expect(
            try box.run("git mlrun metrics show --json", in: "repo").output
                == "{\"\": {\"data\": {\"metrics.json\": {\"data\": {\"sum\": 2}}}}}\n")
        #expect(
            try box.run("git mlrun params diff HEAD~1 HEAD --csv", in: "repo").output
                == "Path,Param,HEAD~1,HEAD\nparams.yaml,factor,3,5\n")
        #expect(try box.attempt("git mlrun metrics diff nosuch", in: "repo").status == 128)
        // A file nobody declared, named as a target.
        try box.write("{\"a\": {\"b\": 0.123456789}, \"l\": [1], \"t\": true}", to: "repo/other.json")
        #expect(
            try box.run("git mlrun metrics show other.json --precision 3", in: "repo").output
                == "Path        a.b    t\nother.json  0.123  True\n")
        #expect(
            try box.run("git mlrun metrics show --json --targets other.json", in: "repo").output
                == "{\"\": {\"data\": {\"other.json\": {\"data\": {\"a\": {\"b\": 0.123456789}, \"t\": true}}}}}\n")
    }

    @Test func `log filters, sorts, and shows branches, tags and the graph`() throws {
        let box = try Sandbox()
        try HistoryTests.prepare(box)
        #expect(try subjects(box, "") == ["three", "two", "one", "start"])
        #expect(try subjects(box, "-n 2") == ["three", "two"])
        #expect(try subjects(box, "--filter 'sum>=2 && factor<5'") == ["two"])
        #expect(try subjects(box, "--filter '!(sum==2)' -n 1") == ["one"])
        #expect(try subjects(box, "--filter 'subject~th'") == ["three"])
        #expect(try subjects(box, "HEAD~1 --sort factor --sort-order asc") == ["one", "two", "start"])
        #expect(try subjects(box, "HEAD~2..HEAD") == ["three", "two"])
        #expect(try subjects(box, "--only-changed") == ["three", "two", "one"])
        let bad = try box.attempt("git mlrun log --filter 'sum >'", in: "repo")
        #expect(bad.status == 129)
        #expect(bad.firstError.contains("a value is expected at character 6"), "\(bad.errors)")
        try box.run("git branch old HEAD~2 && git tag v1 HEAD~1", in: "repo")
        #expect(try subjects(box, "--branches --sort factor") == ["three", "one"])
        #expect(try subjects(box, "--tags") == ["two"])
        let csv = try box.run("git mlrun log --csv -n 1", in: "repo").output.split(separator: "\n")
        #expect(csv[0] == "Commit,Date,sum,Duration,Author,Subject")
        #expect(csv[1].hasSuffix(",Tester,three"))
        try box.run(
            "git checkout -q old && git commit -q --allow-empty -m side && git merge -q main -m joined", in: "repo")
        let graph = try box.run("git mlrun log --graph", in: "repo").output.split(separator: "\n").map(String.init)
        #expect(graph[0].hasPrefix("Graph"))
        #expect(graph.contains { $0.hasPrefix("|\\") })
        #expect(graph.contains { $0.hasPrefix("| *") && $0.contains("three") })
        let entry = try JSON(parsing: try box.run("git mlrun log main --json -n 1", in: "repo").output).arrayValue?
            .first
        #expect(entry?["author"] == "Tester")
        #expect(entry?["refs"] == ["main"])
        #expect(entry?["duration"]?.doubleValue ?? 0 > 0)
        #expect(entry?["params"]?["factor"] == 5)
    }

    @Test func `log draws a metric`() throws {
        let box = try Sandbox()
        try HistoryTests.prepare(box)
        let chart = try box.run("git mlrun log --plot sum", in: "repo").output.split(separator: "\n")
        #expect(chart[0] == "sum")
        #expect(chart[1].contains("2 ┤"))
        #expect(chart.last?.contains("0 ┤") == true)
        let outcome = try box.attempt("git mlrun log --plot sun", in: "repo")
        #expect(outcome.status == 128 && outcome.errors.contains("did you mean 'sum'?"))
    }

    @Test func `show prints the log of a stage`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(
            "stages:\n  hello:\n    cmd: echo hi there; echo x > out\n    deps: [in]\n    outs: [out: {cache: false}]\n",
            to: "repo/mlrun.yaml")
        try box.run("echo 1 > in && git mlrun repro -q && git add -A && git commit -q -m one", in: "repo")
        #expect(try box.run("git mlrun show --log hello", in: "repo").output == "hi there\n")
        #expect(try box.attempt("git mlrun show --log helo", in: "repo").errors.contains("did you mean 'hello'?"))
    }
}
