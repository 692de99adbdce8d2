import Base
import TestSupport
import Testing

/// `exp`, `run`, `bisect`, `check` through real git.
@Suite struct ExperimentTests {
    /// accuracy = 1 - (lr - 0.3)² + seed/1000; lr above 0.9 fails.
    static let script = """
        lr=$(sed -n 's/^lr: *\\([0-9.]*\\).*/\\1/p' params.yaml); seed=$(sed -n 's/^seed: *//p' params.yaml)
        echo "training with $lr"
        awk -v l="$lr" -v s="${seed:-0}" 'BEGIN {
            if (l > 0.9) exit 3
            printf "{\\"accuracy\\": %.6f}\\n", 1 - (l - 0.3) * (l - 0.3) + s / 1000 > "metrics.json"
            print l > "data/model"
        }'

        """
    static let pipeline = """
        stages:
          train:
            cmd: sh train.sh
            deps: [train.sh]
            params: [params.yaml: ]
            outs: [data/model]
            metrics: [metrics.json: {cache: false}]

        """

    static func prepare(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.write(script, to: "repo/train.sh")
        try box.write(pipeline, to: "repo/dvc.yaml")
        try box.write("# learning\nlr: 0.1   # rate\ndepth: 2\n", to: "repo/params.yaml")
        try box.run("git mlrun repro -q && git add -A && git commit -q -m one", in: "repo")
    }

    private func show(_ box: Sandbox, _ name: String) throws -> JSON {
        try JSON(parsing: try box.run("git mlrun exp show \(name) --json", in: "repo").output)
    }

