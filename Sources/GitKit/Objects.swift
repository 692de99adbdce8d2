import Base
import CGit2
import Glibc

/// A file in a tree, with its path from the tree's root.
public struct TreeEntry: Hashable, Sendable {
    public var path: String
    /// Git's mode: 0o100644, 0o100755, 0o120000 (symbolic link), 0o160000 (submodule).
    public var mode: UInt32
    public var id: GitID

    public init(path: String, mode: UInt32, id: GitID) {
        self.path = path
        self.mode = mode
        self.id = id
    }

    public var isRegularFile: Bool { mode & 0o170000 == 0o100000 }
    public var isExecutable: Bool { mode == 0o100755 }
}

extension Repository {
    /// The content of a blob.
    public func readBlob(_ id: GitID) throws -> [UInt8] {
        try withHandle { handle in
            var raw = id.raw
            var blob: OpaquePointer?
            try LibGit2.check(.corrupt, "cannot read blob \(id)") { git_blob_lookup(&blob, handle, &raw) }
            defer { git_blob_free(blob) }
            let size = Int(git_blob_rawsize(blob))
            guard size > 0, let content = git_blob_rawcontent(blob) else { return [] }
            return Array(UnsafeRawBufferPointer(start: content, count: size))
        }
    }

    /// The contents of many small blobs, read by all processors.
    ///
    /// - Parameter limit: objects of so many bytes or more are left out, as are those that are no blobs or not here.
    /// - Returns: in the order of `ids`; nil for what was left out.
    public func smallBlobs(_ ids: [GitID], below limit: Int) throws -> [[UInt8]?] {
        // libgit2's handles are not for several threads at once, and one more costs as much as some hundred reads.
        let stretch = max(1000, (ids.count + processorCount() - 1) / processorCount())
        let stretches = stride(from: 0, to: ids.count, by: stretch).map { ids[$0..<min($0 + stretch, ids.count)] }
        if stretches.count < 2 { return try withHandle { try Repository.smallBlobs(ids[...], below: limit, $0) } }
        let path = gitDirectory
        return try parallelMap(count: stretches.count) { index in
            var handle: OpaquePointer?
            try LibGit2.check(.io, "cannot open repository '\(path)'") { git_repository_open(&handle, path) }
            defer { git_repository_free(handle) }
            guard let handle else { return [[UInt8]?](repeating: nil, count: stretches[index].count) }
            return try Repository.smallBlobs(stretches[index], below: limit, handle)
        }.flatMap { $0 }
    }

    private static func smallBlobs(
        _ ids: ArraySlice<GitID>, below limit: Int, _ handle: OpaquePointer
    ) throws -> [[UInt8]?] {
        var odb: OpaquePointer?
        try LibGit2.check(.io, "cannot open the object database") { git_repository_odb(&odb, handle) }
        defer { git_odb_free(odb) }
        return ids.map { id in
            var raw = id.raw
            var size = 0
            var type = GIT_OBJECT_INVALID
            guard git_odb_read_header(&size, &type, odb, &raw) == 0, type == GIT_OBJECT_BLOB, size < limit else {
                return nil
            }
            var object: OpaquePointer?
            guard git_odb_read(&object, odb, &raw) == 0, let content = git_odb_object_data(object) else { return nil }
            defer { git_odb_object_free(object) }
            return Array(UnsafeRawBufferPointer(start: content, count: git_odb_object_size(object)))
        }
    }

    /// Longer blobs are better not held in memory.
    public static let longBlob: Int64 = 64 << 20

    /// The content of a long blob as an open file without a name: git streams it there, libgit2 would hold all of it.
    ///
    /// - Parameter folder: where the file is while it is written; created when it is not there.
    /// - Throws: `MLError(.failed)` with git's words.
    public func openBlob(_ id: GitID, scratch folder: String) throws -> FileHandle {
        try Files.makeDirectories(folder)
        let path = Files.temporaryName(beside: folder + "/x")
        defer { try? Files.remove(path) }
        _ = try Subprocess(
            ["/bin/sh", "-c", "exec git cat-file blob \"$1\" > \"$2\"", "git cat-file", id.hex, path],
            directory: git.directory
        ).check()
        return try FileHandle(reading: path)
    }

    /// Size of an object that is a blob; nil for other kinds and for objects that are not here (a partial clone).
    public func blobSize(_ id: GitID) -> Int? {
        withHandle { handle in
            var odb: OpaquePointer?
            guard git_repository_odb(&odb, handle) == 0 else { return nil }
            defer { git_odb_free(odb) }
            var raw = id.raw
            var size = 0
            var type = GIT_OBJECT_INVALID
            guard git_odb_read_header(&size, &type, odb, &raw) == 0, type == GIT_OBJECT_BLOB else { return nil }
            return size
        }
    }

    /// Whether the object database holds the object.
    public func contains(_ id: GitID) -> Bool {
        withHandle { handle in
            var odb: OpaquePointer?
            guard git_repository_odb(&odb, handle) == 0 else { return false }
            defer { git_odb_free(odb) }
            var raw = id.raw
            return git_odb_exists(odb, &raw) == 1
        }
    }

    /// All files below a tree, in git's order.
    ///
    /// - Parameter path: only what lies at or under it; empty for everything.
    public func files(inTree tree: GitID, under path: String = "") throws -> [TreeEntry] {
        guard let start = try entry(inTree: tree, at: path) else { return [] }
        guard start.mode == 0o040000 else { return [start] }
        var found: [TreeEntry] = []
        try walk(start.id, path.isEmpty ? "" : path + "/", &found)
        return found
    }

