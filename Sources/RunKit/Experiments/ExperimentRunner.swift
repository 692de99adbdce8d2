import Base
import DataKit
import GitKit
import Pipelines
import Records

/// Runs experiments in scratch work trees.
public struct ExperimentRunner: Sendable {
    /// What to run.
    public struct Request: Sendable {
        public var name: String
        public var base: GitID
        /// The files to begin with.
        public var tree: GitID
        public var ranges: [ParamRange]
        public var point: ParamPoint
        /// Targets and flags of `repro`.
        public var arguments: [String]
        public var replacing = false
        /// The first line of the commit's message, in place of one of ours.
        public var summary: String?
        /// Untracked paths, from the top, that go along.
        public var copies: [String] = []

        public init(
            name: String, base: GitID, tree: GitID, ranges: [ParamRange], point: ParamPoint, arguments: [String]
        ) {
            self.name = name
            self.base = base
            self.tree = tree
            self.ranges = ranges
            self.point = point
            self.arguments = arguments
        }

        /// By name of the param.
        public var set: JSONObject { JSONObject(zip(ranges, point).map { ($0.name, $1) }) }

        /// As `--set` takes them.
        public var assignments: [String] {
            zip(ranges, point).map { "\($0.mayAdd ? "+" : "")\($0.file):\($0.key)=\($1.compact())" }
        }
    }

    private let runs: RunRepository
    private let program: String
    private let host: String?

    /// - Parameter program: path of `git-mlrun`.
    public init(_ runs: RunRepository, program: String, host: String?) {
        self.runs = runs
        self.program = program
        self.host = host
    }

    /// The files the user sees, as a tree: what is staged, and changes of tracked files. The user's index stays as it is.
    ///
    /// - Parameter including: untracked paths that count too.
    public func currentTree(including paths: [String] = []) throws -> GitID {
        let repository = runs.repository
        _ = try repository.requireWorkTree()
        let index = Files.temporaryName(beside: repository.gitDirectory + "/mlrun/index")
        try Files.makeDirectories(Files.parent(of: index))
        defer { try? Files.remove(index) }
        if Files.exists(repository.indexPath) { try Files.copy(repository.indexPath, to: index) }
        let environment: [String: String?] = ["GIT_INDEX_FILE": index]
        try repository.git.run(["add", "--update", "--", ":/"], environment: environment)
        if !paths.isEmpty {
            let literal = environment.merging(["GIT_LITERAL_PATHSPECS": "1"]) { $1 }
            let top = GitCommand(directory: try repository.requireWorkTree())
            try top.run(["add", "--force", "--"] + paths, environment: literal)
        }
        let text = try repository.git.run(["write-tree"], environment: environment).text
        guard let id = GitID(text.dropLast()) else {
            throw MLError(.failed, "git write-tree did not answer with an id")
        }
        return id
    }

    /// Puts a request into the queue.
    public func enqueue(_ request: Request) throws -> Experiment {
        // Mistyped params are found now, not when the queue runs.
        let tree = try changed(request)
        var experiment = Experiment(name: request.name, state: .queued, base: request.base, set: request.set)
        experiment.arguments = request.arguments
        experiment.assignments = request.assignments
        experiment.summary = request.summary
        experiment.copies = request.copies
        experiment.params = (try? runs.params(ofTree: tree)) ?? [:]
        if runs.experiments.exists(request.name) && !request.replacing { throw ExperimentStore.taken(request.name) }
        return try runs.experiments.save(experiment, tree: tree, replacing: request.replacing)
    }

    /// The tree with the params set.
    private func changed(_ request: Request) throws -> GitID {
        var changes: [(path: String, blob: GitID?)] = []
        for (file, bytes) in try edited(
            request,
            { path in
                guard let entry = try runs.repository.entry(inTree: request.tree, at: path) else { return nil }
                return try runs.repository.readBlob(entry.id)
            })
        {
            changes.append((file, try runs.repository.writeBlob(bytes)))
        }
        return changes.isEmpty ? request.tree : try runs.repository.writeTree(updating: request.tree, changes)
    }

