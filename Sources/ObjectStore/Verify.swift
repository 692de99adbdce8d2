import Base

/// Something wrong in a store.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// What is wrong. A struct over private cases, so that kinds can be added.
    public struct Kind: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// An index that cannot be read or does not match its checksum.
        public static let damagedIndex = Kind(description: "damaged index")
        /// A pack file that is gone, or shorter or longer than its index says.
        public static let damagedPack = Kind(description: "damaged pack")
        /// An object that does not match its name.
        public static let damagedObject = Kind(description: "damaged object")
        /// A chunk a recipe names and the store does not have.
        public static let missingChunk = Kind(description: "missing chunk")
    }

    public var kind: Kind
    /// The pack's name without ending.
    public var pack: String
    /// The object it is about; for a missing chunk the file it belongs to.
    public var object: ObjectID?
    /// The whole sentence.
    public var message: String

    public var description: String { message }
}

/// One pack of the local store.
public struct PackSummary: Hashable, Sendable {
    public var name: String
    /// Bytes in the pack file.
    public var length: UInt64
    public var objects: Int
    /// When the pack was finished, or last found to hold what was to be stored.
    public var modified: Timestamp
}

extension ObjectStore {
    /// The packs whose index can be read, by name.
    public func packSummaries() throws -> [PackSummary] {
        try allPacks().map { pack in
            let seconds = Files.status(pack.path)?.modifiedSeconds ?? 0
            return PackSummary(
                name: pack.name, length: pack.index.packLength, objects: pack.index.count,
                modified: Timestamp(seconds: seconds))
        }
    }

    /// What a pack holds, ascending by id; empty for a pack that is not there.
    public func entries(inPack name: String) throws -> [PackEntry] {
        try allPacks().first { $0.name == name }?.index.entries ?? []
    }

    /// Reads every object of every pack and checks it.
    ///
    /// Chunks that a recipe names and that are missing are findings too: a caller that knows of a remote may forgive
    /// them.
    public func verify(progress: any ProgressReporter = SilentProgress()) throws -> [Finding] {
        try refresh()
        let packs = try allPacks()
        var findings = try unreadableIndexes(besides: packs)
        let total = packs.reduce(0) { $0 + $1.index.count }
        var done = 0
        for pack in packs {
            findings += try frameFindings(pack)
            let entries = pack.index.entries
            for start in stride(from: 0, to: entries.count, by: 64) {
                let batch = entries[start..<min(start + 64, entries.count)]
                findings += try parallelMap(count: batch.count) { try self.check(batch[start + $0], in: pack) }.flatMap
                { $0 }
                done += batch.count
                progress.report("Checking objects", completed: done, total: total, detail: pack.name)
            }
        }
        return findings
    }

    private func unreadableIndexes(besides packs: [Pack]) throws -> [Finding] {
        let known = Set(packs.map(\.name))
        return try Files.list(packsFolder).filter { $0.hasSuffix(".idx") && !known.contains(String($0.dropLast(4))) }
            .map {
                Finding(
                    kind: .damagedIndex, pack: String($0.dropLast(4)), object: nil,
                    message: "index '\($0)' cannot be read")
            }
    }

    private func frameFindings(_ pack: Pack) throws -> [Finding] {
        var findings: [Finding] = []
        if !pack.index.hasValidChecksum {
            findings.append(
                Finding(
                    kind: .damagedIndex, pack: pack.name, object: nil,
                    message: "index '\(pack.name).idx' does not match its checksum"))
        }
        let length = Files.status(pack.path)?.size
        if length != Int64(clamping: pack.index.packLength) {
            let what = length.map { "has \($0) bytes instead of \(pack.index.packLength)" } ?? "is not there"
            findings.append(
                Finding(kind: .damagedPack, pack: pack.name, object: nil, message: "pack '\(pack.name).pack' \(what)"))
        }
        return findings
    }

    private func check(_ entry: PackEntry, in pack: Pack) throws -> [Finding] {
        do {
            let raw = try pack.read(entry)
            guard entry.kind == .recipe else { return [] }
            var seen: Set<ObjectID> = []
            let lost = try Recipe(parsing: raw, of: entry.id).parts.filter {
                try seen.insert($0.id).inserted && locateKnown($0.id) == nil
            }
            return lost.map { part in
                Finding(
                    kind: .missingChunk, pack: pack.name, object: entry.id,
                    message: "chunk '\(part.id)' of file '\(entry.id)' is missing")
            }
        } catch let error as MLError where [.corrupt, .notFound].contains(error.code) {
            return [Finding(kind: .damagedObject, pack: pack.name, object: entry.id, message: error.description)]
        }
    }
}
