import Base
import DVCImport
import DataKit
import GitKit
import ObjectStore

/// Takes a repository over from DVC: what its cache has goes into the store and pointers into the index.
///
/// Pipelines stay: `dvc.yaml`, `dvc.lock` and parameters are left as they are. A run that was interrupted goes on when it is
/// repeated.
public final class DVCMigration {
    /// One file that DVC tracks.
    public struct File: Hashable, Sendable {
        public var path: String
        /// Where its content was found: in the work tree, the cache or a remote folder.
        public var source: String
        public var size: Int64
        var isExecutable: Bool
    }

    public struct Outcome: Sendable {
        public var files = 0
        public var bytes: Int64 = 0
        public var storedBytes: Int64 = 0
        /// Files that were links into DVC's cache.
        public var unlinked = 0
        public var patterns: [String] = []
        public var removed: [String] = []
        /// Hooks of DVC that were removed.
        public var hooks: [String] = []
    }

    /// Files to take over, sorted by path.
    public private(set) var files: [File] = []
    /// Paths whose content is in no cache and no remote that can be read here.
    public private(set) var missing: [String] = []
    /// What is left as it is, and why.
    public private(set) var notices: [String] = []
    /// Remotes that only DVC can read, as `name (url)`.
    public private(set) var foreignRemotes: [String] = []
    /// Whether there are pipelines, which stay.
    public private(set) var hasPipelines = false

    let data: DataRepository
    let top: String
    private(set) var patterns: [[UInt8]] = []
    private(set) var ignoreLines: [String: Set<String>] = [:]
    private(set) var obsolete: [String] = []
    private var pending: [(path: String, hash: DVCHash, isExecutable: Bool)] = []
    private var configurations: [String: DVCConfiguration] = [:]
    let tracked: [String: IndexEntry]
    private let trackedFolders: Set<String>

    /// Finds out what there is to do; nothing is changed.
    ///
    /// - Throws: `MLError(.invalidInput)` for files that are not DVC's; `MLError(.conflict)` for data that was changed
    ///   since DVC saw it.
    public init(_ data: DataRepository, progress: any ProgressReporter) throws {
        self.data = data
        top = try data.repository.requireWorkTree()
        tracked = try IndexFile(path: data.repository.indexPath).entriesByPath()
        trackedFolders = Set(tracked.keys.flatMap(DVCMigration.foldersAbove))
        try findRoots()
        for path in try list(["*.dvc"]) where Files.lastComponent(of: path) != ".dvc" {
            guard Files.status(top + "/" + path)?.isRegular == true else { continue }
            try plan(DVCFile(Files.read(top + "/" + path), path: path))
        }
        for path in try list(["dvc.lock", "**/dvc.lock"]) where Files.exists(top + "/" + path) {
            hasPipelines = true
            let pipeline = Files.join(Files.parent(of: top + "/" + path), "dvc.yaml")
            try plan(
                DVCFile(
                    lock: Files.read(top + "/" + path), pipeline: Files.exists(pipeline) ? Files.read(pipeline) : [],
                    path: path))
        }
        try locate(progress)
    }

    /// A repository of DVC's is a folder with a `.dvc` in it, usually the top.
    private func findRoots() throws {
        let roots = try list([".dvc/config", "**/.dvc/config"]).map { Files.parent(of: Files.parent(of: $0)) }
        for root in roots {
            let configuration = try DVCConfiguration(directory: Files.join(top, Files.join(root, ".dvc")))
            configurations[root == "." ? "" : root] = configuration
            foreignRemotes += configuration.foreign.map { "\($0.name) (\($0.url))" }
        }
        guard !roots.isEmpty else {
            throw MLError(
                .notFound, "DVC is not set up in this repository: there is no '.dvc/config'",
                hint: "run the command where 'dvc init' was run")
        }
    }

