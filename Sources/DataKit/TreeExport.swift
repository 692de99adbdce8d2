import Base
import GitKit
import ObjectStore

/// The files of a commit with their real content, in the order of their paths' bytes.
public struct TreeExport: Sendable {
    public struct Entry: Sendable {
        public enum Kind: Hashable, Sendable {
            case file(size: Int64)
            case symbolicLink(target: String)
            case submodule
        }

        public var path: String
        public var kind: Kind
        public var isExecutable: Bool
        let blob: GitID
        let pointer: Pointer?
    }

    public private(set) var files: [Entry] = []
    /// Pointers whose content only programs of others can make; they are exported as they are.
    public private(set) var leftAsPointers: [String] = []
    private let data: DataRepository
    private let store: ObjectStore

    /// Content that must be in the store before `send`.
    public var needed: [Pointer] { files.compactMap(\.pointer) }

    /// Bytes of all files.
    public var bytes: Int64 {
        files.reduce(0) { if case .file(let size) = $1.kind { $0 + size } else { $0 } }
    }

    /// - Parameters:
    ///   - paths: files and folders from the top; empty for everything.
    ///   - revision: how the user called the commit, for messages.
    /// - Throws: `MLError(.notFound)` for a path that the commit has not got.
    public init(_ data: DataRepository, commit: Commit, paths: [String], revision: String) throws {
        self.data = data
        store = try data.openStore()
        var found: [String: TreeEntry] = [:]
        for path in paths.isEmpty ? [""] : paths {
            let below = try data.repository.files(inTree: commit.tree, under: path)
            guard !below.isEmpty || path.isEmpty else {
                throw MLError(.notFound, "path '\(path)' does not exist in '\(revision)'")
            }
            for entry in below { found[entry.path] = entry }
        }
        for entry in found.values.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            files.append(try describe(entry))
        }
    }

    private mutating func describe(_ entry: TreeEntry) throws -> Entry {
        func make(_ kind: Entry.Kind, _ pointer: Pointer? = nil) -> Entry {
            Entry(
                path: entry.path, kind: kind, isExecutable: entry.isExecutable, blob: entry.id, pointer: pointer)
        }
        if entry.mode == 0o160000 { return make(.submodule) }
        guard entry.isRegularFile else {
            return make(.symbolicLink(target: String(decoding: try data.repository.readBlob(entry.id), as: UTF8.self)))
        }
        if let pointer = try data.pointer(entry.id), pointer.size > 0 {
            if pointer.extensions.isEmpty { return make(.file(size: pointer.size), pointer) }
            leftAsPointers.append(entry.path)
        }
        guard let size = data.repository.blobSize(entry.id) else {
            throw MLError(.missingObject, "the blob of '\(entry.path)' is not in this repository")
        }
        return make(.file(size: Int64(size)))
    }

    /// Sends a file's content, piece by piece when it comes from the store.
    public func send(_ entry: Entry, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        if let pointer = entry.pointer {
            try store.write(pointer.oid, to: sink)
        } else if case .file(let size) = entry.kind, size > Repository.longBlob {
            let file = try ScratchFolder(data.scratchDirectory).hold {
                try data.repository.openBlob(entry.blob, scratch: $0)
            }
            try file.forEachPiece(sink)
        } else {
            try data.repository.readBlob(entry.blob).withUnsafeBytes(sink)
        }
    }
}