    /// The entry at a path: a file or a folder (mode 0o040000); nil when there is none.
    public func entry(inTree tree: GitID, at path: String) throws -> TreeEntry? {
        let parts = path.split(separator: "/")
        if parts.isEmpty { return TreeEntry(path: path, mode: 0o040000, id: tree) }
        return try withHandle { handle in
            var raw = tree.raw
            var opened: OpaquePointer?
            try LibGit2.check(.corrupt, "cannot read tree \(tree)") { git_tree_lookup(&opened, handle, &raw) }
            defer { git_tree_free(opened) }
            var entry: OpaquePointer?
            let result = parts.joined(separator: "/").withPath { git_tree_entry_bypath(&entry, opened, $0) }
            if result == GIT_ENOTFOUND.rawValue { return nil }
            try LibGit2.check(.corrupt, "cannot read tree \(tree)") { result }
            defer { git_tree_entry_free(entry) }
            guard let id = git_tree_entry_id(entry) else { return nil }
            return TreeEntry(
                path: path, mode: UInt32(git_tree_entry_filemode_raw(entry).rawValue), id: GitID(id.pointee))
        }
    }

    /// The direct entries of one tree object, names only in `path`.
    public func children(ofTree tree: GitID) throws -> [TreeEntry] {
        try withHandle { handle in
            var raw = tree.raw
            var opened: OpaquePointer?
            try LibGit2.check(.corrupt, "cannot read tree \(tree)") { git_tree_lookup(&opened, handle, &raw) }
            defer { git_tree_free(opened) }
            return (0..<git_tree_entrycount(opened)).compactMap { index in
                guard let entry = git_tree_entry_byindex(opened, index), let id = git_tree_entry_id(entry),
                    let name = git_tree_entry_name(entry)
                else { return nil }
                return TreeEntry(
                    path: String(path: UnsafeRawBufferPointer(start: name, count: strlen(name))),
                    mode: UInt32(git_tree_entry_filemode_raw(entry).rawValue),
                    id: GitID(id.pointee))
            }
        }
    }

    private func walk(_ tree: GitID, _ prefix: String, _ found: inout [TreeEntry]) throws {
        for child in try children(ofTree: tree) {
            let entry = TreeEntry(path: prefix + child.path, mode: child.mode, id: child.id)
            if child.mode == 0o040000 {
                try walk(child.id, entry.path + "/", &found)
            } else {
                found.append(entry)
            }
        }
    }

    /// Writes blobs into the object database: one pack for many, loose objects for a few.
    public func writeBlobs(_ contents: [[UInt8]]) throws -> [GitID] {
        // Below this many, loose objects are what git itself would write.
        if contents.count < 64 { return try contents.map { try writeBlob($0) } }
        let ids = contents.map { GitID(ofBlob: $0) }
        var seen: Set<GitID> = []
        let new = try withHandle { handle in
            var database: OpaquePointer?
            try LibGit2.check(.io, "cannot open the object database") { git_repository_odb(&database, handle) }
            defer { git_odb_free(database) }
            git_odb_refresh(database)
            return zip(ids, contents).filter { id, _ in
                var raw = id.raw
                return git_odb_exists_ext(database, &raw, GIT_ODB_LOOKUP_NO_REFRESH.rawValue) == 0
                    && seen.insert(id).inserted
            }.map { $1 }
        }
        if new.isEmpty { return ids }
        try PackFile(self).write(blobs: new)
        refreshObjects()
        return ids
    }

    public func writeBlob(_ content: [UInt8]) throws -> GitID {
        try withHandle { try Repository.writeBlob(content, $0) }
    }

    private static func writeBlob(_ content: [UInt8], _ handle: OpaquePointer) throws -> GitID {
        var oid = git_oid()
        try LibGit2.check(.io, "cannot write a blob") {
            git_blob_create_from_buffer(&oid, handle, content, content.count)
        }
        return GitID(oid)
    }

    /// A tree like `base` with some files set (nil removes one).
    ///
    /// - Parameter base: nil starts from the empty tree.
    public func writeTree(updating base: GitID?, _ changes: [(path: String, blob: GitID?)]) throws -> GitID {
        try withHandle { handle in
            var baseline: OpaquePointer?
            if let base {
                var raw = base.raw
                try LibGit2.check(.corrupt, "cannot read tree \(base)") { git_tree_lookup(&baseline, handle, &raw) }
            } else {
                var builder: OpaquePointer?
                try LibGit2.check(.io, "cannot write a tree") { git_treebuilder_new(&builder, handle, nil) }
                defer { git_treebuilder_free(builder) }
                var empty = git_oid()
                try LibGit2.check(.io, "cannot write a tree") { git_treebuilder_write(&empty, builder) }
                try LibGit2.check(.io, "cannot write a tree") { git_tree_lookup(&baseline, handle, &empty) }
            }
            defer { git_tree_free(baseline) }
            let names = changes.map { $0.path.withPath { strdup($0) } }
            defer { for name in names { free(name) } }
            let updates = zip(changes, names).map { change, name in
                git_tree_update(
                    action: change.blob == nil ? GIT_TREE_UPDATE_REMOVE : GIT_TREE_UPDATE_UPSERT,
                    id: (change.blob ?? .zero).raw, filemode: GIT_FILEMODE_BLOB, path: name)
            }
            var oid = git_oid()
            try LibGit2.check(.io, "cannot write a tree") {
                git_tree_create_updated(&oid, handle, baseline, updates.count, updates)
            }
            return GitID(oid)
        }
    }
}
