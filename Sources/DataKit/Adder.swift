import Base
import GitKit
import ObjectStore

/// Puts files into the store in parallel, and their pointers into the index: what `git add` does through the filter,
/// one file after the other.
public struct Adder: Sendable {
    public struct Outcome: Sendable {
        public var added = 0
        public var unchanged = 0
        /// Bytes of the files' content.
        public var bytes: Int64 = 0
        /// Bytes the store grew by: after deduplication and compression.
        public var storedBytes: Int64 = 0
        /// Files that no pattern tracks, handed to plain `git add`.
        public var plain = 0
        /// What git could not look at, in its own words.
        public var warnings: [String] = []
    }

    private let data: DataRepository
    private let top: String

    public init(_ data: DataRepository) throws {
        self.data = data
        top = try data.repository.requireWorkTree()
    }

    /// What is gathered stretch by stretch and goes into the index at the end.
    private struct Gathered {
        var outcome = Outcome()
        /// Lines for `git update-index --index-info`.
        var entries: [UInt8] = []
        var updates = IndexUpdates()
        /// Names for plain `git add`, each with a NUL behind it.
        var plain: [UInt8] = []
    }

    /// How many files are handled at once: memory holds them and some hundred bytes of each file before.
    private static let stretch = 1 << 16

    /// - Parameter paths: files, folders and patterns as git takes them, relative to the top.
    public func add(_ paths: [String], progress: any ProgressReporter) throws -> Outcome {
        let specs = try pathspecs(paths)
        let writer = try data.openStore().makeWriter()
        var gathered = Gathered()
        // New files are in no index; the others come in its order, so that one pass over it finds them all.
        let new = try list("--others", specs, &gathered.outcome)
        try eachStretch(Stretches(new)) { try add($0, [:], writer, &gathered, progress) }
        let known = try list("--cached", specs, &gathered.outcome)
        if !known.isEmpty {
            var wanted = Stretches(known)
            try IndexFile.forEachStretch(path: data.repository.indexPath, count: Adder.stretch) { entries in
                guard let last = entries.last?.path else { return }
                let names = wanted.take(through: last.pathBytes)
                if names.isEmpty { return }
                let index = Dictionary(
                    entries.lazy.filter { $0.stage == 0 }.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
                try add(names, index, writer, &gathered, progress)
            }
            // A split index has entries elsewhere.
            try eachStretch(wanted) { try add($0, [:], writer, &gathered, progress) }
        }
        if new.isEmpty && known.isEmpty { try check(paths) }
        // Content first, then the pointers that name it.
        try writer.finish()
        try stage(gathered)
        return gathered.outcome
    }

    private func add(
        _ names: [ArraySlice<UInt8>], _ index: [String: IndexEntry], _ writer: PackWriter, _ gathered: inout Gathered,
        _ progress: any ProgressReporter
    ) throws {
        var files: [String] = []
        // Of a conflict git lists the name three times.
        for (index, name) in names.enumerated() where index == 0 || names[index - 1] != name {
            files.append(String(path: name))
        }
        let filters = try data.repository.attribute("filter", of: files)
        let minimumSizes = MinimumSizes(workTree: top, commonDirectory: data.repository.commonDirectory)
        var work: [(path: String, status: Files.Status)] = []
        var settled: [(entry: IndexEntry, status: Files.Status)] = []
        for path in files {
            let isOurs = filters[path] == "mldata"
            let status = isOurs ? Files.status(top + "/" + path) : nil
            if isOurs && status == nil { continue }
            guard let status, status.isRegular,
                try status.size == 0 || status.size >= Int64(minimumSizes.minimum(path))
            else {
                gathered.plain += path.pathBytes + [0]
                gathered.outcome.plain += 1
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
                gathered.outcome.unchanged += 1
            } else {
                work.append((entry.path, status))
            }
        }
        try store(work, writer, &gathered, progress)
    }

    // MARK: Names

    /// That every path names something that can be added: to be asked before anything is changed for them.
    ///
    /// - Throws: `MLError(.notFound)` for a name or a pattern without files; `MLError(.invalidInput)` for an ignored file.
    public func check(_ paths: [String]) throws {
        var outcome = Outcome()
        for (path, spec) in zip(paths, try pathspecs(paths)) {
            let isFile = Files.status(top + "/" + path)?.isRegular == true
            // What lies there and is not ignored will be found.
            if isFile ? !data.repository.isIgnored(path) : Files.exists(top + "/" + path) { continue }
            if try list("--others", [spec], &outcome).isEmpty && list("--cached", [spec], &outcome).isEmpty {
                try refuse(path, isFile: isFile)
            }
        }
    }

    private func refuse(_ path: String, isFile: Bool) throws {
        if isFile {
            throw MLError(
                .invalidInput, "'\(path)' is ignored by one of your .gitignore files",
                hint: "remove the rule; git-ml needs no ignore rules, the commit holds only pointers")
        }
        throw MLError(.notFound, "pathspec '\(path)' did not match any files")
    }

    private func pathspecs(_ paths: [String]) throws -> [String] {
        try paths.map { path -> String in
            if Files.exists(top + "/" + path) { return ":(top,literal)" + path }
            guard path.contains(where: { "*?[".contains($0) }) else {
                throw MLError(.notFound, "pathspec '\(path)' did not match any files")
            }
            return ":(top)" + path
        }
    }

    /// Names at or below the paths, or that match them, each with a NUL behind it: tracked ones, or new ones that no ignore
    /// rule covers.
    private func list(_ kind: String, _ specs: [String], _ outcome: inout Outcome) throws -> [UInt8] {
        let answer = try data.repository.git.run(["ls-files", "-z", kind, "--exclude-standard", "--"] + specs)
        outcome.warnings += answer.errorText.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
            .map { String($0.dropFirst("warning: ".count)) }
        return answer.output
    }

    private func eachStretch(_ names: Stretches, _ body: ([ArraySlice<UInt8>]) throws -> Void) throws {
        var rest = names
        while true {
            let stretch = rest.take(count: Adder.stretch)
            if stretch.isEmpty { return }
            try body(stretch)
        }
    }

    // MARK: Content and index

    private func store(
        _ work: [(path: String, status: Files.Status)], _ writer: PackWriter, _ gathered: inout Gathered,
        _ progress: any ProgressReporter
    ) throws {
        if work.isEmpty { return }
        let done = Counter()
        let cleaned = try parallelMap(count: work.count) { index -> Cleaned in
            let result = try clean(top + "/" + work[index].path, work[index].status.size, writer)
            progress.report("Adding files", completed: done.increment(), total: work.count, detail: work[index].path)
            return result
        }
        let blobs = try data.repository.writeBlobs(cleaned.map(\.blob))
        for ((file, cleaned), blob) in zip(zip(work, cleaned), blobs) {
            gathered.outcome.added += 1
            gathered.outcome.bytes += file.status.size
            gathered.outcome.storedBytes += cleaned.storedBytes
            gathered.entries += Array("\(file.status.isExecutable ? "100755" : "100644") \(blob.hex) 0\t".utf8)
            gathered.entries += file.path.pathBytes + [0]
            gathered.updates.append(file.path, file.status, blob)
        }
    }

    private func stage(_ gathered: Gathered) throws {
        let git = data.repository.git
        if !gathered.entries.isEmpty {
            try git.run(["update-index", "-z", "--add", "--index-info"], input: gathered.entries)
            try IndexFile.refresh(path: data.repository.indexPath, gathered.updates)
        }
        if !gathered.plain.isEmpty {
            try git.run(
                ["--literal-pathspecs", "add", "--pathspec-from-file=-", "--pathspec-file-nul"], input: gathered.plain)
        }
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

/// Names with a NUL behind each, taken from the front.
private struct Stretches {
    private let names: [UInt8]
    private var position = 0

    init(_ names: [UInt8]) { self.names = names }

    private var next: ArraySlice<UInt8>? {
        guard position < names.count else { return nil }
        return names[position..<(names[position...].firstIndex(of: 0) ?? names.count)]
    }

    mutating func take(count: Int) -> [ArraySlice<UInt8>] {
        var taken: [ArraySlice<UInt8>] = []
        while taken.count < count, let name = next {
            taken.append(name)
            position = name.endIndex + 1
        }
        return taken
    }

    /// Takes all names up to this one, in git's order.
    mutating func take(through last: [UInt8]) -> [ArraySlice<UInt8>] {
        var taken: [ArraySlice<UInt8>] = []
        while let name = next, !last.lexicographicallyPrecedes(name) {
            taken.append(name)
            position = name.endIndex + 1
        }
        return taken
    }
}
