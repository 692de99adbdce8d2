import Base
import GitKit
import ObjectStore

/// Puts files into the store in parallel, and their pointers into the index: what `git add` does through the filter,
/// one file after the other.
public struct Adder: Sendable {
    public struct Outcome: Sendable {
        public var added: [String] = []
        public var unchanged = 0
        /// Bytes of the files' content.
        public var bytes: Int64 = 0
        /// Bytes the store grew by: after deduplication and compression.
        public var storedBytes: Int64 = 0
        /// Files that no pattern tracks, handed to plain `git add`.
        public var plain: [String] = []
    }

    private let data: DataRepository
    private let top: String

    public init(_ data: DataRepository) throws {
        self.data = data
        top = try data.repository.requireWorkTree()
    }

    /// - Parameter paths: files, folders and patterns as git takes them, relative to the top.
    public func add(_ paths: [String], progress: any ProgressReporter) throws -> Outcome {
        var outcome = Outcome()
        let (files, undecodable) = try candidates(paths)
        let filters = try data.repository.attribute("filter", of: files)
        outcome.plain = files.filter { filters[$0] != "mldata" }
        let minimumSizes = MinimumSizes(workTree: top, commonDirectory: data.repository.commonDirectory)
        let index = try IndexFile(path: data.repository.indexPath).entriesByPath()
        var work: [(path: String, status: Files.Status)] = []
        var settled: [(entry: IndexEntry, status: Files.Status)] = []
        for path in files where filters[path] == "mldata" {
            guard let status = Files.status(top + "/" + path) else { continue }
            guard try status.isRegular && (status.size == 0 || status.size >= Int64(minimumSizes.minimum(path))) else {
                outcome.plain.append(path)
                continue
            }
            if let entry = index[path], entry.matches(status) {
                settled.append((entry, status))
            } else {
                work.append((path, status))
            }
        }
        // What git had before it was tracked is as it was, but in the wrong place.
        let pointers = Set(try data.pointers(among: settled.map(\.entry)).map(\.path))
        for (entry, status) in settled {
            if status.size == 0 || pointers.contains(entry.path) {
                outcome.unchanged += 1
            } else {
                work.append((entry.path, status))
            }
        }
        try stage(work, &outcome, progress)
        if !outcome.plain.isEmpty || !undecodable.isEmpty {
            let names: [[UInt8]] = outcome.plain.map { Array($0.utf8) } + undecodable
            let input: [UInt8] = names.flatMap { (name: [UInt8]) -> [UInt8] in name + [0] }
            try data.repository.git.run(
                ["--literal-pathspecs", "add", "--pathspec-from-file=-", "--pathspec-file-nul"], input: input)
        }
        outcome.plain += undecodable.map { String(decoding: $0, as: UTF8.self) }
        return outcome
    }

    /// Files at or below the paths, or that match them: tracked ones and new ones that no ignore rule covers.
    ///
    /// - Returns: paths as texts, and those that are no UTF-8 as they are: only git can take these.
    private func candidates(_ paths: [String]) throws -> (files: [String], undecodable: [[UInt8]]) {
        let specs = try paths.map { path -> String in
            if Files.exists(top + "/" + path) { return ":(top,literal)" + path }
            guard path.contains(where: { "*?[".contains($0) }) else {
                throw MLError(.notFound, "pathspec '\(path)' did not match any files")
            }
            return ":(top)" + path
        }
        let listing = try data.repository.git.run(
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"] + specs)
        var found: Set<String> = []
        var undecodable: Set<[UInt8]> = []
        for name in listing.output.split(separator: 0) {
            if let text = String(validating: name, as: UTF8.self) {
                found.insert(text)
            } else {
                undecodable.insert(Array(name))
            }
        }
        if found.isEmpty && undecodable.isEmpty, let path = paths.first {
            if Files.status(top + "/" + path)?.isRegular == true {
                throw MLError(
                    .invalidInput, "'\(path)' is ignored by one of your .gitignore files",
                    hint: "remove the rule; git-ml needs no ignore rules, the commit holds only pointers")
            }
            if !Files.exists(top + "/" + path) {
                throw MLError(.notFound, "pathspec '\(path)' did not match any files")
            }
        }
        return (found.sorted(), undecodable.sorted { $0.lexicographicallyPrecedes($1) })
    }

    private func stage(
        _ work: [(path: String, status: Files.Status)], _ outcome: inout Outcome, _ progress: any ProgressReporter
    ) throws {
        if work.isEmpty { return }
        let writer = try data.openStore().makeWriter()
        let done = Counter()
        let cleaned = try parallelMap(count: work.count) { index -> Cleaned in
            let result = try clean(top + "/" + work[index].path, work[index].status.size, writer)
            progress.report("Adding files", completed: done.increment(), total: work.count, detail: work[index].path)
            return result
        }
        // Content first, then the pointers that name it.
        try writer.finish()
        outcome.storedBytes = cleaned.reduce(0) { $0 + $1.storedBytes }
        let blobs = try data.repository.writeBlobs(cleaned.map(\.blob))
        var entries: [UInt8] = []
        for (file, blob) in zip(work, blobs) {
            outcome.added.append(file.path)
            outcome.bytes += file.status.size
            entries += Array("\(file.status.isExecutable ? "100755" : "100644") \(blob.hex) 0\t\(file.path)\0".utf8)
        }
        try data.repository.git.run(["update-index", "-z", "--add", "--index-info"], input: entries)
        try IndexFile.refresh(
            path: data.repository.indexPath, Dictionary(uniqueKeysWithValues: work.map { ($0.path, $0.status) }),
            expected: Dictionary(uniqueKeysWithValues: zip(work.map(\.path), blobs)))
    }

    private struct Cleaned: Sendable {
        var blob: [UInt8]
        var storedBytes: Int64
    }

    /// What the filter's `clean` makes of a file: an empty blob, the pointer it already is, or the pointer to its content.
    private func clean(_ path: String, _ size: Int64, _ writer: PackWriter) throws -> Cleaned {
        if size == 0 { return Cleaned(blob: [], storedBytes: 0) }
        if size < Pointer.sizeLimit {
            let bytes = try Files.read(path)
            if Pointer.parse(bytes) != nil { return Cleaned(blob: bytes, storedBytes: 0) }
        }
        let file = try FileHandle(reading: path)
        let result = try writer.add { try file.read(into: $0) }
        return Cleaned(blob: result.pointer.encoded, storedBytes: result.storedBytes)
    }
}
