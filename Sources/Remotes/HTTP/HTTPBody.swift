import Base

/// What a request carries, for signatures and checksums as well as for sending.
package enum HTTPBody {
    case none
    case bytes([UInt8])
    case file(FileHandle, Range<Int64>)

    /// 32 hex digits.
    func md5() throws -> String {
        var hasher = MD5Hasher()
        switch self {
        case .none: break
        case .bytes(let bytes): hasher.update(bytes)
        case .file(let file, let range):
            for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
                hasher.update(try file.read(count: Int(min(1 << 20, range.upperBound - start)), at: start))
            }
        }
        return hasher.finish()
    }

    /// SHA-256.
    func digest() throws -> ObjectID {
        switch self {
        case .none: return .of([UInt8]())
        case .bytes(let bytes): return .of(bytes)
        case .file(let file, let range):
            var hasher = SHA256Hasher()
            let step: Int64 = 1 << 20
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Int64.Stride(step)) {
                hasher.update(try file.read(count: Int(min(step, range.upperBound - start)), at: start))
            }
            return hasher.finish()
        }
    }
}