    private func list(_ patterns: [String]) throws -> [String] {
        let answer = try data.repository.git.run(
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"] + patterns.map { ":(glob)" + $0 }
                + patterns.filter { !$0.contains("/") }.map { ":(glob)**/" + $0 })
        return Set(answer.output.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }).sorted()
    }

    /// `a` and `a/b` for `a/b/c`.
    private static func foldersAbove(_ path: String) -> [String] {
        path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) }
    }

    private func configuration(for path: String) -> DVCConfiguration? {
        let roots = configurations.keys.filter { $0.isEmpty || path.hasPrefix($0 + "/") }
        return roots.max { $0.count < $1.count }.flatMap { configurations[$0] }
    }

    private func plan(_ file: DVCFile) throws {
        let isLock = Files.lastComponent(of: file.path) == "dvc.lock"
        notices += file.notices
        for output in file.outputs {
            // Metrics are in Git, and so is what an earlier run has done: the index changes in one step.
            if tracked[output.path] != nil || trackedFolders.contains(output.path) { continue }
            for folder in DVCMigration.foldersAbove(output.path)
            where Files.status(top + "/" + folder)?.isSymbolicLink == true {
                throw MLError(
                    .conflict, "'\(output.path)' is behind the symbolic link '\(folder)'",
                    hint: "git does not look behind links; make it a folder, and run the command again")
            }
            patterns.append(
                AttributeLines.exactPattern(Array(output.path.utf8)) + (output.isFolder ? Array("/**".utf8) : []))
            let folder = Files.parent(of: output.path)
            ignoreLines[folder == "." ? ".gitignore" : folder + "/.gitignore", default: []]
                .insert("/" + Files.lastComponent(of: output.path))
            try plan(output)
        }
        if isLock { return }
        if file.hasSource {
            notices.append("'\(file.path)' stays: it says where the data came from")
        } else if file.notices.isEmpty {
            obsolete.append(file.path)
        } else {
            notices.append("'\(file.path)' stays: not all of it was taken over")
        }
    }

    private func plan(_ output: DVCOutput) throws {
        guard output.isFolder else {
            pending.append((output.path, output.hash, output.isExecutable))
            return
        }
        guard let manifest = try find(output.hash, isFolder: true, for: output.path) else {
            missing.append(output.path + "/ (its list of files)")
            return
        }
        for entry in try DVCManifest.parse(Files.read(manifest), isLegacy: output.hash.isLegacy, name: manifest) {
            pending.append((output.path + "/" + entry.path, entry.hash, false))
        }
    }

    /// A file with this content in the cache or a remote folder; damaged ones are passed over.
    private func find(_ hash: DVCHash, isFolder: Bool, for path: String) throws -> String? {
        for folder in configuration(for: path)?.folders ?? [] {
            for name in hash.paths(isFolder: isFolder) {
                let candidate = folder + "/" + name
                if Files.status(candidate)?.isRegular == true, try hash.matches(candidate) { return candidate }
            }
        }
        return nil
    }

    /// Where each file's content is: in its place, or in a cache.
    private func locate(_ progress: any ProgressReporter) throws {
        let work = Dictionary(pending.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first }).values
            .sorted { $0.path < $1.path }
        let folders = work.map { configuration(for: $0.path)?.folders ?? [] }
        let top = top
        let done = Tally()
        // Hashing is what takes time.
        let found = try parallelMap(count: work.count) { index -> Found in
            defer { progress.report("Checking content", completed: done.increment(), total: work.count, detail: "") }
            return try Found(work[index].hash, at: top + "/" + work[index].path, caches: folders[index])
        }
        for (item, found) in zip(work, found) {
            switch found {
            case .nowhere: missing.append(item.path)
            case .changed:
                throw MLError(
                    .conflict, "'\(item.path)' is not what DVC has noted: it was changed since",
                    hint: "keep the change with 'dvc commit', or drop it with 'dvc checkout', and run the command again"
                )
            case .at(let source):
                guard let status = Files.followedStatus(source) else { continue }
                files.append(
                    File(
                        path: item.path, source: source, size: status.size,
                        isExecutable: item.isExecutable || (source == top + "/" + item.path && status.isExecutable)))
            }
        }
    }

    private enum Found: Sendable {
        case at(String)
        case changed
        case nowhere

        init(_ hash: DVCHash, at path: String, caches: [String]) throws {
            let here = Files.followedStatus(path)?.isRegular == true
            if here, try hash.matches(path) {
                self = .at(path)
                return
            }
            // A link into the cache is not the user's own data: its content may be damaged, but nothing is lost.
            if here, Files.status(path)?.isSymbolicLink == false {
                self = .changed
                return
            }
            for folder in caches {
                for name in hash.paths(isFolder: false) {
                    let candidate = folder + "/" + name
                    if Files.status(candidate)?.isRegular == true, try hash.matches(candidate) {
                        self = .at(candidate)
                        return
                    }
                }
            }
            self = .nowhere
        }
    }
}
