import ArgumentParser
import Base
import CommandKit
import GitKit
import Glibc
import Pipelines
import Records
import Reports
import RunKit

struct Record: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record metrics, from any program in any language.",
        discussion: """
            For HEAD (or --rev); inside a stage, for that stage's run. A commit with the same files, or with the same
            change after a rebase, cherry-pick or squash, keeps what was recorded.

            Examples:
              git mlrun record accuracy=0.91 loss=0.23
              git mlrun record loss=0.31 --step 4
              git mlrun record --from dvclive
              git mlrun record --from mlruns/0/3f2a --rev v1.0
              git mlrun record --remove accuracy
            """)

    @Argument(help: ArgumentHelp("Metrics.", valueName: "name=value")) var assignments: [String] = []
    @Option(help: ArgumentHelp("The step (epoch, batch) the values belong to.", valueName: "n")) var step: Int64?
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Read a DVCLive folder, an MLflow run (or its mlruns folder), TensorBoard event files, a JSON, CSV or TSV file.",
            valueName: "path")) var from: [String] = []
    @Option(help: ArgumentHelp("The commit (default: HEAD).", valueName: "rev")) var rev: String?
    @Option(parsing: .singleValue, help: ArgumentHelp("Take a recorded metric back.", valueName: "name"))
    var remove: [String] = []
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if assignments.isEmpty && from.isEmpty && remove.isEmpty {
            throw ValidationError("nothing to record: name metrics as NAME=VALUE, or a file with --from")
        }
    }

    func run() throws {
        var values = RecordedValues()
        for path in from { values.add(try ForeignRuns.read(path)) }
        for assignment in assignments {
            let (name, value) = try RecordedValues.parse(assignment)
            values.add(name, value, step: step)
        }
        let session = try RunSession(common)
        if rev == nil, remove.isEmpty, let stage = environment("MLRUN_STAGE"),
            environment("MLRUN_ROOT") == session.repository.workTree
        {
            return try RecordedFile(session.repository).add(values, stage: stage)
        }
        let commit = try session.repository.commit(rev ?? "HEAD")
        if !remove.isEmpty { return try takeBack(commit, session) }
        var context = RunContext(host: hostName(), tools: ["git-ml": .string(Program.version)])
        // What was measured on a dirty tree is not what the commit holds: the patch is kept with it.
        context.isDirty = try rev == nil && isDirty(commit, session.repository)
        let line = try session.runs.attach(values, to: commit, context: context, sequence: wallClockNanoseconds())
        session.ui.status("\(commit.id.short)  \(line)")
    }

    private func isDirty(_ head: Commit, _ repository: Repository) throws -> Bool {
        guard repository.workTree != nil, !repository.isProvenClean(head.tree) else { return false }
        return try repository.git.start(["diff-index", "--quiet", "HEAD", "--"]).status == 1
    }

    private func takeBack(_ commit: Commit, _ session: RunSession) throws {
        let known = try session.runs.records.attached(toTree: commit.tree)
        let names = (known?.metrics[""]?.objectValue?.keys ?? []) + (known?.params.map(\.key) ?? [])
        for name in remove where !names.contains(name) {
            throw MLError(
                .notFound, "'\(name)' is not recorded for \(commit.id.short)", hints: NearestName.hints(name, in: names)
            )
        }
        try session.runs.detach(Set(remove), from: commit)
        session.ui.status("Took back \(remove.joined(separator: ", ")) of \(commit.id.short).")
    }

    private func wallClockNanoseconds() -> Int64 {
        var value = timespec()
        clock_gettime(CLOCK_REALTIME, &value)
        return Int64(value.tv_sec) * 1_000_000_000 + Int64(value.tv_nsec)
    }
}
