import Base

/// Reads a whole file of the store piece by piece, for a consumer that asks, such as an upload.
///
/// One chunk is in memory at a time. Each is checked before it is handed out, and the hash of the whole before its last
/// chunk is: a file that fails never leaves complete.
public final class ObjectReader: @unchecked Sendable {
    /// The file's length in bytes.
    public let size: Int64
    private let store: ObjectStore
    private let recipe: Recipe
    private var hasher = SHA256Hasher()
    private var next = 0
    private var chunk: [UInt8] = []
    private var offset = 0

    /// - Throws: `MLError(.missingObject)` when the store does not know the file.
    public init(_ oid: ObjectID, in store: ObjectStore) throws {
        self.store = store
        recipe = try store.requireRecipe(oid)
        size = recipe.size
    }

    /// Fills the buffer as far as it can; less than all of it only at the end of the file.
    ///
    /// - Throws: `MLError(.missingObject)`, `MLError(.corrupt)`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            if offset == chunk.count {
                guard try advance() else { break }
            }
            let count = min(buffer.count - filled, chunk.count - offset)
            chunk.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
            }
            offset += count
            filled += count
        }
        return filled
    }

    /// Starts again at the first byte.
    public func rewind() {
        hasher = SHA256Hasher()
        next = 0
        chunk = []
        offset = 0
    }

    private func advance() throws -> Bool {
        guard next < recipe.parts.count else { return false }
        chunk = try store.chunk(recipe.parts[next], of: recipe.oid)
        offset = 0
        next += 1
        hasher.update(chunk)
        if next == recipe.parts.count && hasher.finish() != recipe.oid { throw ObjectStore.wrongRecipe(recipe.oid) }
        return true
    }
}
