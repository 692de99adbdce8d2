import Base

/// Content as it will be once planned restores have happened: outputs of records laid over what is there.
final class PlannedContent: ContentSource, @unchecked Sendable {
    private let base: any ContentSource
    private var ids: [String: RunRecord.File] = [:]
    private let mutex = Mutex()

    init(_ base: any ContentSource) { self.base = base }

    func set(_ files: [RunRecord.File]) {
        mutex.withLock { for file in files { ids[file.path] = file } }
    }

    func id(of path: String) throws -> ObjectID? {
        if let file = mutex.withLock({ ids[path] }) { return file.id }
        return try base.id(of: path)
    }

    func size(of path: String) throws -> Int64? {
        if let file = mutex.withLock({ ids[path] }), let size = file.size { return size }
        return try base.size(of: path)
    }

    func read(_ path: String) throws -> [UInt8]? { try base.read(path) }
}
