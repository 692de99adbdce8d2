import Base
import DataKit
import GitKit
import ObjectStore
import Pipelines
import Records

/// A repository with the run side of it: pipelines, records, notes.
public struct RunRepository: Sendable {
    public let data: DataRepository
    public let records: RecordStore
    public let notes: NoteBook
    private let names: PipelineNames
    public var repository: Repository { data.repository }

    /// - Parameter packages: lists the versions of packages that a run can see, for its record.
    public init(_ data: DataRepository, packages: @escaping @Sendable () -> String = { "" }) throws {
        self.data = data
        let store = LazyStore(data)
        records = RecordStore(data.repository, packages: packages) { try OutputKeeper.has($0, in: store.open()) }
        notes = NoteBook(data.repository)
        names = PipelineNames(data.repository)
    }

    /// Ids of work tree files by stat data, so that unchanged files are not hashed again. Save it after use.
    public func statCache() -> StatCache { StatCache(path: repository.gitDirectory + "/mlrun/stat-cache") }

    /// The work tree as content.
    public func workTreeContent(_ cache: StatCache) throws -> WorkTreeContent {
        let repository = data.repository
        let root = try repository.requireWorkTree()
        let ignore = DVCIgnore(root: root)
        return WorkTreeContent(root: root, cache: cache) { path in
            let isFolder = Files.isDirectory(root + "/" + path)
            if ignore.ignores(path, isFolder: isFolder, below: Files.parent(of: path)) { return true }
            // Inside a folder that is ignored as a whole nothing is left out: it is an output Git does not keep.
            return repository.isIgnored(path) && !repository.isIgnored(Files.parent(of: path))
        }
    }

    /// A commit as content.
    ///
    /// - Parameter fetch: brings content the store lacks; by default nothing is fetched and reading it fails.
    public func content(
        of commit: Commit, fetch: @escaping ContentFetch = { _ in }
    ) -> CommitContent {
        CommitContent(data, tree: commit.tree, fetch: fetch)
    }

    /// The pipelines of the work tree.
    public func project(_ content: WorkTreeContent) throws -> Project {
        let listing = try repository.git.run(
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
                + PipelineFile.names.flatMap { [$0, "**/" + $0] })
        let names = Set(listing.output.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
        return try Project(
            paths: RunRepository.pipelines(names.filter { Files.exists(content.root + "/" + $0) }), content: content)
    }

    /// The pipelines of a commit; nil when it has none.
    public func project(of commit: Commit, _ content: CommitContent) throws -> Project? {
        try project(ofTree: commit.tree, content)
    }

    func project(ofTree tree: GitID, _ content: CommitContent) throws -> Project? {
        let names = try names.find(inTree: tree)
        return names.isEmpty ? nil : try Project(paths: RunRepository.pipelines(names), content: content)
    }

    /// Where a folder has both spellings, ours counts: the other is there for those who go back and forth.
    private static func pipelines(_ names: some Collection<String>) -> [String] {
        let all = Set(names)
        return all.filter { name in
            guard Files.lastComponent(of: name) == "dvc.yaml" else { return true }
            return !all.contains(String(name.dropLast("dvc.yaml".count)) + "mlrun.yaml")
        }.sorted()
    }
}

/// Opens the store at first use: most commands on runs never need it.
private final class LazyStore: @unchecked Sendable {
    private let data: DataRepository
    private let mutex = Mutex()
    private var store: ObjectStore?

    init(_ data: DataRepository) { self.data = data }

    func open() throws -> ObjectStore {
        try mutex.withLock {
            if let store { return store }
            let opened = try data.openStore()
            store = opened
            return opened
        }
    }
}
