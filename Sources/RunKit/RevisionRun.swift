import Base
import DataKit
import GitKit
import Pipelines
import Records

/// Runs the pipeline of committed revisions, or one stage of it, in scratch work trees.
public struct RevisionRun: Sendable {
    /// A file taken from another revision.
    public struct Replacement: Hashable, Sendable {
        public var path: String
        public var revision: String
        /// As typed: `data/test.tsv@main`.
        public var text: String { "\(path)@\(revision)" }

        /// - Throws: `MLError(.usage)` for what is not PATH@REV.
        public init(_ text: String) throws {
            guard let cut = text.lastIndex(of: "@"), cut != text.startIndex, text.index(after: cut) != text.endIndex
            else {
                throw MLError(.usage, "'\(text)' is not PATH@REV", hint: "an example: data/test.tsv@main")
            }
            path = String(text[..<cut])
            revision = String(text[text.index(after: cut)...])
        }
    }

    /// What came of one revision.
    public struct Outcome: Sendable {
        public var commit: Commit
        /// `{file: {key: value}}`
        public var metrics: JSONObject = [:]
        /// Whether records answered already.
        public var wasKnown = false
        /// The end of the log of a run that failed; nil when it succeeded.
        public var failure: String?
    }

    private let runs: RunRepository
    private let program: String
    private let stages: [String]
    private let arguments: [String]
    private let replacements: [(replacement: Replacement, entry: TreeEntry)]

    /// - Parameters:
    ///   - program: path of `git-mlrun`.
    ///   - stages: only these, without what they depend on; empty for all.
    ///   - arguments: flags for every `repro`.
    /// - Throws: `MLError(.notFound)` for a replacement that does not exist.
    public init(
        _ runs: RunRepository, program: String, stages: [String] = [], with replacements: [Replacement] = [],
        arguments: [String] = []
    )
        throws
    {
        self.runs = runs
        self.program = program
        self.stages = stages
        self.arguments = arguments
        self.replacements = try replacements.map { replacement in
            let commit = try runs.repository.commit(replacement.revision)
            guard let entry = try runs.repository.entry(inTree: commit.tree, at: replacement.path) else {
                throw MLError(.notFound, "path '\(replacement.path)' does not exist in '\(replacement.revision)'")
            }
            return (replacement, entry)
        }
    }

    /// The metrics that records already hold for a commit; nil when it has to run.
    public func known(_ commit: Commit) throws -> JSONObject? {
        let labels = labels
        let content = runs.content(of: commit)
        guard let project = try runs.project(of: commit, content) else { return nil }
        let wanted = try wanted(project)
        if wanted.isEmpty { return nil }
        let claimed = labels.isEmpty ? try Claims.find(wanted, content: content, index: runs.records).map(\.record) : []
        let later = try runs.records.attachedRuns(toTree: commit.tree).filter { $0.replacedFiles == labels }
        var snapshot = Snapshot()
        for stage in wanted {
            guard
                let record = claimed.first(where: { $0.stage == stage.address })
                    ?? later.first(where: { $0.stage == stage.address })
            else { return nil }
            snapshot.takeMetrics(of: record)
        }
        return snapshot.metrics
    }

    /// Answers from records, or runs and records.
    public func run(_ commit: Commit) throws -> Outcome {
        var outcome = Outcome(commit: commit)
        if let metrics = try known(commit) {
            outcome.metrics = metrics
            outcome.wasKnown = true
            return outcome
        }
        let tree = try ScratchTree(runs.repository, commit: commit.id)
        defer { tree.remove() }
        for (replacement, entry) in replacements {
            let spec = "\(String(entry.mode, radix: 8)),\(entry.id),\(replacement.path)"
            if entry.mode == 0o040000 {
                try tree.inside(["rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", replacement.path])
                try tree.inside(["read-tree", "--prefix=\(replacement.path)/", entry.id.hex])
            } else {
                try tree.inside(["update-index", "--add", "--cacheinfo", spec])
            }
            try tree.inside(["checkout-index", "--force", "--all"])
        }
        let arguments = self.arguments + (stages.isEmpty ? ["--all-pipelines"] : ["--single-item"] + stages)
        let result = try PipelineRun(program: program, arguments: arguments).run(in: tree)
        guard result.succeeded else {
            let lines = String(decoding: result.log, as: UTF8.self).split(separator: "\n")
            outcome.failure = lines.suffix(5).joined(separator: "\n")
            return outcome
        }
        let here = try RunRepository(DataRepository(discoveringFrom: tree.path))
        let snapshot = try here.snapshotOfWorkTree()
        let names = Set(try wanted(here.project(here.workTreeContent(here.statCache()))).map(\.address))
        let records = snapshot.claims.map(\.record).filter { names.contains($0.stage) }
        try runs.records.append(
            records.map {
                Attachment.attached($0, toTree: commit.tree.hex, commit: commit.id.hex, with: labels)
            })
        var part = Snapshot()
        for record in records { part.takeMetrics(of: record) }
        outcome.metrics = part.metrics
        try runs.note([commit])
        return outcome
    }

    private var labels: [String] { replacements.map { "\($0.replacement.path)@\($0.entry.id.hex)" } }

    private func wanted(_ project: Project) throws -> [Stage] {
        if stages.isEmpty { return project.stages }
        return try stages.flatMap { try project.graph.resolve(target: $0, in: ".") }.map { project.stages[$0] }
    }
}
