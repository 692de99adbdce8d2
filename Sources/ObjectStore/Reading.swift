import Base

/// Takes the next bytes of a content.
public typealias ByteSink = (UnsafeRawBufferPointer) throws -> Void

extension ObjectStore {
    /// Whether the whole of a file can be read: its chunk, or its recipe and every chunk in it.
    ///
    /// - Parameter refreshing: false answers from what is known, without a look at the folders on a miss.
    public func contains(_ oid: ObjectID, refreshing: Bool = true) throws -> Bool {
        guard let found = try locate(oid, refreshing: refreshing) else { return false }
        guard found.entry.kind == .recipe else { return true }
        return try recipe(oid)?.parts.allSatisfy { try locate($0.id, refreshing: refreshing) != nil } ?? false
    }

    /// The files that cannot be read whole; the folders are looked at once, not once for every file.
    public func lacking(_ oids: some Sequence<ObjectID>) throws -> [ObjectID] {
        let candidates = try oids.filter { try !contains($0, refreshing: false) }
        if candidates.isEmpty { return [] }
        try refresh()
        return try candidates.filter { try !contains($0, refreshing: false) }
    }

    /// The objects, chunks or recipes, that are not in the store.
    public func lackingObjects(_ ids: some Sequence<ObjectID>) throws -> [ObjectID] {
        let candidates = try ids.filter { try locate($0, refreshing: false) == nil }
        if candidates.isEmpty { return [] }
        try refresh()
        return try candidates.filter { try locate($0, refreshing: false) == nil }
    }

    /// Whether the object of this id, a chunk or a recipe, is in the store.
    public func containsObject(_ id: ObjectID) throws -> Bool { try locate(id) != nil }

    /// A file's length in bytes; nil when the store does not know it.
    public func size(_ oid: ObjectID) throws -> Int64? {
        guard let found = try locate(oid) else { return nil }
        return found.entry.kind == .chunk ? Int64(found.entry.rawLength) : try recipe(oid)?.size
    }

    /// The list of a file's chunks; for a file of one chunk a list of one. Nil when the store does not know the file.
    ///
    /// - Throws: `MLError(.corrupt)`.
    public func recipe(_ oid: ObjectID) throws -> Recipe? {
        guard let found = try locate(oid) else { return nil }
        guard found.entry.kind == .recipe else {
            return Recipe(oid: oid, parts: [Recipe.Part(id: oid, length: found.entry.rawLength)])
        }
        return try readObject(oid).map { try Recipe(parsing: $0.raw, of: oid) }
    }

    /// What a file still lacks: its own id when the store knows nothing of it, otherwise the chunks that are not there.
    public func missingChunks(of oid: ObjectID) throws -> [ObjectID] {
        guard let recipe = try recipe(oid) else { return [oid] }
        var seen: Set<ObjectID> = []
        return try recipe.parts.map(\.id).filter { try seen.insert($0).inserted && locate($0) == nil }
    }

    /// A whole file in memory.
    public func read(_ oid: ObjectID) throws -> [UInt8] {
        var out: [UInt8] = []
        try write(oid) { out += $0 }
        return out
    }

    /// Sends a whole file to `sink`, piece by piece, with every chunk checked before it is sent and the whole at the
    /// end.
    ///
    /// - Throws: `MLError(.missingObject)`, `MLError(.corrupt)`; what the sink got before is then worthless.
    public func write(_ oid: ObjectID, to sink: ByteSink) throws { try write(oid, checksChunks: true, to: sink) }

    private func write(_ oid: ObjectID, checksChunks: Bool, to sink: ByteSink) throws {
        try awaitObject(oid)
        let recipe = try requireRecipe(oid)
        if recipe.parts.count == 1 {
            let part = try chunk(recipe.parts[0], of: oid)
            return try part.withUnsafeBytes(sink)
        }
        var hasher = SHA256Hasher()
        for batch in ObjectStore.batches(recipe.parts) {
            for part in batch { try awaitObject(part.id) }
            for bytes in try parallelMap(
                count: batch.count,
                { try self.chunk(batch[batch.startIndex + $0], of: oid, checksHash: checksChunks) })
            {
                hasher.update(bytes)
                try bytes.withUnsafeBytes(sink)
            }
        }
        guard hasher.finish() == oid else { throw ObjectStore.wrongRecipe(oid) }
    }

    /// Sends a whole file to an open file, which is worthless when this throws: only the whole is checked, at its end.
    public func write(_ oid: ObjectID, to file: FileHandle) throws {
        do { try write(oid, checksChunks: false) { try file.writeAll($0) } } catch let error as MLError
            where error.code == .corrupt
        {
            // Which chunk it is.
            try write(oid) { _ in }
            throw error
        }
    }

    /// Part of a file; only the chunks it touches are read.
    ///
    /// - Returns: fewer than `length` bytes at the end of the file, none behind it.
    public func readRange(_ oid: ObjectID, offset: Int64, length: Int) throws -> [UInt8] {
        guard offset >= 0, length >= 0 else { throw MLError(.invalidInput, "offset and length must not be negative") }
        let end = offset.addingReportingOverflow(Int64(length))
        let wanted = offset..<(end.overflow ? Int64.max : end.partialValue)
        var out: [UInt8] = []
        var start: Int64 = 0
        for part in try requireRecipe(oid).parts {
            let range = (start..<start + Int64(part.length)).clamped(to: wanted)
            if !range.isEmpty {
                let bytes = try chunk(part, of: oid)
                out += bytes[Int(range.lowerBound - start)..<Int(range.upperBound - start)]
            }
            start += Int64(part.length)
            if start >= wanted.upperBound { break }
        }
        return out
    }

    func requireRecipe(_ oid: ObjectID) throws -> Recipe {
        guard let recipe = try recipe(oid) else { throw ObjectStore.missing(oid) }
        return recipe
    }

    func chunk(_ part: Recipe.Part, of oid: ObjectID, checksHash: Bool = true) throws -> [UInt8] {
        guard let bytes = try readObject(part.id, checksHash: checksHash)?.raw else { throw ObjectStore.missing(oid) }
        guard bytes.count == Int(part.length) else {
            throw MLError(
                .corrupt, "the recipe of '\(oid)' gives chunk '\(part.id)' a wrong length", hint: PackIndex.hint)
        }
        return bytes
    }

    static func wrongRecipe(_ oid: ObjectID) -> MLError {
        MLError(.corrupt, "the recipe of '\(oid)' gives other content than its name says", hint: PackIndex.hint)
    }

    static func missing(_ oid: ObjectID) -> MLError {
        MLError(.missingObject, "object '\(oid)' is not in the local store", hint: "run 'git mldata pull'")
    }

    /// Parts in groups of a few megabytes: enough for all processors, little enough for memory.
    private static func batches(_ parts: [Recipe.Part]) -> [ArraySlice<Recipe.Part>] {
        var groups: [ArraySlice<Recipe.Part>] = []
        var start = 0
        var bytes = 0
        for (index, part) in parts.enumerated() {
            bytes += Int(part.length)
            if bytes >= 4 << 20 || index == parts.count - 1 {
                groups.append(parts[start...index])
                start = index + 1
                bytes = 0
            }
        }
        return groups
    }
}
