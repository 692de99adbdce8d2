import Base
import DataKit
import GitKit
import ObjectStore

/// Trees in which long files are pointers, tracked by the root's `.gitattributes`.
///
/// The new tree depends on the old one alone: files that become pointers are tracked where they are, by their exact path, or
/// by the patterns that chose them. So every commit's checkout works, and the reverse gives the old trees again.
final class PointerImport: TreeEditor {
    /// What became of one tree object.
    private struct Result {
        var id: GitID
        var isChanged = false
        /// Paths of pointers from this tree on that no attributes of its own track.
        var paths: [[UInt8]] = []
        /// Patterns that matched.
        var patterns: Set<Int> = []
    }

    private let batch: ObjectBatch
    private let selection: FileSelection
    private let patternTexts: [[UInt8]]
    private var pointers: [GitID: GitID] = [:]
    private var cache: [PlacedTree: Result] = [:]
    private var sizes: [GitID: Int] = [:]
    private var seen: Set<PlacedTree> = []
    /// Blobs that will be pointers, in the order they were met.
    private(set) var found: [MigrationFile] = []
    private var foundBlobs: Set<GitID> = []

    /// - Parameter patterns: the texts behind `selection.include`, as they go into `.gitattributes`.
    init(_ batch: ObjectBatch, _ selection: FileSelection, patterns: [String]) {
        self.batch = batch
        self.selection = selection
        patternTexts = patterns.map { Array($0.utf8) }
    }

    /// With a size or exceptions, patterns would catch files that stay as they are; so would one that catches what git reads.
    private var tracksExactPaths: Bool {
        selection.above != nil || !selection.exclude.isEmpty
            || selection.include.contains { $0.matches(".gitattributes".utf8) }
    }

    // MARK: First pass: what will change

    func scan(root: GitID) throws { try scan(PlacedTree(folder: [], tree: root)) }

    private func scan(_ place: PlacedTree) throws {
        guard seen.insert(key(place)).inserted else { return }
        for entry in try tree(place.tree).entries {
            let path = joinPath(place.folder, entry.name)
            if entry.isFolder {
                try scan(PlacedTree(folder: path, tree: entry.id))
            } else if try match(entry, path) != nil, foundBlobs.insert(entry.id).inserted {
                found.append(
                    MigrationFile(
                        blob: entry.id, path: String(path: path), size: Int64(sizes[entry.id] ?? 0)))
            }
        }
    }

    private func match(_ entry: RawTree.Entry, _ path: [UInt8]) throws -> Int? {
        // What git and its helpers read themselves must stay readable for them.
        guard entry.isRegularFile, !entry.name.starts(with: ".git".utf8), entry.name != Array(".lfsconfig".utf8),
            !path.starts(with: ".mldata/".utf8), let position = selection.match(path)
        else { return nil }
        let size = try size(entry.id)
        if size == 0 || Int64(size) <= selection.above ?? -1 { return nil }
        return position
    }

    /// The length of a blob's content; 0 for what is a pointer already.
    private func size(_ blob: GitID) throws -> Int {
        if let known = sizes[blob] { return known }
        guard let header = batch.header(blob) else {
            throw MLError(
                .missingObject, "blob \(blob) is not in this repository",
                hint: "a partial clone cannot be rewritten; fetch everything with 'git fetch --refetch --no-filter'")
        }
        var size = header.size
        if size < Pointer.sizeLimit, try batch.withObject(blob, .blob, { Pointer.parse(Array($0)) }) != nil { size = 0 }
        sizes[blob] = size
        return size
    }

    // MARK: Between: content into the store

    /// Puts all found content into the store and prepares the pointers.
    ///
    /// - Returns: bytes the store grew by.
    func storeContent(_ repository: Repository, _ store: ObjectStore, _ progress: any ProgressReporter) throws -> Int64
    {
        let writer = try store.makeWriter()
        let done = Tally()
        let workers = min(processorCount(), max(1, found.count))
        let files = found
        // One reader a worker: a repository's handle serves one at a time.
        let parts = try parallelMap(count: workers, workers: workers) { worker -> [AddResult] in
            let reader = try ObjectBatch(repository)
            var results: [AddResult] = []
            for index in stride(from: worker, to: files.count, by: workers) {
                results.append(try PointerImport.store(files[index], writer, reader, repository))
                progress.report("Storing content", completed: done.increment(), total: files.count, detail: "")
            }
            return results
        }
        try writer.finish()
        for (worker, results) in parts.enumerated() {
            for (round, result) in results.enumerated() {
                pointers[files[worker + round * workers].blob] = try batch.write(.blob, result.pointer.encoded)
            }
        }
        return parts.joined().reduce(0) { $0 + $1.storedBytes }
    }

