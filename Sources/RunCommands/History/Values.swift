import ArgumentParser
import Base
import CommandKit
import GitKit
import Pipelines
import Records
import Reports
import RunKit

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Show or compare metric files.",
        subcommands: [MetricsShow.self, MetricsDiff.self])
}

struct ParamsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "params", abstract: "Show or compare params.", subcommands: [ParamsShow.self, ParamsDiff.self])
}

/// How tables of values are printed; the same for all commands.
struct ValueOutput: ParsableArguments {
    @Flag(help: "Print JSON in DVC's shape.") var json = false
    @Flag(help: "Print a Markdown table.") var md = false
    @Flag(help: "Print CSV, all digits.") var csv = false
    @Option(help: ArgumentHelp("Round to so many decimals (default: 5).", valueName: "n")) var precision: Int?

    var format: ValueFormat { csv ? .csv : md ? .markdown : .terminal }
    /// CSV is for programs, which want all digits.
    var decimals: Int? { precision ?? (csv ? nil : 5) }

    func validate() throws {
        if let precision, precision < 0 { throw ValidationError("--precision must not be negative") }
    }
}

struct ValueShowOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Revisions, or files (default: the work tree).", valueName: "rev|file"))
    var names: [String] = []
    @Flag(name: [.customShort("a"), .long], help: "All branches.") var allBranches = false
    @Flag(name: [.customShort("T"), .long], help: "All tags.") var allTags = false
    @Flag(name: [.customShort("A"), .long], help: "All commits.") var allCommits = false
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Only these files, declared or not.", valueName: "file"))
    var targets: [String] = []
    @Flag(name: [.customShort("R"), .long], help: "Folders stand for the files below them.") var recursive = false
    @OptionGroup var output: ValueOutput
    @OptionGroup var common: CommonOptions

    func run(_ kind: ValueKind) throws {
        let session = try RunSession(common)
        var selection = ValueSelection(kind: kind)
        var revisions: [(name: String, revision: String)] = []
        for name in names {
            // A file is no revision, and DVC's users name files here.
            let isRevision = (try? session.repository.commit(name)) != nil
            let isFile = !isRevision && ((try? session.repository.repositoryPath(name)).map(session.exists) ?? false)
            if isFile {
                selection.targets.append(try session.repository.repositoryPath(name))
            } else {
                _ = try session.repository.commit(name)
                revisions.append((name, name))
            }
        }
        selection.targets += try targets.map { try session.repository.repositoryPath($0) }
        if recursive { selection.targets = try ValueSelection.expand(selection.targets, session) }
        let wantsWorkTree = revisions.isEmpty
        revisions += try all(session)
        var found: [(name: String, files: [ValueFile])] = []
        if wantsWorkTree {
            let isAlone = revisions.isEmpty && !(allBranches || allTags || allCommits)
            found.append((isAlone ? "" : "workspace", try selection.filesOfWorkTree(session)))
        }
        for (name, revision) in revisions {
            found.append((name, try selection.files(ofRevision: revision, session)))
        }
        // The work tree says nothing new where it equals the branch it is on.
        if found.count > 1, wantsWorkTree, let branch = session.repository.currentBranch(),
            let twin = found.first(where: { $0.name == branch }),
            ValueSelection.values(twin.files) == ValueSelection.values(found[0].files)
        {
            found.removeFirst()
        }
        if output.json { return session.ui.write(json(found).compact() + "\n") }
        for (name, files) in found {
            for file in files where file.problem != nil && !file.isAbsent {
                let place = name.isEmpty ? "" : "\(name): "
                session.ui.warning("\(place)\(file.problem?.message ?? "")")
            }
        }
        session.ui.write(output.format.text(table(found)))
    }

    private func all(_ session: RunSession) throws -> [(name: String, revision: String)] {
        var result: [(name: String, revision: String)] = []
        for (isWanted, prefix) in [(allBranches, "refs/heads/"), (allTags, "refs/tags/")] where isWanted {
            result += try session.repository.references(matching: prefix + "*").map {
                (String($0.dropFirst(prefix.count)), $0)
            }
        }
        if allCommits {
            let ids = try session.repository.git.run(["rev-list", "--branches", "--tags", "HEAD"]).text
            result += ids.split(separator: "\n").map { (String($0), String($0)) }
        }
        return result
    }

    private func json(_ found: [(name: String, files: [ValueFile])]) -> JSON {
        .object(
            JSONObject(
                found.map { name, files in
                    let data = files.map { file -> (String, JSON) in
                        guard let problem = file.problem else { return (file.path, ["data": file.tree]) }
                        return (
                            file.path,
                            [
                                "error": [
                                    "type": .string(ValueShowOptions.type(of: problem)),
                                    "msg": .string(problem.message),
                                ]
                            ]
                        )
                    }
                    return (name, data.isEmpty ? [:] : ["data": .object(JSONObject(data))])
                }))
    }

    /// The name of the exception that DVC has for it, which scripts look at.
    private static func type(of problem: MLError) -> String {
        problem.code == .notFound ? "FileNotFoundError" : "\(problem.code)"
    }

    private func table(_ found: [(name: String, files: [ValueFile])]) -> PlainTable {
        let found = found.map { (name: $0.name, files: $0.files.filter { !$0.isAbsent }) }
        let hasNames = found.count > 1 || found.first?.name.isEmpty == false
        let keys = Set(found.flatMap { $0.files.flatMap(\.leaves.keys) }).sorted()
        var table = PlainTable((hasNames ? ["Revision"] : []) + ["Path"] + keys)
        for (name, files) in found {
            for file in files {
                let leaves = file.leaves
                table.rows.append(
                    (hasNames ? [name] : []) + [file.path]
                        + keys.map { ValueText.spell(leaves[$0], precision: output.decimals) })
            }
        }
        return table
    }
}

