import Base
import TestSupport
import Testing

@Suite struct RunTests {
    /// A pipeline of three stages over a small file; `factor` is a param.
    static let pipeline = """
        stages:
          double:
            cmd: awk -v k=$(cut -d' ' -f2 params.yaml) '{print $1 * k}' data/in.txt > data/out.txt
            deps: [data/in.txt]
            params: [factor]
            outs: [data/out.txt]
          parity:
            cmd: awk '{print $1 % 2}' data/out.txt > data/parity.txt
            deps: [data/out.txt]
            outs: [data/parity.txt]
          sum:
            cmd: awk '{s += $1} END {printf "{\\"sum\\":%d}", s}' data/parity.txt > metrics.json
            deps: [data/parity.txt]
            metrics: [metrics.json: {cache: false}]

        """

    static func prepare(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.write(pipeline, to: "repo/mlrun.yaml")
        try box.write("factor: 2\n", to: "repo/params.yaml")
        try box.write("1\n2\n3\n", to: "repo/data/in.txt")
    }

    @Test func `repro runs, records, skips and restores`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        let first = try box.run("git mlrun repro", in: "repo").output
        #expect(
            first == """
                Running stage 'double':
                > awk -v k=$(cut -d' ' -f2 params.yaml) '{print $1 * k}' data/in.txt > data/out.txt
                Running stage 'parity':
                > awk '{print $1 % 2}' data/out.txt > data/parity.txt
                Running stage 'sum':
                > awk '{s += $1} END {printf "{\\"sum\\":%d}", s}' data/parity.txt > metrics.json

                """)
        let upToDate =
            "Stage 'double' didn't change, skipping\nStage 'parity' didn't change, skipping\n"
            + "Stage 'sum' didn't change, skipping\nData and pipelines are up to date.\n"
        #expect(try box.run("git mlrun repro", in: "repo").output == upToDate)
        // Another even factor: 'double' gives other bytes, 'parity' the same, so 'sum' need not run.
        try box.write("factor: 4\n", to: "repo/params.yaml")
        let second = try box.run("git mlrun repro", in: "repo").output
        #expect(second.contains("Running stage 'double':"))
        #expect(second.contains("Running stage 'parity':"))
        #expect(second.contains("Stage 'sum' didn't change, skipping"))
        // Back to the first: nothing runs, outputs come from the store.
        try box.write("factor: 2\n", to: "repo/params.yaml")
        let third = try box.run("git mlrun repro", in: "repo").output
        #expect(third.contains("Stage 'double' is cached - skipping run, checking out outputs"))
        #expect(!third.contains("Running stage"))
        #expect(try box.text("repo/data/out.txt") == "2\n4\n6\n")
    }

    @Test func `dry says the truth and the exit code tells`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        try box.run("git mlrun repro", in: "repo")
        #expect(try box.attempt("git mlrun repro --dry --exit-code", in: "repo").status == 0)
        try box.write("factor: 3\n", to: "repo/params.yaml")
        let dry = try box.attempt("git mlrun repro --dry --exit-code", in: "repo")
        #expect(dry.status == 1)
        #expect(dry.output.contains("Running stage 'double': changed param 'params.yaml:factor': modified\n"))
        #expect(dry.output.contains("Running stage 'parity': upstream 'double' runs\n"))
        #expect(try box.text("repo/data/out.txt") == "2\n4\n6\n")
        #expect(
            try box.run("git mlrun status", in: "repo").output.hasPrefix(
                "double:\n\tchanged deps:\n\t\tparams.yaml:\n\t\t\tmodified:           factor\n"))
    }

    @Test func `metrics appear in a note and survive amend, rebase and squash`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        try box.run("git mlrun repro && git add -A && git commit -q -m first", in: "repo")
        let note = try box.run("git notes --ref=mlrun show HEAD", in: "repo").output
        #expect(note.contains("sum  sum=0  ("))
        try box.write("factor: 3\n", to: "repo/params.yaml")
        try box.run("git mlrun repro && git add -A && git commit -q -m second", in: "repo")
        try box.run("git commit -q --amend -m second-amended", in: "repo")
        #expect(try box.run("git notes --ref=mlrun show HEAD", in: "repo").output.contains("sum=2"))
        try box.run(
            "git checkout -q -b other HEAD~2 && git commit -q --allow-empty -m base && git checkout -q main && git rebase -q other",
            in: "repo")
        let log = try box.run("git mlrun log --csv", in: "repo").output.split(separator: "\n").map {
            $0.split(separator: ",").map(String.init)
        }
        #expect(log[0][2] == "sum")
        #expect(log.dropFirst().map { $0[2] }.prefix(2) == ["2", "0"])
        try box.run("git notes --ref=mlrun show HEAD", in: "repo")
        try box.run("git reset -q --soft HEAD~2 && git commit -q -m squashed", in: "repo")
        #expect(try box.run("git mlrun log -n 1 --csv", in: "repo").output.contains(",2,"))
    }

    @Test func `an output changed by hand claims nothing`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        try box.run("git mlrun repro", in: "repo")
        try box.write("{\"sum\": 999}", to: "repo/metrics.json")
        try box.run("git add -A && git commit -q -m forged", in: "repo")
        let shown = try box.run("git mlrun show HEAD --json", in: "repo").output
        #expect(try JSON(parsing: shown)["metrics"] == .object([:]))
    }

    @Test func `diff shows params, metrics and data as DVC shapes them`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        try box.run("git mlrun repro && git add -A && git commit -q -m first", in: "repo")
        try box.write("factor: 3\n", to: "repo/params.yaml")
        try box.run("git mlrun repro && git add -A && git commit -q -m second", in: "repo")
        let json = try JSON(parsing: try box.run("git mlrun diff HEAD~1 --json", in: "repo").output)
        #expect(json["params"]?.compact() == #"{"params.yaml": {"factor": {"old": 2, "new": 3, "diff": 1}}}"#)
        #expect(json["metrics"]?.compact() == #"{"metrics.json": {"sum": {"old": 0, "new": 2, "diff": 2}}}"#)
        #expect(json["data"]?.arrayValue?.map { $0["path"]?.stringValue } == ["data/out.txt", "data/parity.txt"])
        #expect(
            try box.run("git mlrun metrics diff HEAD~1 HEAD", in: "repo").output == """
                Path          Metric    HEAD~1    HEAD    Change
                metrics.json  sum       0         2       2

                """)
        #expect(
            try box.run("git mlrun params diff HEAD~1 HEAD --md", in: "repo").output.contains(
                "| params.yaml | factor  |"))
        #expect(try box.attempt("git mlrun diff HEAD HEAD --exit-code", in: "repo").status == 0)
        #expect(try box.attempt("git mlrun diff HEAD~1 HEAD --exit-code", in: "repo").status == 1)
    }

    @Test func `records and notes travel with push and clone`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        try box.run("git mlrun repro && git add -A && git commit -q -m first && git push -q -u origin main", in: "repo")
        let log = try box.run("git mlrun log --json", in: "repo").output
        try box.run("git mldata install --global -q && git clone -q repo.git copy")
        #expect(try box.run("git mlrun log --json", in: "copy").output == log)
        #expect(try box.run("git notes --ref=mlrun show HEAD", in: "copy").output.contains("sum=0"))
        #expect(try box.run("git mlrun repro", in: "copy").output.hasSuffix("Data and pipelines are up to date.\n"))
    }

    @Test func `two clones record apart and both keep everything`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        try box.run("git mlrun repro && git add -A && git commit -q -m first && git push -q -u origin main", in: "repo")
        try box.run("git mldata install --global -q && git clone -q repo.git copy")
        for (folder, factor) in [("repo", 3), ("copy", 5)] {
            try box.write("factor: \(factor)\n", to: "\(folder)/params.yaml")
            try box.run(
                "git checkout -q -b by-\(folder) && git mlrun repro && git add -A && git commit -q -m \(folder)",
                in: folder)
        }
        try box.run("git push -q origin by-repo", in: "repo")
        try box.run("git push -q origin by-copy", in: "copy")
        try box.run("git fetch -q origin", in: "repo")
        #expect(try box.run("git mlrun log origin/by-copy -n 1 --csv", in: "repo").output.contains(",2,"))
        let first = try box.run("git ls-remote origin refs/mlrun/records", in: "repo").output
        try box.run("git mlrun push", in: "repo")
        try box.run("git mlrun push", in: "copy")
        // All have everything: nothing more to join.
        #expect(try box.run("git ls-remote origin refs/mlrun/records", in: "copy").output == first)
    }

    @Test func `many processes record at once and no record is lost`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        var pipeline = "stages:\n"
        for number in 0..<24 {
            pipeline +=
                "  s\(number):\n    cmd: echo '{\"v\":\(number)}' > m\(number).json\n    deps: [data/in.txt]\n"
                + "    metrics: [m\(number).json: {cache: false}]\n"
        }
        try box.write(pipeline, to: "repo/mlrun.yaml")
        try box.write("x\n", to: "repo/data/in.txt")
        try box.run("for i in $(seq 0 23); do git mlrun repro -q s$i >/dev/null & done; wait", in: "repo")
        try box.run("git add -A && git commit -q -m all", in: "repo")
        let shown = try JSON(parsing: try box.run("git mlrun show --json", in: "repo").output)
        #expect(shown["runs"]?.arrayValue?.count == 24)
    }

    @Test(arguments: [
        ("stages:\n  a:\n    cmd: x\n   deps: [y]\n", "mlrun.yaml:4:"),
        ("stages:\n  a:\n    cmd: x\n    depz: [y]\n", "depz"),
        ("stages:\n  a: {cmd: x, deps: [b], outs: [a]}\n  b: {cmd: x, deps: [a], outs: [b]}\n", "a -> b -> a"),
    ])
    func `a pipeline that is wrong is refused with its place`(text: String, expected: String) throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(text, to: "repo/mlrun.yaml")
        let outcome = try box.attempt("git mlrun repro", in: "repo")
        #expect(outcome.status == 128)
        #expect(outcome.firstError.hasPrefix("fatal: "), "\(outcome.errors)")
        #expect(outcome.errors.contains(expected), "\(outcome.errors)")
    }

    @Test func `a stage that fails stops with its name and leaves no record`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(
            "stages:\n  bad:\n    cmd: [echo hello, exit 3]\n    deps: [data]\n    outs: [out]\n", to: "repo/mlrun.yaml"
        )
        try box.write("x\n", to: "repo/data/x")
        let outcome = try box.attempt("git mlrun repro", in: "repo")
        #expect(outcome.status == 128)
        #expect(
            outcome.errors.contains("fatal: stage 'bad': the command 'exit 3' failed (exit 3)"), "\(outcome.errors)")
        #expect(try box.attempt("git rev-parse -q --verify refs/mlrun/records", in: "repo").status != 0)
    }

    @Test func `dag draws`() throws {
        let box = try Sandbox()
        try RunTests.prepare(box)
        #expect(try box.run("git mlrun dag --dot", in: "repo").output.contains("\"double\" -> \"parity\";"))
        #expect(
            try box.run("git mlrun dag --mermaid", in: "repo").output.hasPrefix("flowchart TD\n\tnode1[\"double\"]\n"))
        #expect(try box.run("git mlrun dag", in: "repo").output.contains("| parity |"))
    }
}
