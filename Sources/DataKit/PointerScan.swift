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
        try repository.files(inTree: tree, under: path).filter(\.isRegularFile).compactMap { entry in
            try pointer(entry.id).map {
                PointerFile(path: entry.path, blob: entry.id, pointer: $0, isExecutable: entry.isExecutable)
            }
        }
    }

    /// The pointers in the index of this work tree.
    public func pointersInIndex() throws -> [PointerFile] {
        try IndexFile(path: repository.indexPath).entries.filter { $0.stage == 0 && $0.isRegularFile }.compactMap {
            entry in
            try pointer(entry.id).map {
                PointerFile(path: entry.path, blob: entry.id, pointer: $0, isExecutable: entry.mode == 0o100755)
            }
        }
    }

    /// The pointer a blob holds; nil for any other blob.
    public func pointer(_ blob: GitID) throws -> Pointer? {
        guard let size = repository.blobSize(blob), size < Pointer.sizeLimit, size > 0 else { return nil }
        return Pointer.parse(try repository.readBlob(blob))
    }

    /// Pointers in all blobs reachable from some commits but not from others, each content once, with one of its paths.
    public func pointers(reachableFrom tips: [String], excluding: [String]) throws -> [PointerFile] {
        if tips.isEmpty { return [] }
        let input = (tips + excluding.map { "^" + $0 }).joined(separator: "\n") + "\n"
        let listing = try repository.git.run(["rev-list", "--objects", "--stdin"], input: Array(input.utf8))
        var seen: Set<ObjectID> = []
        var found: [PointerFile] = []
        for line in listing.output.split(separator: 10) {
            // Commits stand alone; trees and blobs bring a path.
            guard line.count > 41, let id = GitID(String(decoding: line.prefix(40), as: UTF8.self)),
                let pointer = try pointer(id), seen.insert(pointer.oid).inserted
            else { continue }
            let path = String(decoding: line.dropFirst(41), as: UTF8.self)
            found.append(PointerFile(path: path, blob: id, pointer: pointer, isExecutable: false))
        }
        return found
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
