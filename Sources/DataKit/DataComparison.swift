import Base
import GitKit
import ObjectStore

/// Which tracked files differ between two versions of a repository.
public struct DataComparison: Sendable {
    /// One side of the comparison.
    public enum Version: Sendable {
        case tree(GitID)
        /// What is in the folder now, of the files git knows.
        case workTree
    }

    /// A file in one version.
    public struct File: Hashable, Sendable {
        public var path: String
        /// The SHA-256 of its content.
        public var oid: ObjectID
        public var size: Int64
        /// False for a file that Git keeps itself in this version.
        public var isTracked: Bool
        /// Where the content is.
        public var place: Place
    }

    public enum Place: Hashable, Sendable {
        /// In the store, perhaps only in that of somebody else.
        case store
        case blob(GitID)
        /// In the work tree, not yet added.
        case workTree
    }

    public enum State: String, Sendable, CaseIterable {
        case added = "A"
        case deleted = "D"
        case modified = "M"
        case renamed = "R"
        /// The same content, now tracked or no longer.
        case typeChanged = "T"
        /// In conflict: several versions in the index.
        case unmerged = "U"
    }

    /// A file that differs.
    public struct Entry: Hashable, Sendable {
        public var state: State
        public var old: File?
        public var new: File?
        /// The new path, or the old one of a deleted file.
        public var path: String
        /// Of a renamed file: how much of the content stayed, from 0.5 to 1.
        public var similarity: Double?
    }

    /// Sorted by path.
    public var entries: [Entry]

    /// Below this share of common chunks, two files are not one renamed file; git's own default.
    static let renameThreshold = 0.5

    /// - Parameters:
    ///   - old: a tree; nil for no files at all.
    ///   - paths: only files at or below these, relative to the top; empty for all.
    /// - Throws: `MLError`.
    public init(_ data: DataRepository, from old: GitID?, to new: Version, paths: [String] = []) throws {
        let reader = try ChangeReader(data)
        var entries = try reader.entries(from: old, to: new, paths: paths)
        try Renames(store: data.openStore()).join(&entries)
        self.entries = entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }
}

/// Asks git which paths differ and looks up what stands behind them.
private struct ChangeReader {
    let data: DataRepository

    init(_ data: DataRepository) throws { self.data = data }

    /// One record of `git diff-tree --raw -z`.
    struct Record {
        var oldMode: UInt32
        var newMode: UInt32
        var old: GitID
        var new: GitID
        var path: String
    }

    func entries(from old: GitID?, to new: DataComparison.Version, paths: [String]) throws -> [DataComparison.Entry] {
        // With a work tree git compares ours of a conflict; that there is one matters more.
        let conflicts = try conflicts(new, paths)
        let records = try records(from: old, to: new, paths).filter { !conflicts.contains($0.path) }
        // What stands only in the work tree is a tracked file when its attributes say so.
        let loose = records.filter { $0.new.isZero && $0.newMode != 0 }.map(\.path)
        let filters = try data.repository.attribute("filter", of: loose)
        return try conflicts.map { DataComparison.Entry(state: .unmerged, path: $0) }
            + records.compactMap { record in
                let isLoose = record.new.isZero && record.newMode != 0
                let isTracked = filters[record.path] == "mldata"
                // Most files of a repository are no data: nothing of them is read.
                guard try isLoose && isTracked || isPointer(record.old) || isPointer(record.new) else { return nil }
                let before = try file(record.path, record.old, record.oldMode)
                let after =
                    isLoose
                    ? try workTreeFile(record.path, isTracked: isTracked)
                    : try file(record.path, record.new, record.newMode)
                return entry(record.path, before, after)
            }
    }

    /// Tracked files with several versions in the index.
    private func conflicts(_ version: DataComparison.Version, _ paths: [String]) throws -> Set<String> {
        guard case .workTree = version else { return [] }
        let entries = try IndexFile(path: data.repository.indexPath).entries.filter { entry in
            entry.stage > 0
                && (paths.isEmpty
                    || paths.contains { $0.isEmpty || entry.path == $0 || entry.path.hasPrefix($0 + "/") })
        }
        let filters = try data.repository.attribute("filter", of: Array(Set(entries.map(\.path))))
        return try Set(entries.filter { try filters[$0.path] == "mldata" || isPointer($0.id) }.map(\.path))
    }

    private func entry(_ path: String, _ before: DataComparison.File?, _ after: DataComparison.File?)
        -> DataComparison.Entry?
    {
        // An empty file is an empty blob, tracked or not: only its other version can tell.
        guard before?.isTracked == true || after?.isTracked == true else { return nil }
        switch (before, after) {
        case (nil, let after?): return DataComparison.Entry(state: .added, new: after, path: path)
        case (let before?, nil): return DataComparison.Entry(state: .deleted, old: before, path: path)
        case (let before?, let after?):
            if before.oid != after.oid {
                return DataComparison.Entry(state: .modified, old: before, new: after, path: path)
            }
            if before.isTracked == after.isTracked || before.size == 0 { return nil }
            return DataComparison.Entry(state: .typeChanged, old: before, new: after, path: path)
        case (nil, nil): return nil
        }
    }

    private func records(from old: GitID?, to new: DataComparison.Version, _ paths: [String]) throws -> [Record] {
        let tree =
            try old?.hex ?? data.repository.git.run(["mktree"], input: []).text.split(separator: "\n").first
            .map(String.init) ?? ""
        let limits = ["--"] + paths.map { $0.isEmpty ? "." : $0 }
        let common = ["--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv"]
        let arguments =
            switch new {
            case .tree(let other): ["diff-tree", "-r"] + common + [tree, other.hex] + limits
            case .workTree: ["diff-index"] + common + [tree] + limits
            }
        let output = try data.repository.git.run(["--literal-pathspecs"] + arguments).output
        let fields = output.split(separator: 0).map { String(path: $0) }
        return stride(from: 0, to: fields.count - 1, by: 2).compactMap { index in
            let words = fields[index].drop { $0 == ":" }.split(separator: " ")
            guard words.count == 5, let oldMode = UInt32(words[0], radix: 8), let newMode = UInt32(words[1], radix: 8),
                let old = GitID(words[2]), let new = GitID(words[3])
            else { return nil }
            return Record(
                oldMode: oldMode, newMode: newMode, old: old, new: new, path: fields[index + 1])
        }
    }

    private func isPointer(_ blob: GitID) throws -> Bool { try !blob.isZero && data.pointer(blob) != nil }

    private func file(_ path: String, _ blob: GitID, _ mode: UInt32) throws -> DataComparison.File? {
        guard mode & 0o170000 == 0o100000 else { return nil }
        if let pointer = try data.pointer(blob) {
            return DataComparison.File(
                path: path, oid: pointer.oid, size: pointer.size, isTracked: true, place: .store)
        }
        let bytes = try data.repository.readBlob(blob)
        return DataComparison.File(
            path: path, oid: ObjectID.of(bytes), size: Int64(bytes.count), isTracked: false, place: .blob(blob))
    }

    private func workTreeFile(_ path: String, isTracked: Bool) throws -> DataComparison.File? {
        let full = try data.repository.requireWorkTree() + "/" + path
        guard let status = Files.status(full), status.isRegular else { return nil }
        if isTracked, status.size < Pointer.sizeLimit, let pointer = Pointer.parse(try Files.read(full)) {
            return DataComparison.File(
                path: path, oid: pointer.oid, size: pointer.size, isTracked: true, place: .store)
        }
        return DataComparison.File(
            path: path, oid: try ObjectID.ofFile(full), size: status.size, isTracked: isTracked, place: .workTree)
    }
}
