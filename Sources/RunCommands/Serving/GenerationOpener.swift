import Base
import CommandKit
import DataKit
import GitKit
import ModelKit
import Serving

/// Opens the model that is to be served, and lets it answer before anybody else asks.
struct GenerationOpener {
    /// What answers a generation's texts.
    enum Hosting {
        /// So many threads of this process.
        case threads(Int)
        /// Processes, continuing as a user.
        case replicas(user: String?)
    }

    private let given: ServedModel.Source
    /// A revision as it was given.
    private let revision: String?
    private let ui: UserInterface
    /// The full name of the ref that is followed.
    let reference: String?
    let data: DataRepository?

    init(
        source: String?, model: String?, follow: String?, command: String?, timeout: Double, ui: UserInterface
    ) throws {
        guard [source, follow, command].compactMap({ $0 }).count <= 1 else {
            throw MLError(.usage, "a revision, '--follow' and '--predictor' exclude each other")
        }
        self.ui = ui
        let data = try? DataRepository()
        self.data = data
        reference = try follow.map { try GenerationOpener.reference($0, data) }
        var given = ServedModel.Source(path: model, command: command, timeout: timeout)
        var revision = source
        // A path of the work tree that is no revision.
        if let source, model == nil, Files.exists(source), (try? data?.repository.commit(source)) == nil {
            (given.path, revision) = (source, nil)
        } else if let name = source, let colon = name.firstIndex(of: ":"), colon != name.startIndex {
            (revision, given.path) = (String(name[..<colon]), String(name[name.index(after: colon)...]))
        } else if source == nil, command == nil, follow == nil, model.map({ !Files.exists($0) }) ?? true, data != nil {
            revision = "HEAD"
        }
        self.given = given
        self.revision = revision
    }

    /// Whether what it opens is a commit's, and not a file or a program.
    var isOfCommit: Bool { reference != nil || revision != nil }

    /// The full id of the commit a ref points to now; nil when it is gone.
    func target(of reference: String) -> String? {
        guard let data else { return nil }
        return (try? data.repository.commit(reference))?.id.hex
    }

    /// What is served, or would be of another commit.
    func source(commit: String? = nil) throws -> ServedModel.Source {
        var source = given
        source.commit = commit
        if source.commit == nil, let name = reference ?? revision {
            guard let data else {
                throw MLError(
                    .notARepository, "'\(name)' is no file, and this is no repository",
                    hint: "go to one with 'cd' or -C DIR")
            }
            source.commit = try data.repository.commit(name).id.hex
        } else if source.commit == nil, let path = source.path {
            source.taken = try ExportedModel.commit(of: path)
        }
        return source
    }

    /// - Parameters:
    ///   - commit: another one than what was asked for.
    ///   - replicas: how many processes, where it is processes.
    func open(
        number: Int, commit: String? = nil, hosting: Hosting, replicas: Int = 1, limits: LimitOptions,
        metrics: ServiceMetrics
    ) throws -> Generation {
        let source = try source(commit: commit)
        let queue = limits.queue(metrics)
        switch hosting {
        case .threads(let threads):
            let model = try ServedModel(source, data, ui)
            try model.check()
            return Generation(
                number: number, version: source.version, model: model.name, predictor: model.predictor, queue: queue,
                threads: threads, isQuick: model.isShareable, reference: model.reference)
        case .replicas(let user):
            let (version, ui) = (source.version, ui)
            let arguments = ServeReplica.arguments(source, user: user)
            let pool = ReplicaPool(queue, version: version, metrics: metrics) {
                ui.warning("\(GenerationOpener.short(version)): \($0)")
            } launch: {
                try HelperProcess(arguments: arguments)
            }
            let hello = try pool.start(replicas)
            return Generation(
                number: number, version: version, model: hello.model, labels: hello.labels, queue: queue, engine: pool,
                reference: hello.reference.flatMap { try? ReferenceDistribution($0) })
        }
    }

    /// Finds out whether a commit can be served, without serving it.
    func check() throws { try ServedModel(source(), data, ui).check() }

    private static func reference(_ name: String, _ data: DataRepository?) throws -> String {
        guard let data else {
            throw MLError(.notARepository, "'--follow' needs a repository", hint: "go to one with 'cd' or -C DIR")
        }
        let found = [name, "refs/heads/" + name, "refs/remotes/" + name, "refs/tags/" + name].first {
            $0.hasPrefix("refs/") && data.repository.reference($0) != nil
        }
        guard let found else {
            throw MLError(
                .notFound, "there is no ref '\(name)' to follow", hint: "make it with 'git branch \(name)'")
        }
        return found
    }

    /// The beginning of a commit's id, for people.
    static func short(_ version: String) -> String {
        version.utf8.count == 40 ? "commit " + version.prefix(10) : version
    }
}
