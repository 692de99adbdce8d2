import Base
import ObjectStore

/// Random access to one content of the store. Remembers its recipe and the chunk read last.
public final class StoredContent: @unchecked Sendable {
    public let pointer: Pointer
    private let store: ObjectStore
    private let parts: [Recipe.Part]
    /// Where each part begins.
    private let starts: [Int64]
    private let mutex = Mutex()
    private var cached: (part: Int, bytes: [UInt8])?

    /// - Throws: `MLError(.missingObject)` when the content is not in the store, `MLError(.corrupt)`.
    public init(_ pointer: Pointer, in store: ObjectStore) throws {
        guard let recipe = try store.recipe(pointer.oid), try store.contains(pointer.oid) else {
            throw MLError(
                .missingObject, "object '\(pointer.oid)' is not in the local store", hint: "run 'git mldata fetch'")
        }
        self.pointer = pointer
        self.store = store
        parts = recipe.parts
        var start: Int64 = 0
        starts = parts.map { part in
            defer { start += Int64(part.length) }
            return start
        }
    }

    public var size: Int64 { (starts.last ?? 0) + Int64(parts.last?.length ?? 0) }

    /// Up to `length` bytes; fewer only at the end.
    public func read(at offset: Int64, length: Int) throws -> [UInt8] {
        try mutex.withLock {
            var out: [UInt8] = []
            let end = min(size, offset + Int64(length))
            var position = max(0, offset)
            out.reserveCapacity(Int(max(0, end - position)))
            var part = lastPart(startingAtOrBefore: position)
            while position < end {
                let bytes = try chunk(part)
                let from = Int(position - starts[part])
                let count = min(bytes.count - from, Int(end - position))
                out += bytes[from..<from + count]
                position += Int64(count)
                part += 1
            }
            return out
        }
    }

    private func lastPart(startingAtOrBefore offset: Int64) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    private func chunk(_ part: Int) throws -> [UInt8] {
        if let cached, cached.part == part { return cached.bytes }
        let bytes = try store.readRange(parts[part].id, offset: 0, length: Int(parts[part].length))
        guard bytes.count == Int(parts[part].length) else {
            throw MLError(.corrupt, "the recipe of '\(pointer.oid)' gives a chunk a wrong length")
        }
        cached = (part, bytes)
        return bytes
    }
}

extension ObjectStore {
    /// Bytes of `new` that lie in chunks `old` has too; nil when the store lacks a recipe.
    public func sharedBytes(_ old: ObjectID, _ new: ObjectID) throws -> Int64? {
        guard let first = try recipe(old), let second = try recipe(new) else { return nil }
        let known = Set(first.parts.map(\.id))
        return second.parts.reduce(0) { known.contains($1.id) ? $0 + Int64($1.length) : $0 }
    }
}
