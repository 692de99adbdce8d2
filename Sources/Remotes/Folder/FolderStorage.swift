import Base

/// A folder as remote: a disk, a mounted share, a stick.
public struct FolderStorage: Storage {
    private let root: String

    /// - Parameter root: an absolute path. The folder itself is created by the first put; the one above must exist,
    ///   so that a share that is not mounted is noticed and not silently replaced by an empty folder.
    public init(root: String) { self.root = root }

    public var name: String { root }

    public func put(_ items: [StorageItem]) throws {
        if !Files.isDirectory(root) {
            guard Files.isDirectory(Files.parent(of: root)) else {
                throw MLError(
                    .notFound, "remote folder '\(root)' is not there",
                    hint: "is the disk or share mounted? its parent folder must exist")
            }
        }
        for item in items {
            let target = try path(item.key)
            if Files.exists(target) { continue }
            try Files.makeDirectories(Files.parent(of: target))
            try removeLeftovers(Files.parent(of: target))
            try Files.copy(item.file, to: target)
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        let file = try FileHandle(reading: path(key))
        guard let range else { return try file.readToEnd() }
        return try file.read(count: Int(range.upperBound - range.lowerBound), at: range.lowerBound)
    }

    public func size(of key: String) throws -> Int64? { Files.status(try path(key))?.size }

    public func list(_ prefix: String) throws -> [String] {
        let folder = prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix
        return try Files.list(path(folder)).filter { !$0.hasPrefix(".tmp-") }.map { folder + "/" + $0 }
    }

    public func delete(_ key: String) throws { try Files.remove(path(key)) }

    /// A key must stay below the root, whatever a hostile index says.
    private func path(_ key: String) throws -> String {
        guard !key.hasPrefix("/"), !key.split(separator: "/").contains("..") else {
            throw MLError(.invalidInput, "'\(key)' is no valid key")
        }
        return root + "/" + key
    }

    /// Temporary files of uploads that were killed: an hour without a write is long enough to be sure.
    private func removeLeftovers(_ folder: String) throws {
        let limit = Timestamp.now().seconds - 3600
        for name in try Files.list(folder) where name.hasPrefix(".tmp-") {
            guard let status = Files.status(folder + "/" + name), status.modifiedSeconds < limit else { continue }
            try Files.remove(folder + "/" + name)
        }
    }
}