    @Test func `an experiment is a commit and touches nothing`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        try box.write("# learning\nlr: 0.1   # rate\ndepth: 3\n", to: "repo/params.yaml")
        try box.run("echo untracked > note && git add train.sh", in: "repo")
        let before = try box.run(
            "git status --porcelain && git diff && git ls-files -s && cat metrics.json", in: "repo"
        ).output
        let said = try box.run("git mlrun exp run -q -S lr=0.2 -n first", in: "repo").output
        #expect(said == "Ran experiment(s): first\n")
        #expect(
            try box.run("git status --porcelain && git diff && git ls-files -s && cat metrics.json", in: "repo").output
                == before)
        #expect(try box.run("git worktree list", in: "repo").output.split(separator: "\n").count == 1)
        #expect(
            try box.run("git show refs/mlrun/exps/first:params.yaml", in: "repo").output
                == "# learning\nlr: 0.2   # rate\ndepth: 3\n")
        #expect(
            try box.run("git rev-parse refs/mlrun/exps/first^ HEAD | uniq | wc -l", in: "repo").output
                .split(separator: " ").first == "1\n")
        let first = try show(box, "first")
        #expect(first["metrics"]?["metrics.json"]?["accuracy"] == 0.99)
        #expect(first["set"] == ["lr": 0.2])
        #expect(first["params"]?["params.yaml"] == ["lr": 0.2, "depth": 3])
        #expect(try box.run("git mlrun exp show first --log", in: "repo").output.contains("training with 0.2"))
        let again = try box.attempt("git mlrun exp run -S lr=0.3 -n first", in: "repo")
        #expect(again.status == 128 && again.errors.contains("there is an experiment 'first' already"))
        try box.run("git mlrun exp run -q -S lr=0.3 -n first -f", in: "repo")
        #expect(try show(box, "first")["metrics"]?["metrics.json"]?["accuracy"] == 1.0)
    }

    @Test func `a failed experiment is kept with its log`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        let outcome = try box.attempt("git mlrun exp run -S lr=0.95 -n bad", in: "repo")
        #expect(
            outcome.status == 128 && outcome.errors.contains("fatal: 1 experiment failed: bad"), "\(outcome.errors)")
        #expect(try show(box, "bad")["state"] == "failed")
        #expect(try box.run("git mlrun exp show bad --log", in: "repo").output.contains("(exit 3)"))
        #expect(try box.run("git show refs/mlrun/exps/bad:params.yaml", in: "repo").output.contains("lr: 0.95"))
        let missing = try box.attempt("git mlrun exp run -S rate=1", in: "repo")
        #expect(missing.status == 128 && missing.errors.contains("'params.yaml' has no param 'rate'"))
        try box.run("git mlrun exp run -q -S +rate=1 -n added", in: "repo")
        #expect(try show(box, "added")["params"]?["params.yaml"]?["rate"] == 1)
        try box.run("git mlrun exp remove -q --failed", in: "repo")
        #expect(try box.run("git mlrun exp list --name-only", in: "repo").output == "added\n")
    }

    @Test func `what lies in the work tree is saved as an experiment`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        try box.write("lr: 0.2\ndepth: 2\n", to: "repo/params.yaml")
        try box.run("git mlrun repro -q && echo kept > extra && echo left > other", in: "repo")
        #expect(
            try box.run("git mlrun exp save -n mine -I extra -m 'By hand'", in: "repo").output
                == "Experiment has been saved as: mine\n")
        let saved = try show(box, "mine")
        #expect(saved["set"] == ["lr": 0.2] && saved["metrics"]?["metrics.json"]?["accuracy"] == 0.99)
        #expect(try box.run("git log -1 --format=%s refs/mlrun/exps/mine", in: "repo").output == "By hand\n")
        let files = try box.run("git ls-tree --name-only refs/mlrun/exps/mine", in: "repo").output
        #expect(files.contains("extra\n") && !files.contains("other\n"))
        #expect(try box.attempt("git mlrun exp save -n mine", in: "repo").status == 128)
    }

    @Test func `grids, the queue, tables and seeds`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        try box.run("git mlrun exp run -q -S lr=0.1,0.2 -S depth='range(1,3)' -n g -j 2", in: "repo")
        #expect(
            try box.run("git mlrun exp list --name-only | sort", in: "repo").output == "g-1\ng-2\ng-3\ng-4\n")
        let csv = try box.run("git mlrun exp show --csv --sort accuracy", in: "repo").output.split(separator: "\n")
        #expect(csv[0] == "Experiment,rev,typ,Created,parent,accuracy,lr,depth,train.sh")
        #expect(csv[1].hasPrefix(",workspace,baseline,,,0.96,0.1,2"))
        #expect(csv[2].hasPrefix(",main,baseline,2026-"))
        #expect(csv.count == 7)
        #expect(csv[3].contains("branch_commit") && csv[3].contains(",0.99,0.2,"))
        #expect(csv[6].contains("branch_base"))
        #expect(try box.run("git mlrun exp show --filter 'lr==0.2' --csv | wc -l", in: "repo").output.contains("5"))
        try box.run("git mlrun exp run -q --queue -S lr=0.4,0.5 -n q", in: "repo")
        #expect(try show(box, "q-1")["state"] == "queued")
        #expect(try box.run("git mlrun exp show --csv", in: "repo").output.contains("Queued"))
        try box.run("git mlrun exp run -q --run-all -j 2", in: "repo")
        #expect(try show(box, "q-2")["metrics"]?["metrics.json"]?["accuracy"] == 0.96)
        try box.run("git mlrun exp remove -q --all && git mlrun exp run -q -S lr=0.3 --seeds 3 -n s", in: "repo")
        let groups = try JSON(parsing: try box.run("git mlrun exp show --seeds --json", in: "repo").output)["groups"]
        let accuracy = groups?.arrayValue?.first?["metrics"]?["accuracy"]
        #expect(accuracy?["count"] == 3 && accuracy?["mean"] == 1.002)
        // t(2) = 4.302653, standard deviation 0.001: scipy.stats.t.interval gives 0.00248414.
        #expect(abs((accuracy?["margin"]?.doubleValue ?? 0) - 0.00248414) < 1e-8)
        #expect(try box.run("git mlrun exp show --seeds", in: "repo").output.contains("1.002 ± 0.00248"))
    }

    @Test func `searches find the optimum and are repeatable`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        let search = "git mlrun exp run -S lr=0.0..0.8 --search tpe --trials 14 --metric accuracy --max"
        let said = try box.run("\(search) -n t -q", in: "repo").output
        #expect(said.contains("Ran experiment(s): t-1, "))
        let best = try box.run("git mlrun best accuracy --experiments HEAD --json", in: "repo").output
        #expect((try JSON(parsing: best)["value"]?.doubleValue ?? 0) > 0.99)
        let first = try show(box, "t-14")["set"]
        try box.run("git mlrun exp remove -q -A && \(search) -n t -q", in: "repo")
        #expect(try show(box, "t-14")["set"] == first)
        let refused = try box.attempt("git mlrun exp run -S lr=0.0..0.8", in: "repo")
        #expect(refused.status == 129 && refused.errors.contains("is an interval"))
    }

    @Test func `trials worse than the median are stopped`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(
            """
            stages:
              train:
                cmd: >-
                  for i in 1 2 3 4 5 6 7 8; do git mlrun record loss=$(sed -n 's/^loss: //p' params.yaml) --step $i;
                  [ $(sed -n 's/^slow: //p' params.yaml) = 0 ] || sleep 0.3; done; date +%N > out
                deps: [mlrun.yaml]
                params: [loss, slow]
                outs: [out: {cache: false}]

            """, to: "repo/mlrun.yaml")
        try box.write("loss: 1\nslow: 0\n", to: "repo/params.yaml")
        try box.run("git add -A && git commit -q -m one", in: "repo")
        // Fast trials may end before anybody looks; a slow bad one does not.
        try box.run(
            "git mlrun exp run -q -S loss=1,9 -S slow=0,0,0,1 -n m --metric loss --min --median-stop", in: "repo")
        let states =
            try JSON(parsing: try box.run("git mlrun exp list --json", in: "repo").output)["experiments"]?
            .arrayValue ?? []
        let stopped = states.filter { $0["state"] == "stopped" }
        #expect(stopped.contains { $0["name"] == "m-8" })
        #expect(stopped.allSatisfy { $0["set"]?["loss"] == 9 })
    }

    @Test func `apply is undone, branch, rename, diff, push, pull and rerun work`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        try box.run("git mlrun exp run -q -S lr=0.2 -n a && git mlrun exp rename a b", in: "repo")
        #expect(
            try box.run("git mlrun exp diff b HEAD", in: "repo").output == """
                Path          Metric    b     HEAD    Change
                metrics.json  accuracy  0.99  0.96    -0.03

                Path         Param    b    HEAD    Change
                params.yaml  lr       0.2  0.1     -0.1

                """)
        try box.run("git mlrun exp apply -q b", in: "repo")
        #expect(try box.text("repo/metrics.json") == "{\"accuracy\": 0.990000}\n")
        #expect(try box.text("repo/data/model") == "0.2\n")
        #expect(try box.run("git mlrun repro", in: "repo").output.contains("up to date"))
        try box.run("git mlrun exp apply -q --undo", in: "repo")
        #expect(try box.run("git status --porcelain", in: "repo").output.isEmpty)
        #expect(try box.text("repo/data/model") == "0.1\n")
        try box.write("lr: 0.7\ndepth: 2\n", to: "repo/params.yaml")
        let refused = try box.attempt("git mlrun exp apply b", in: "repo")
        #expect(
            refused.status == 128 && refused.firstError.contains("'params.yaml' was changed and would be overwritten"))
        try box.run("git mlrun exp apply -q -f b && git mlrun exp apply -q --undo", in: "repo")
        #expect(try box.text("repo/params.yaml") == "lr: 0.7\ndepth: 2\n")
        try box.run("git checkout -q params.yaml && git mlrun exp branch -q b tuned", in: "repo")
        #expect(try box.run("git mlrun log tuned -n 1 --json", in: "repo").output.contains("\"accuracy\": 0.99"))
        try box.run("git push -q origin main && git mlrun exp push -q origin", in: "repo")
        try box.run("git mldata install --global -q && git clone -q repo.git copy && cd copy && git mlrun exp pull -q")
        #expect(try box.run("git mlrun exp show --csv", in: "copy").output.contains("b,"))
        try box.run("git mlrun exp apply -q b", in: "copy")
        #expect(try box.text("copy/data/model") == "0.2\n")
        try box.run(
            "echo '# more' >> train.sh && git commit -q -a -m two && git mlrun exp rerun b --onto HEAD -n c -q",
            in: "repo")
        #expect(try show(box, "c")["set"] == ["lr": 0.2])
        #expect(
            try box.run("git rev-parse refs/mlrun/exps/c^", in: "repo").output
                == box.run("git rev-parse HEAD", in: "repo").output)
    }

    @Test func `revisions are run, recorded, and only once`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(ExperimentTests.script + "echo run >> $MARK\n", to: "repo/train.sh")
        try box.write(ExperimentTests.pipeline, to: "repo/dvc.yaml")
        for (number, lr) in ["0.1", "0.2", "0.3"].enumerated() {
            try box.write("lr: \(lr)\n", to: "repo/params.yaml")
            try box.run("git add -A && git commit -q -m c\(number)", in: "repo")
        }
        let mark = "MARK=$PWD/../mark"
        let csv = try box.run("\(mark) git mlrun run HEAD~3..HEAD -j 2 --csv -q", in: "repo").output.split(
            separator: "\n")
        #expect(
            csv.map { $0.split(separator: ",").dropFirst().joined(separator: ",") } == [
                "accuracy,Subject", "1.0,c2", "0.99,c1", "0.96,c0",
            ])
        #expect(try box.text("mark") == "run\nrun\nrun\n")
        try box.run("\(mark) git mlrun run HEAD~3..HEAD -q", in: "repo")
        #expect(try box.text("mark") == "run\nrun\nrun\n")
        #expect(try box.run("git status --porcelain", in: "repo").output.isEmpty)
        #expect(try box.run("git mlrun log --csv", in: "repo").output.contains(",0.99,0.2,"))
        #expect(try box.run("git notes --ref=mlrun show HEAD~1", in: "repo").output.contains("accuracy=0.99"))
        // Params of another commit: the result is not the commit's own.
        let other = try box.run("\(mark) git mlrun run HEAD --with params.yaml@HEAD~2 --csv -q", in: "repo").output
        #expect(other.contains(",0.96,"))
        #expect(try box.run("git mlrun log -n 1 --csv", in: "repo").output.contains(",1.0,"))
        let missing = try box.attempt("git mlrun run HEAD --with none@HEAD", in: "repo")
        #expect(missing.status == 128)
    }

    @Test func `bisect runs only what no record answers`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        for lr in ["0.25", "0.2", "0.3", "0.7", "0.8", "0.75"] {
            try box.write("lr: \(lr)\n", to: "repo/params.yaml")
            try box.run("git commit -q -a -m lr=\(lr)", in: "repo")
        }
        let before = try box.run("git status --porcelain -b && git branch -a", in: "repo").output
        let said = try box.run("git mlrun bisect accuracy '>=0.9' HEAD~6 HEAD", in: "repo")
        let expected = try box.run("git rev-parse HEAD~2", in: "repo").output.dropLast()
        #expect(said.output == "\(expected) is the first bad commit: lr=0.7\n")
        #expect(try box.run("git status --porcelain -b && git branch -a", in: "repo").output == before)
        let again = try box.run("git mlrun bisect accuracy '>=0.9' HEAD~6 HEAD --records-only", in: "repo")
        #expect(again.output == said.output)
        #expect(!again.errors.contains("running"))
        let wrong = try box.attempt("git mlrun bisect accuracy '>=0.9' HEAD HEAD~6", in: "repo")
        #expect(wrong.status == 128)
    }

    @Test func `check and the hook before a push hold gates`() throws {
        let box = try Sandbox()
        try ExperimentTests.prepare(box)
        #expect(try box.attempt("git mlrun check accuracy --min 0.9", in: "repo").status == 0)
        let low = try box.attempt("git mlrun check accuracy --min 0.99", in: "repo")
        #expect(low.status == 1 && low.output == "not met: 'accuracy' is 0.96, less than 0.99\n")
        #expect(try box.attempt("git mlrun check nothing --min 1", in: "repo").status == 1)
        #expect(try box.attempt("git mlrun check accuracy", in: "repo").status == 129)
        try box.write(
            ExperimentTests.pipeline
                + "    meta: {mlrun: {gates: [{metric: accuracy, min: 0.9, max_decrease: 0.02}]}}\n",
            to: "repo/dvc.yaml")
        try box.run("git commit -q -a -m gates && git push -q origin main", in: "repo")
        try box.write("lr: 0.7\ndepth: 2\n", to: "repo/params.yaml")
        // Run without the gate: a run that misses one need not be recorded at all.
        try box.run(
            "git show HEAD~1:dvc.yaml > dvc.yaml && git mlrun repro -q && git checkout -q dvc.yaml && git commit -q -a -m worse",
            in: "repo")
        let check = try box.attempt("git mlrun check --json", in: "repo")
        #expect(check.status == 1)
        #expect(try JSON(parsing: check.output)["ok"] == false)
        let push = try box.attempt("git push origin main", in: "repo")
        #expect(
            push.status == 1 && push.errors.contains("misses a gate: 'accuracy' is 0.84, less than 0.9"),
            "\(push.errors)")
        try box.write("lr: 0.2\ndepth: 2\n", to: "repo/params.yaml")
        try box.run(
            "git mlrun repro -q && git add -A && git commit -q -m better && git push -q origin main", in: "repo")
        #expect(try box.run("git mlrun best accuracy --max", in: "repo").output.contains(" 0.99 better"))
        #expect(try box.run("git mlrun best accuracy --min", in: "repo").output.contains(" 0.84 worse"))
        #expect(try box.attempt("git mlrun best nothing", in: "repo").status == 1)
    }
}
