import Base
import DataKit
import GitKit
import ObjectStore

/// Rewrites history so that files become pointers, or pointers become files again.
///
/// Nothing refers to the new commits until one transaction moves all refs; before it, a failure or a kill changes nothing.
/// Where the refs were stays under `refs/original/mldata/`.
public final class HistoryMigration {
    public enum Direction: Sendable {
        /// Files into pointers.
        case toPointers
        /// Pointers into files.
        case toFiles
    }

    public struct Options: Sendable {
        public var everything = false
        public var includeRefs: [String] = []
        public var excludeRefs: [String] = []
        public var above: Int64?
        /// Patterns as in `.gitattributes`.
        public var include: [String] = []
        public var exclude: [String] = []
        /// Where to write `old,new` lines, one a commit; nil for nowhere.
        public var objectMap: String?

        public init() {}
    }

    public struct Outcome: Sendable {
        public var commits = 0
        public var rewritten = 0
        public var refs: [String] = []
        /// Where the old refs are; empty when none moved.
        public var backup = ""
        public var droppedSignatures = 0
        public var copiedNotes = 0
        /// Bytes the store grew by.
        public var storedBytes: Int64 = 0
        /// Branches and tags that still have the old commits.
        public var refsWithOldCommits: [String] = []
    }

    private let data: DataRepository
    private let direction: Direction
    private let options: Options
    private let history: HistorySelection
    private let batch: ObjectBatch
    private let importer: PointerImport
    private let exporter: PointerExport
    private let rewriter: HistoryRewriter

    /// Looks at the history; nothing is written.
    ///
    /// - Throws: `MLError(.usage)` for patterns that are none; `MLError(.notFound)` for refs that do not exist.
    public init(
        _ data: DataRepository, _ direction: Direction, _ options: Options, progress: any ProgressReporter
    ) throws {
        self.data = data
        self.direction = direction
        self.options = options
        history = try HistorySelection(
            data.repository, everything: options.everything, include: options.includeRefs, exclude: options.excludeRefs)
        let selection = FileSelection(
            above: options.above, include: try options.include.map { try AttributePattern($0) },
            exclude: try options.exclude.map { try AttributePattern($0) })
        batch = try ObjectBatch(data.repository)
        importer = PointerImport(batch, selection, patterns: options.include.map(TrackedPatterns.escape))
        exporter = PointerExport(batch, selection, patterns: options.include.map(TrackedPatterns.escape))
        rewriter = HistoryRewriter(batch)
        for (index, id) in history.commits.enumerated() {
            guard let tree = try batch.withObject(id, .commit, { RawHeader(parsing: $0) }).ids("tree").first else {
                throw MLError(.corrupt, "commit \(id) has no tree")
            }
            switch direction {
            case .toPointers: try importer.scan(root: tree)
            case .toFiles: try exporter.scan(root: tree)
            }
            progress.report("Looking at commits", completed: index + 1, total: history.commits.count, detail: "")
        }
    }

    /// Contents that will change their form, each once.
    public var files: [MigrationFile] { direction == .toPointers ? importer.found : exporter.found }

    /// Commits looked at.
    public var commitCount: Int { history.commits.count }

    /// Does it.
    ///
    /// - Throws: `MLError(.conflict)` for a work tree with changes, another work tree on a branch that moves, or refs that
    ///   moved meanwhile; `MLError(.missingObject)` when content is nowhere to be had. Then no ref has moved.
    public func run(progress: any ProgressReporter) throws -> Outcome {
        var outcome = Outcome(commits: history.commits.count)
        if files.isEmpty { return outcome }
        let checkout = try WorkTreeSwitch(data, refs: history.refs)
        try checkout.requireClean()
        let store = try data.openStore()
        let editor: any TreeEditor
        switch direction {
        case .toPointers:
            outcome.storedBytes = try importer.storeContent(data.repository, store, progress)
            editor = importer
        case .toFiles:
            try Downloader(data).require(exporter.needed, progress: progress)
            try exporter.writeContent(store, progress)
            editor = exporter
        }
        try rewriter.rewrite(history.commits, editor, progress: progress)
        outcome.rewritten = rewriter.map.lazy.filter { $0.key != $0.value }.count
        if outcome.rewritten == 0 { return outcome }

        var transaction = RefTransaction(data.repository)
        for name in history.refs {
            guard let old = data.repository.reference(name) else { continue }
            transaction.move(name, from: old, to: try rewriter.rewrite(target: old))
        }
        outcome.refs = transaction.moves.map(\.name)
        outcome.droppedSignatures = rewriter.droppedSignatures
        try batch.flush()
        outcome.copiedNotes = try CommitNotes(data.repository).copy(rewriter.map, &transaction)
        if let path = options.objectMap { try writeMap(path) }
        let before = try data.repository.head()?.tree
        outcome.backup = try transaction.commit(
            message: "mldata migrate \(direction == .toPointers ? "import" : "export")")
        if let before, let after = try data.repository.head()?.tree, before != after {
            try checkout.update(from: before, to: after, progress: progress)
        }
        outcome.refsWithOldCommits = try refsWithOldCommits()
        return outcome
    }

    private func writeMap(_ path: String) throws {
        let lines = rewriter.order.compactMap { old in rewriter.map[old].map { "\(old.hex),\($0.hex)\n" } }
        try Files.writeAtomically(lines.joined(), to: path)
    }

    private func refsWithOldCommits() throws -> [String] {
        // All others descend from the first one that changed, or were changed for the same reason later.
        guard let first = rewriter.order.first(where: { rewriter.map[$0] != $0 }) else { return [] }
        return try data.repository.git.run([
            "for-each-ref", "--contains", first.hex, "--format=%(refname:short)", "refs/heads", "refs/tags",
        ]).text.split(separator: "\n").map(String.init)
    }
}