    private func edited(_ request: Request, _ read: (String) throws -> [UInt8]?) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for (range, value) in zip(request.ranges, request.point) {
            guard let bytes = try files[range.file] ?? read(range.file) else {
                throw MLError(
                    .notFound, "the param file '\(range.file)' does not exist in the commit or the index",
                    hint: "'git add' it; another file's params are set with --set FILE:KEY=VALUE")
            }
            files[range.file] = try ParamEdit.set(
                range.key, to: value, in: bytes, name: range.file, mayAdd: range.mayAdd)
        }
        return files
    }

    /// Runs a request and keeps what came of it, also when it failed.
    ///
    /// - Parameters:
    ///   - watch: given the values recorded so far, whether to stop; asked a few times a second.
    /// - Throws: only when the experiment could not begin or not be kept; a run that fails is an experiment that failed.
    public func run(_ request: Request, watch: ((RecordedValues) -> Bool)? = nil) throws -> Experiment {
        if runs.experiments.exists(request.name) && !request.replacing { throw ExperimentStore.taken(request.name) }
        return try run(
            begun(request), tree: changed(request), replacing: request.replacing, watch: watch)
    }

    /// What `repro --dry` says of a request; nothing is kept.
    public func plan(_ request: Request) throws -> [UInt8] {
        let scratch = try ScratchTree(runs.repository, commit: request.base, tree: changed(request))
        defer { scratch.remove() }
        let outcome = try PipelineRun(program: program, arguments: request.arguments + ["--dry"]).run(in: scratch)
        guard outcome.succeeded else {
            throw MLError(
                .failed, String(decoding: outcome.log, as: UTF8.self).split(separator: "\n").joined(separator: "; "))
        }
        return outcome.log
    }

    /// Runs what waits in the queue; its place there is given up once the result is kept.
    public func run(queued: Experiment) throws -> Experiment {
        guard let commit = queued.commit else { throw MLError(.notFound, "'\(queued.name)' is not in the queue") }
        let result = try run(queued, tree: commit.tree, replacing: true, watch: nil)
        try runs.experiments.remove([queued])
        return result
    }

    private func begun(_ request: Request) -> Experiment {
        var experiment = Experiment(name: request.name, state: .queued, base: request.base, set: request.set)
        experiment.arguments = request.arguments
        experiment.assignments = request.assignments
        experiment.summary = request.summary
        experiment.copies = request.copies
        return experiment
    }

    private func run(
        _ waiting: Experiment, tree: GitID, replacing: Bool, watch: ((RecordedValues) -> Bool)?
    ) throws -> Experiment {
        let scratch = try ScratchTree(runs.repository, commit: waiting.base, tree: tree)
        defer { scratch.remove() }
        try copy(waiting.copies, to: scratch.path)
        let here = try RunRepository(DataRepository(discoveringFrom: scratch.path))
        let inbox = RecordedFile(here.repository)
        let outcome = try PipelineRun(program: program, arguments: waiting.arguments).run(
            in: scratch, shouldStop: watch.map { watch in { watch(inbox.peek()) } })
        var experiment = waiting
        experiment.commit = nil
        experiment.state = outcome.wasStopped ? .stopped : outcome.succeeded ? .done : .failed
        experiment.duration = outcome.duration
        experiment.host = host
        // The pipeline of a failed run may be what is broken.
        if let snapshot = try? here.snapshotOfWorkTree() {
            experiment.params = snapshot.params
            // Behind a stage that failed, what is there of an earlier run is no result of this one.
            let claims = snapshot.claims.filter { claim in
                outcome.succeeded
                    || claim.stage.dependencies.allSatisfy { Files.exists(scratch.path + "/" + $0) }
            }
            experiment.metrics = Snapshot.metrics(of: claims.map(\.record))
            for claim in claims {
                for (metric, series) in claim.record.steps.pairs { experiment.steps[metric] = series }
            }
            experiment.files = (try? here.stageFilesOfWorkTree()) ?? StageFiles()
        }
        if !outcome.succeeded {
            let begun = inbox.peek()
            if experiment.metrics.isEmpty, !begun.metrics.isEmpty { experiment.metrics[""] = .object(begun.metrics) }
            for (metric, series) in begun.steps.pairs { experiment.steps[metric] = series }
        }
        experiment.log = try runs.records.keep(log: outcome.log)
        return try runs.experiments.save(experiment, tree: scratch.write(), replacing: replacing)
    }

    /// Copies untracked files and folders into a scratch work tree.
    private func copy(_ paths: [String], to scratch: String) throws {
        if paths.isEmpty { return }
        let top = try runs.repository.requireWorkTree()
        for path in paths {
            let target = scratch + "/" + path
            try Files.makeDirectories(Files.parent(of: target))
            let words = ["cp", "-R", "-p", "--", top + "/" + path, target]
            let answer = try Subprocess(words).run()
            guard answer.status == 0 else {
                throw MLError(
                    .failed, "'\(path)' cannot be copied: \(answer.errorText.split(separator: "\n").joined())")
            }
        }
    }
}
