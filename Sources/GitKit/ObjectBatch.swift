import Base
import CGit2

/// Reads raw objects and collects new ones in memory, to be written as packs: what rewriting a history needs.
///
/// Has a handle of its own on the repository; one instance belongs to one thread. Nothing refers to what it wrote until
/// `flush` has returned, so a killed process leaves at most unused packs.
public final class ObjectBatch {
    /// What an object is.
    public enum Kind: Sendable {
        case blob, tree, commit, tag

        var raw: git_object_t {
            switch self {
            case .blob: GIT_OBJECT_BLOB
            case .tree: GIT_OBJECT_TREE
            case .commit: GIT_OBJECT_COMMIT
            case .tag: GIT_OBJECT_TAG
            }
        }
    }

    /// More than this, in objects or bytes, is not kept in memory.
    private static let objectLimit = 1 << 16
    private static let byteLimit = 128 << 20

    private let repository: Repository
    private let handle: OpaquePointer
    private let database: OpaquePointer
    private let memory: UnsafeMutablePointer<git_odb_backend>
    private var pending: Set<GitID> = []
    private var pendingBytes = 0

    public init(_ repository: Repository) throws {
        self.repository = repository
        var opened: OpaquePointer?
        let path = repository.gitDirectory
        try LibGit2.check(.io, "cannot open repository '\(path)'") { git_repository_open(&opened, path) }
        guard let handle = opened else { throw MLError(.io, "cannot open repository '\(path)'") }
        var odb: OpaquePointer?
        var backend: UnsafeMutablePointer<git_odb_backend>?
        guard git_repository_odb(&odb, handle) == 0, let database = odb, git_mempack_new(&backend) == 0,
            let memory = backend, git_odb_add_backend(database, memory, 999) == 0
        else {
            if let odb { git_odb_free(odb) }
            git_repository_free(handle)
            throw MLError(.io, "cannot open a pack in memory")
        }
        self.handle = handle
        self.database = database
        self.memory = memory
    }

    deinit {
        git_odb_free(database)
        git_repository_free(handle)
    }

    /// The bytes of an object, handed over without a copy.
    ///
    /// - Throws: `MLError(.corrupt)` when it is not there or of another kind.
    public func withObject<T>(_ id: GitID, _ kind: Kind, _ body: (UnsafeRawBufferPointer) throws -> T) throws -> T {
        var raw = id.raw
        var object: OpaquePointer?
        try LibGit2.check(.corrupt, "cannot read object \(id)") { git_odb_read(&object, database, &raw) }
        defer { git_odb_object_free(object) }
        guard git_odb_object_type(object) == kind.raw else {
            throw MLError(.corrupt, "object \(id) is not a \(kind)")
        }
        return try body(
            UnsafeRawBufferPointer(start: git_odb_object_data(object), count: git_odb_object_size(object)))
    }

    /// Kind and length of an object; nil when it is not here.
    public func header(_ id: GitID) -> (kind: Kind, size: Int)? {
        var raw = id.raw
        var size = 0
        var type = GIT_OBJECT_INVALID
        guard git_odb_read_header(&size, &type, database, &raw) == 0 else { return nil }
        switch type {
        case GIT_OBJECT_BLOB: return (.blob, size)
        case GIT_OBJECT_TREE: return (.tree, size)
        case GIT_OBJECT_COMMIT: return (.commit, size)
        case GIT_OBJECT_TAG: return (.tag, size)
        default: return nil
        }
    }

    /// Takes a new object; one that the repository has already is not stored again.
    public func write(_ kind: Kind, _ bytes: [UInt8]) throws -> GitID {
        if pending.count >= ObjectBatch.objectLimit || pendingBytes >= ObjectBatch.byteLimit { try flush() }
        var oid = git_oid()
        try LibGit2.check(.io, "cannot hash an object") { git_odb_hash(&oid, bytes, bytes.count, kind.raw) }
        let id = GitID(oid)
        // Without looking for new packs first, which lists a folder for every object: one that somebody else writes at this
        // moment may be stored twice.
        if pending.contains(id) || git_odb_exists_ext(database, &oid, GIT_ODB_LOOKUP_NO_REFRESH.rawValue) == 1 {
            return id
        }
        // To the memory itself: the database would look for new packs again.
        try LibGit2.check(.io, "cannot write an object") {
            memory.pointee.write(memory, &oid, bytes, bytes.count, kind.raw)
        }
        pending.insert(id)
        pendingBytes += bytes.count
        return id
    }

    /// Writes a long blob piece by piece, past the memory, as a loose object.
    ///
    /// - Parameters:
    ///   - size: its length.
    ///   - body: sends the content.
    public func writeBlob(size: Int64, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws -> GitID
    {
        var opened: UnsafeMutablePointer<git_odb_stream>?
        var loose: OpaquePointer?
        // A database of its own: the one with the memory in it would keep the whole blob there.
        try LibGit2.check(.io, "cannot open the object database") {
            git_odb_open(&loose, repository.commonDirectory + "/objects")
        }
        defer { git_odb_free(loose) }
        try LibGit2.check(.io, "cannot write a blob") {
            git_odb_open_wstream(&opened, loose, git_object_size_t(size), GIT_OBJECT_BLOB)
        }
        guard let stream = opened else { throw MLError(.io, "cannot write a blob") }
        defer { git_odb_stream_free(stream) }
        try body { bytes in
            try LibGit2.check(.io, "cannot write a blob") {
                git_odb_stream_write(stream, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
            }
        }
        var oid = git_oid()
        try LibGit2.check(.io, "cannot write a blob") { git_odb_stream_finalize_write(&oid, stream) }
        let id = GitID(oid)
        // libgit2 writes nothing when a pack has the blob.
        let name = "\(id.hex.prefix(2))/\(id.hex.dropFirst(2))"
        if Files.exists(repository.commonDirectory + "/objects/" + name) { try synchronize(name) }
        return id
    }

    /// Writes what was collected as one pack, durable when this returns, and makes it visible to the repository.
    public func flush() throws {
        if pending.isEmpty { return }
        var builder: OpaquePointer?
        try LibGit2.check(.io, "cannot build a pack") { git_packbuilder_new(&builder, handle) }
        defer { git_packbuilder_free(builder) }
        // The same objects give the same pack.
        for id in pending.sorted() {
            var raw = id.raw
            try LibGit2.check(.io, "cannot build a pack") { git_packbuilder_insert(builder, &raw, nil) }
        }
        try PackFile(repository).write(builder)
        try LibGit2.check(.io, "cannot empty a pack in memory") { git_mempack_reset(memory) }
        pending = []
        pendingBytes = 0
        git_odb_refresh(database)
        repository.refreshObjects()
    }

    /// Objects must be on the disk before a ref that names them is.
    private func synchronize(_ name: String) throws {
        let path = repository.commonDirectory + "/objects/" + name
        try FileHandle(reading: path).synchronize()
        Files.synchronizeDirectory(Files.parent(of: path))
    }
}

extension Repository {
    /// Looks again at the packs there are.
    func refreshObjects() {
        withHandle { shared in
            var database: OpaquePointer?
            guard git_repository_odb(&database, shared) == 0 else { return }
            git_odb_refresh(database)
            git_odb_free(database)
        }
    }
}
