import Crypto

/// Streaming SHA-256 (FIPS 180-4); the work is done by swift-crypto, which uses the processor's SHA instructions.
public struct SHA256Hasher: Sendable {
    private var hasher = Crypto.SHA256()

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) } }

    public mutating func update(_ text: String) { update(Array(text.utf8)) }

    /// The id of everything fed so far. The hasher itself can go on.
    public func finish() -> ObjectID {
        // A digest is always 32 bytes, so the initialiser cannot fail; the fallback is unreachable.
        ObjectID(bytes: Array(hasher.finalize())) ?? ObjectID.zero
    }
}

extension ObjectID {
    /// All zero bytes: never the hash of real content.
    public static let zero = ObjectID(bytes: [UInt8](repeating: 0, count: byteCount)).unsafelyUnwrapped

    public static func of(_ bytes: UnsafeRawBufferPointer) -> ObjectID {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    public static func of(_ bytes: [UInt8]) -> ObjectID { bytes.withUnsafeBytes { of($0) } }

    public static func of(_ text: String) -> ObjectID { of(Array(text.utf8)) }

    /// The id of a file's content, read in pieces.
    public static func ofFile(_ path: String) throws -> ObjectID {
        var hasher = SHA256Hasher()
        try FileHandle(reading: path).forEachPiece { hasher.update($0) }
        return hasher.finish()
    }
}

/// SHA-1, only where Git's own formats demand it (the trailer of the index file).
public enum SHA1 {
    public static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = Insecure.SHA1()
        hasher.update(bufferPointer: bytes)
        return Array(hasher.finalize())
    }
}