    private static func store(
        _ file: MigrationFile, _ writer: PackWriter, _ reader: ObjectBatch, _ repository: Repository
    ) throws -> AddResult {
        if file.size > Repository.longBlob {
            let content = try ScratchFolder(repository.gitDirectory + "/mldata-sync").hold {
                try repository.openBlob(file.blob, scratch: $0)
            }
            let result = try writer.add { try content.read(into: $0) }
            guard result.pointer.size == file.size else {
                throw MLError(.corrupt, "blob \(file.blob) has not the length it should have", hint: "run 'git fsck'")
            }
            return result
        }
        return try reader.withObject(file.blob, .blob) { bytes in
            var offset = 0
            return try writer.add { target in
                let count = min(target.count, bytes.count - offset)
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
                offset += count
                return count
            }
        }
    }

    // MARK: Second pass: new trees

    func rewrite(root: GitID) throws -> GitID {
        var (new, result) = try edit(PlacedTree(folder: [], tree: root))
        let lines =
            tracksExactPaths
            ? result.paths.map { AttributeLines.exactPattern($0) } : result.patterns.sorted().map { patternTexts[$0] }
        if !result.isChanged { return root }
        try add(lines, to: &new, of: root)
        return try batch.write(.tree, new.encoded)
    }

    private func add(_ lines: [[UInt8]], to tree: inout RawTree, of old: GitID) throws {
        if lines.isEmpty { return }
        var text: [UInt8] = []
        if let present = tree.entry(named: ".gitattributes") {
            guard present.isRegularFile else {
                throw MLError(
                    .invalidInput, "'.gitattributes' is not a file in tree \(old)",
                    hint: "git ignores it when it is a symbolic link; such a history cannot be tracked")
            }
            text = try batch.withObject(present.id, .blob) { Array($0) }
        }
        tree.setFile(".gitattributes", try batch.write(.blob, AttributeLines.adding(lines, to: text)))
    }

    private func rewrite(_ place: PlacedTree) throws -> Result {
        if let known = cache[key(place)] { return known }
        var (tree, result) = try edit(place)
        if result.isChanged {
            // Attributes in a folder win over those at the root.
            if let own = tree.entry(named: ".gitattributes"), own.isRegularFile,
                try batch.withObject(own.id, .blob, { AttributeLines.mayDecideFilter(Array($0)) })
            {
                try add(result.paths.map { AttributeLines.exactPattern($0) }, to: &tree, of: place.tree)
                result.paths = []
            }
            result.id = try batch.write(.tree, tree.encoded)
        }
        cache[key(place)] = result
        return result
    }

    /// A tree with new ids of what changes below it; not written yet.
    private func edit(_ place: PlacedTree) throws -> (RawTree, Result) {
        var tree = try tree(place.tree)
        var result = Result(id: place.tree)
        for (index, entry) in tree.entries.enumerated() {
            let path = joinPath(place.folder, entry.name)
            if entry.isFolder {
                let below = try rewrite(PlacedTree(folder: path, tree: entry.id))
                tree.entries[index].id = below.id
                result.paths += below.paths.map { joinPath(entry.name, $0) }
                result.patterns.formUnion(below.patterns)
                result.isChanged = result.isChanged || below.isChanged
            } else if let position = try match(entry, path), let pointer = pointers[entry.id] {
                tree.entries[index].id = pointer
                result.paths.append(entry.name)
                result.patterns.insert(position)
                result.isChanged = true
            }
        }
        return (tree, result)
    }

    private func key(_ place: PlacedTree) -> PlacedTree {
        selection.ignoresPaths ? PlacedTree(folder: [], tree: place.tree) : place
    }

    private func tree(_ id: GitID) throws -> RawTree { try batch.withObject(id, .tree) { try RawTree(parsing: $0) } }
}
