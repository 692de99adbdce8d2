import Base
import DataKit
import GitKit
import ObjectStore

/// Trees in which pointers are the files they stand for, and no attribute names us.
final class PointerExport: TreeEditor {
    private let batch: ObjectBatch
    private let selection: FileSelection
    private let patternTexts: [[UInt8]]
    private var blobs: [GitID: GitID] = [:]
    /// nil: nothing is left of the folder.
    private var cache: [PlacedTree: GitID?] = [:]
    private var known: [GitID: Pointer?] = [:]
    private var seen: Set<PlacedTree> = []
    /// Pointers that will be files, in the order they were met.
    private(set) var found: [MigrationFile] = []
    private var foundBlobs: Set<GitID> = []

    init(_ batch: ObjectBatch, _ selection: FileSelection, patterns: [String]) {
        self.batch = batch
        self.selection = selection
        patternTexts = patterns.map { Array($0.utf8) }
    }

    // MARK: First pass: what will change

    func scan(root: GitID) throws { try scan(PlacedTree(folder: [], tree: root)) }

    private func scan(_ place: PlacedTree) throws {
        guard seen.insert(key(place)).inserted else { return }
        for entry in try tree(place.tree).entries {
            let path = joinPath(place.folder, entry.name)
            if entry.isFolder {
                try scan(PlacedTree(folder: path, tree: entry.id))
            } else if let pointer = try pointer(entry, path), foundBlobs.insert(entry.id).inserted {
                found.append(
                    MigrationFile(blob: entry.id, path: String(path: path), size: pointer.size))
            }
        }
    }

    private func pointer(_ entry: RawTree.Entry, _ path: [UInt8]) throws -> Pointer? {
        guard entry.isRegularFile, selection.match(path) != nil else { return nil }
        if let known = known[entry.id] { return known }
        var pointer: Pointer?
        if let header = batch.header(entry.id), header.size < Pointer.sizeLimit {
            pointer = try batch.withObject(entry.id, .blob) { Pointer.parse(Array($0)) }
            // Content under extensions was made by programs that are not here.
            if let read = pointer, read.size == 0 || !read.extensions.isEmpty { pointer = nil }
        }
        known[entry.id] = .some(pointer)
        return pointer
    }

    /// Content that must be in the store.
    var needed: [Pointer] { found.compactMap { known[$0.blob].flatMap { $0 } } }

    // MARK: Between: content into Git

    func writeContent(_ store: ObjectStore, _ progress: any ProgressReporter) throws {
        for (index, file) in found.enumerated() {
            guard let pointer = known[file.blob].flatMap({ $0 }) else { continue }
            blobs[file.blob] =
                pointer.size < 1 << 20
                ? try batch.write(.blob, store.read(pointer.oid))
                : try batch.writeBlob(size: pointer.size) { try store.write(pointer.oid, to: $0) }
            progress.report("Writing blobs", completed: index + 1, total: found.count, detail: file.path)
        }
    }

    // MARK: Second pass: new trees

    func rewrite(root: GitID) throws -> GitID {
        let changed = try rewrite(PlacedTree(folder: [], tree: root))
        // A commit whose only file was .gitattributes has an empty tree then.
        var id = try changed ?? batch.write(.tree, [])
        guard !selection.ignoresPaths, id != root else { return id }
        // Other files stay tracked: only what left is taken out of the patterns' reach.
        var new = try tree(id)
        var text = try new.entry(named: ".gitattributes").map { try batch.withObject($0.id, .blob) { Array($0) } } ?? []
        if let last = text.last, last != 0x0A { text.append(0x0A) }
        for pattern in patternTexts { text += pattern + Array(" !filter !diff !merge !text\n".utf8) }
        new.setFile(".gitattributes", try batch.write(.blob, text))
        id = try batch.write(.tree, new.encoded)
        return id
    }

    /// - Returns: nil when nothing is left in the folder.
    private func rewrite(_ place: PlacedTree) throws -> GitID? {
        if let known = cache[key(place)] { return known }
        var tree = try tree(place.tree)
        var isChanged = false
        var entries: [RawTree.Entry] = []
        for var entry in tree.entries {
            let path = joinPath(place.folder, entry.name)
            let old = entry.id
            var new: GitID? = old
            if entry.isFolder {
                new = try rewrite(PlacedTree(folder: path, tree: old))
            } else if let blob = try pointer(entry, path).flatMap({ _ in blobs[old] }) {
                new = blob
            } else if selection.ignoresPaths, entry.isRegularFile, entry.name == Array(".gitattributes".utf8) {
                new = try withoutOurs(old)
            }
            if new != old { isChanged = true }
            guard let new else { continue }
            entry.id = new
            entries.append(entry)
        }
        var result: GitID? = place.tree
        if isChanged {
            tree.entries = entries
            result = entries.isEmpty ? nil : try batch.write(.tree, tree.encoded)
        }
        cache[key(place)] = .some(result)
        return result
    }

    private func withoutOurs(_ blob: GitID) throws -> GitID? {
        guard let text = try batch.withObject(blob, .blob, { AttributeLines.removingOurs(Array($0)) }) else {
            return blob
        }
        return text.isEmpty ? nil : try batch.write(.blob, text)
    }

    private func key(_ place: PlacedTree) -> PlacedTree {
        selection.ignoresPaths ? PlacedTree(folder: [], tree: place.tree) : place
    }

    private func tree(_ id: GitID) throws -> RawTree { try batch.withObject(id, .tree) { try RawTree(parsing: $0) } }
}
