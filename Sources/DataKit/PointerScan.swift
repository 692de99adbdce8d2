import Base
import GitKit
import ObjectStore

/// A tracked file: where it is and what its pointer says.
public struct PointerFile: Hashable, Sendable {
    public var path: String
    public var blob: GitID
    public var pointer: Pointer
    public var isExecutable: Bool
}

/// Brings content that the store lacks.
public typealias ContentFetch = @Sendable ([Pointer]) throws -> Void

extension DataRepository {
    /// The pointers among the files of a tree, at or below a path.
    public func pointers(inTree tree: GitID, under path: String = "") throws -> [PointerFile] {
        let files = try repository.files(inTree: tree, under: path).filter(\.isRegularFile)
        return try zip(files, pointers(files.map(\.id))).compactMap { entry, pointer in
            pointer.map { PointerFile(path: entry.path, blob: entry.id, pointer: $0, isExecutable: entry.isExecutable) }
        }
    }

    /// The pointers in the index of this work tree.
    public func pointersInIndex() throws -> [PointerFile] {
        try pointers(among: IndexFile(path: repository.indexPath).entries.filter { $0.stage == 0 })
    }

    /// The pointers among entries of the index.
    func pointers(among entries: [IndexEntry]) throws -> [PointerFile] {
        let files = entries.filter(\.isRegularFile)
        return try zip(files, pointers(files.map(\.id))).compactMap { entry, pointer in
            pointer.map {
                PointerFile(path: entry.path, blob: entry.id, pointer: $0, isExecutable: entry.mode == 0o100755)
            }
        }
    }

    /// The pointer each blob holds; nil for any other blob.
    private func pointers(_ blobs: [GitID]) throws -> [Pointer?] {
        try repository.smallBlobs(blobs, below: Pointer.sizeLimit).map { $0.flatMap(Pointer.parse) }
    }

    /// The pointer a blob holds; nil for any other blob.
    public func pointer(_ blob: GitID) throws -> Pointer? { try DataRepository.pointer(blob, repository) }

    static func pointer(_ blob: GitID, _ repository: Repository) throws -> Pointer? {
        // The shortest pointer has 120 bytes.
        guard let size = repository.blobSize(blob), (100..<Pointer.sizeLimit).contains(size) else { return nil }
        return Pointer.parse(try repository.readBlob(blob))
    }

    /// The real content of a file of a commit: from the store when it is a pointer, from Git when it is not.
    ///
    /// - Parameter fetch: called once with what the store lacks, to bring it.
    public func content(
        ofTree tree: GitID, path: String, revision: String, fetch: ([Pointer]) throws -> Void
    ) throws -> [UInt8] {
        guard let entry = try repository.entry(inTree: tree, at: path), entry.isRegularFile else {
            throw MLError(.notFound, "path '\(path)' does not exist in '\(revision)'")
        }
        guard let pointer = try pointer(entry.id) else { return try repository.readBlob(entry.id) }
        let store = try openStore()
        if try !store.contains(pointer.oid) { try fetch([pointer]) }
        return try openStore().read(pointer.oid)
    }
}