struct ValueDiffOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("A revision (default: HEAD).", valueName: "a")) var first: String?
    @Argument(help: ArgumentHelp("Another (default: the work tree).", valueName: "b")) var second: String?
    @Flag(help: "Unchanged ones too.") var all = false
    @Flag(help: "Leave out the column with the file.") var noPath = false
    @Option(parsing: .upToNextOption, help: ArgumentHelp("Only these files, declared or not.", valueName: "file"))
    var targets: [String] = []
    @Flag(name: [.customShort("R"), .long], help: "Folders stand for the files below them.") var recursive = false
    @OptionGroup var output: ValueOutput
    @OptionGroup var common: CommonOptions

    func run(_ kind: ValueKind, stagesOnly: Bool = false) throws {
        let session = try RunSession(common)
        var selection = ValueSelection(
            kind: kind, targets: try targets.map { try session.repository.repositoryPath($0) }, stagesOnly: stagesOnly)
        if recursive { selection.targets = try ValueSelection.expand(selection.targets, session) }
        // Without a commit there is nothing to compare with; a revision that was named must exist.
        let hasBase = try first != nil || session.repository.head() != nil
        let old = hasBase ? try selection.files(ofRevision: first ?? "HEAD", session) : []
        let new = try second.map { try selection.files(ofRevision: $0, session) } ?? selection.filesOfWorkTree(session)
        let names = (old: first ?? "HEAD", new: second ?? "workspace")
        for (name, files) in [(names.old, old), (names.new, new)] {
            for file in files where !file.isAbsent {
                if let problem = file.problem { session.ui.warning("\(name): \(problem.message)") }
            }
        }
        let diff = ValueDiff(
            old: ValueSelection.values(old), new: ValueSelection.values(new), includesEqual: all)
        if output.json { return session.ui.write(diff.json.compact() + "\n") }
        if diff.rows.isEmpty && !output.csv { return }
        let view = DiffView(
            title: kind == .metrics ? "Metric" : "Param", old: names.old, new: names.new,
            hasChange: kind == .metrics, showsPath: !noPath, precision: output.decimals)
        session.ui.write(output.format.text(view.table(diff)))
    }
}

/// Rows of a params or metrics diff as DVC prints them.
struct DiffView {
    var title: String
    var old: String
    var new: String
    var hasChange: Bool
    var showsPath = true
    var precision: Int? = 5

    func table(_ diff: ValueDiff) -> PlainTable {
        var table = PlainTable((showsPath ? ["Path"] : []) + [title, old, new] + (hasChange ? ["Change"] : []))
        func spell(_ value: JSON?) -> String { ValueText.spell(value, precision: precision) }
        for row in diff.rows {
            table.rows.append(
                (showsPath ? [row.file] : []) + [row.key, spell(row.old), spell(row.new)]
                    + (hasChange ? [spell(row.change)] : []))
        }
        return table
    }
}

struct MetricsShow: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show metrics.")
    @OptionGroup var options: ValueShowOptions
    func run() throws { try options.run(.metrics) }
}

struct MetricsDiff: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "diff", abstract: "Compare metrics of two revisions.")
    @OptionGroup var options: ValueDiffOptions
    func run() throws { try options.run(.metrics) }
}

struct ParamsShow: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show params.")
    @OptionGroup var options: ValueShowOptions
    func run() throws { try options.run(.params) }
}

struct ParamsDiff: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "diff", abstract: "Compare params of two revisions.")
    @Flag(help: "Only params that stages depend on.") var deps = false
    @OptionGroup var options: ValueDiffOptions
    func run() throws { try options.run(.params, stagesOnly: deps) }
}
