import Base
import TestSupport
import Testing

@Suite struct RecordTests {
    private func metrics(_ box: Sandbox, _ revision: String = "HEAD", in folder: String = "repo") throws -> JSON? {
        let shown = try box.run("git mlrun log \(revision) -n 1 --json", in: folder).output
        return try JSON(parsing: shown).arrayValue?.first?["metrics"]
    }

    private func prepare(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.run("echo a > a && git add a && git commit -q -m base", in: "repo")
        try box.run("git checkout -q -b work && echo b > b && git add b && git commit -q -m work", in: "repo")
        try box.run("git mlrun record -q accuracy=0.91 note=good && git mlrun record -q accuracy=0.92", in: "repo")
    }

    private let expected: JSON = ["accuracy": 0.92, "note": "good"]

    @Test func `what is recorded is found, and the last value counts`() throws {
        let box = try Sandbox()
        try prepare(box)
        #expect(try metrics(box) == expected)
        #expect(try metrics(box, "HEAD~1") == [:])
        let note = try box.run("git notes --ref=mlrun show HEAD", in: "repo").output
        #expect(note.split(separator: "\n").count == 1)
        #expect(note.hasPrefix("record  accuracy=0.92 note=\"good\"  ("))
        #expect(try box.run("git mlrun best accuracy --max", in: "repo").output.contains("0.92"))
    }

    @Test(arguments: [
        ("amend", "git commit -q --amend -m better"),
        ("reset", "git reset -q --soft HEAD~1 && git commit -q -m again"),
        ("rebase", "git checkout -q main && echo c > c && git add c && git commit -q -m c && git rebase -q main work"),
        (
            "cherry-pick",
            "git checkout -q main && echo c > c && git add c && git commit -q -m c && git cherry-pick work >/dev/null"
        ),
        (
            "squash",
            """
            git commit -q --allow-empty -m more && git checkout -q main && echo c > c && git add c && git commit -q -m c &&
            git merge -q --squash work >/dev/null 2>&1 && git commit -q -m squashed
            """
        ),
    ])
    func `records survive`(name: String, script: String) throws {
        let box = try Sandbox()
        try prepare(box)
        try box.run(script, in: "repo")
        #expect(try metrics(box) == expected, "\(name)")
        #expect(try box.run("git notes --ref=mlrun show HEAD", in: "repo").output.contains("accuracy=0.92"))
    }

    @Test func `a merge on the host is found after reindex`() throws {
        let box = try Sandbox()
        try prepare(box)
        // The branch has two commits; the host squashes them on a main that moved on, without any hook of ours.
        try box.run(
            "echo d > d && git add d && git commit -q -m d && git mlrun record -q accuracy=0.92 note=good", in: "repo")
        try box.run("git push -q origin main work", in: "repo")
        try box.run(
            """
            git clone -q repo.git host && cd host && rm -rf .git/hooks && git fetch -q origin work && git checkout -q main &&
            echo c > c && git add c && git commit -q -m c && git merge -q --squash origin/work >/dev/null 2>&1 &&
            git -c core.hooksPath=/dev/null commit -q -m 'Merge pull request' && git push -q origin main
            """)
        try box.run("git checkout -q main && git -c core.hooksPath=/dev/null pull -q origin main", in: "repo")
        #expect(try metrics(box) == [:])
        try box.run("git mlrun reindex", in: "repo")
        #expect(try metrics(box) == expected)
    }

    @Test func `values with steps keep them, in any order`() throws {
        let box = try Sandbox()
        try prepare(box)
        for (step, value) in [(1, "0.5"), (3, "0.3"), (2, "0.4")] {
            try box.run("git mlrun record -q loss=\(value) --step \(step)", in: "repo")
        }
        #expect(try metrics(box)?["loss"] == 0.3)
        let shown = try JSON(parsing: try box.run("git mlrun show --json", in: "repo").output)
        #expect(shown["runs"]?.arrayValue?.first?["steps"]?["loss"] == [[1, 0.5], [2, 0.4], [3, 0.3]])
        #expect(try box.run("git mlrun show --plot loss", in: "repo").output.contains("0.5 ┤"))
    }

