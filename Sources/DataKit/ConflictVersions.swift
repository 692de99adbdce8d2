import Base
import GitKit
import ObjectStore

/// The versions of files in conflict, as the index has them.
public struct ConflictVersions: Sendable {
    /// A side, numbered as the stages of the index.
    public enum Side: Int, Sendable, CaseIterable {
        case base = 1
        case ours = 2
        case theirs = 3

        /// As the option spells it.
        public var name: String { "\(self)" }
        /// As git's own messages speak of it.
        public var possessive: String {
            switch self {
            case .base: "a base"
            case .ours: "our"
            case .theirs: "their"
            }
        }
    }

    /// One side's version of a file.
    public struct Version: Hashable, Sendable {
        public var path: String
        public var pointer: Pointer?
        public var blob: GitID
        public var isExecutable: Bool
    }

    private let data: DataRepository
    private let entries: [IndexEntry]

    public init(_ data: DataRepository) throws {
        self.data = data
        entries = try IndexFile(path: data.repository.indexPath).entries.filter { $0.stage > 0 }
    }

    /// One side of every file in conflict at or below the paths.
    ///
    /// - Throws: `MLError(.notFound)` for a path that is not in conflict or that this side does not have.
    public func versions(_ side: Side, paths: [String]) throws -> [Version] {
        var found: [Version] = []
        for path in paths {
            let below = entries.filter { path.isEmpty || $0.path == path || $0.path.hasPrefix(path + "/") }
            if below.isEmpty {
                throw MLError(
                    .notFound, "path '\(path)' is not in conflict",
                    hint: "'git status' lists what is; 'git checkout REV -- PATH' takes a version of any commit")
            }
            let names = Set(below.map(\.path)).sorted()
            for name in names {
                guard let entry = below.first(where: { $0.path == name && $0.stage == side.rawValue }) else {
                    throw MLError(
                        .notFound, "path '\(name)' does not have \(side.possessive) version",
                        hint: side == .base
                            ? "both sides added it" : "that side deleted it: 'git rm -- PATH' agrees with that")
                }
                guard entry.isRegularFile else {
                    throw MLError(.invalidInput, "path '\(name)' is no regular file on that side")
                }
                found.append(
                    Version(
                        path: name, pointer: try data.pointer(entry.id), blob: entry.id,
                        isExecutable: entry.mode == 0o100755))
            }
        }
        return found
    }

    /// Writes the content of one version, in one step.
    ///
    /// - Parameter target: the file; nil for its own place in the work tree.
    /// - Returns: bytes written.
    /// - Throws: `MLError(.missingObject)` when the content is not in the local store.
    @discardableResult
    public func write(_ version: Version, to target: String? = nil) throws -> Int64 {
        let path = try target ?? workTreePath(version.path)
        return try ScratchFolder(data.scratchDirectory).replace(path) { temporary in
            let output = try FileHandle(creating: temporary, mode: version.isExecutable ? 0o777 : 0o666)
            if let pointer = version.pointer {
                if pointer.size > 0 { try data.openStore().write(pointer.oid, to: output) }
            } else {
                try output.writeAll(data.repository.readBlob(version.blob))
            }
            let size = try output.status().size
            try output.synchronize()
            try output.close()
            return size
        } ?? 0
    }

    /// The file's place; its folders are made, as git does, but never through a symbolic link.
    private func workTreePath(_ path: String) throws -> String {
        let top = try data.repository.requireWorkTree()
        var folder = top
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            if Files.status(folder)?.isSymbolicLink == true {
                throw MLError(.invalidInput, "'\(path)' lies behind the symbolic link '\(folder)'")
            }
        }
        try Files.makeDirectories(folder)
        return top + "/" + path
    }
}
