import Crypto

/// Streaming MD5 (RFC 1321), only to check content that other tools named by it; nothing of this project's own is.
public struct MD5Hasher: Sendable {
    private var hasher = Insecure.MD5()

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) } }

    /// 32 hex digits of everything fed so far.
    public func finish() -> String { Hex.encode(hasher.finalize()) }
}