    @Test func `inside a stage the values belong to its run`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(
            """
            stages:
              train:
                cmd: for i in 1 2 3; do git mlrun record loss=0.$i --step $i; done; git mlrun record score=7; cp in data/out
                deps: [in]
                outs: [data/out]

            """, to: "repo/mlrun.yaml")
        try box.run("echo 1 > in && git mlrun repro -q && git add -A && git commit -q -m one", in: "repo")
        #expect(try metrics(box) == ["loss": 0.3, "score": 7])
        let shown = try JSON(parsing: try box.run("git mlrun show --json", in: "repo").output)
        #expect(shown["runs"]?.arrayValue?.first?["steps"]?["loss"] == [[1, 0.1], [2, 0.2], [3, 0.3]])
        #expect(shown["runs"]?.arrayValue?.count == 1)
        // Content decides: the same run is behind the commit after a squash on other commits.
        try box.run("git reset -q --soft HEAD~1 && echo z > z && git add z && git commit -q -m other", in: "repo")
        #expect(try metrics(box) == ["loss": 0.3, "score": 7])
    }

    @Test func `what was taken back stays gone when others push theirs`() throws {
        let box = try Sandbox()
        try prepare(box)
        try box.run(
            "git push -q origin work && git mldata install --global -q && git clone -q ../repo.git ../copy", in: "repo")
        try box.run("git checkout -q work && git mlrun fetch", in: "copy")
        try box.run("git mlrun record -q --remove accuracy && git mlrun push -q", in: "repo")
        #expect(try metrics(box) == ["note": "good"])
        try box.run("git mlrun push -q && git mlrun fetch", in: "copy")
        #expect(try metrics(box, in: "copy") == ["note": "good"])
        #expect(try box.attempt("git mlrun record --remove acuracy", in: "repo").status == 128)
    }

    @Test func `folders of other trackers are read`() throws {
        let box = try Sandbox()
        try prepare(box)
        try box.write("step\tacc\n0\t0.5\n1\t0.75\n", to: "repo/dvclive/plots/metrics/train/acc.tsv")
        try box.write("{\"train\": {\"acc\": 0.75}, \"step\": 1}", to: "repo/dvclive/metrics.json")
        try box.write("lr: 0.1\n", to: "repo/dvclive/params.yaml")
        try box.run("git mlrun record -q --from dvclive", in: "repo")
        #expect(try metrics(box)?["train/acc"] == 0.75)
        try box.write("artifact_uri: x\n", to: "repo/mlruns/0/meta.yaml")
        try box.write("run_id: abc\n", to: "repo/mlruns/0/abc/meta.yaml")
        try box.write("1600000000000 0.9 0\n1600000000001 0.8 1\n", to: "repo/mlruns/0/abc/metrics/val_loss")
        try box.write("0.01", to: "repo/mlruns/0/abc/params/rate")
        try box.run("git mlrun record -q --from mlruns", in: "repo")
        #expect(try metrics(box)?["val_loss"] == 0.8)
        let missing = try box.attempt("git mlrun record --from nowhere", in: "repo")
        #expect(missing.status == 128 && missing.firstError == "fatal: 'nowhere' does not exist")
        #expect(try box.attempt("git mlrun record accuracy", in: "repo").status == 129)
    }

    @Test func `the patch of a dirty tree and the packages are kept`() throws {
        let box = try Sandbox()
        try prepare(box)
        try box.run(
            "mkdir -p env/lib/python3.11/site-packages/numpy-1.26.4.dist-info && echo env > .git/info/exclude",
            in: "repo")
        try box.run("echo changed > a && VIRTUAL_ENV=$PWD/env git mlrun record -q f1=0.5", in: "repo")
        let shown = try JSON(parsing: try box.run("git mlrun show --json", in: "repo").output)
        let record = shown["runs"]?.arrayValue?.first
        #expect(record?["dirty"] == true)
        let patch = record?["patch"]?.stringValue ?? ""
        let packages = record?["packages"]?.stringValue ?? ""
        let stored = { (id: String) in
            try box.run("git show refs/mlrun/records:logs/\(id.prefix(2))/\(id.dropFirst(2))", in: "repo").output
        }
        #expect(try stored(patch).contains("+changed"))
        #expect(try stored(packages) == "numpy==1.26.4")
    }

    @Test func `four processes record at once and none is lost`() throws {
        let box = try Sandbox()
        try prepare(box)
        try box.run(
            """
            for p in 1 2 3 4; do
                (for i in $(seq 12); do git mlrun record -q "m$p.$i=$i" || exit 1; done) &
            done; wait
            """, in: "repo")
        let found = try metrics(box)?.objectValue?.keys.filter { $0.hasPrefix("m") } ?? []
        #expect(found.count == 48)
    }
}
