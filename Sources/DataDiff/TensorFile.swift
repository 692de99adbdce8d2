import Base

/// What a safetensors file holds, from its header alone.
struct TensorFile: Sendable {
    struct Tensor: Hashable, Sendable {
        var name: String
        var dtype: String
        var shape: [Int]
        /// Where its bytes are in the file.
        var range: Range<Int64>
    }

    /// Sorted by name.
    var tensors: [Tensor]
    /// `__metadata__`, sorted by key.
    var metadata: [(key: String, value: String)]
    let source: ContentSource

    /// The longest header that the format's own reader takes, in bytes.
    private static let maximumHeader: UInt64 = 100_000_000

    /// - Throws: `NotReadable` for a header that lies about the file.
    init(_ source: ContentSource) throws {
        self.source = source
        let prefix = try source.read(at: 0, length: 8)
        let length = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard prefix.count == 8, length <= TensorFile.maximumHeader, Int64(length) <= source.size - 8,
            let header = try? JSON(parsing: source.read(at: 8, length: Int(length))), let entries = header.objectValue
        else { throw NotReadable("it has no safetensors header") }
        let start = 8 + Int64(length)
        metadata = (entries["__metadata__"]?.objectValue?.pairs ?? [])
            .map { ($0.key, $0.value.stringValue ?? $0.value.compact()) }.sorted { $0.0 < $1.0 }
        tensors = try entries.pairs.filter { $0.key != "__metadata__" }.map { key, entry in
            let offsets = entry["data_offsets"]?.arrayValue?.compactMap(\.intValue) ?? []
            let shape = entry["shape"]?.arrayValue?.map { $0.intValue ?? -1 } ?? [-1]
            guard let dtype = entry["dtype"]?.stringValue, shape.allSatisfy({ $0 >= 0 }), offsets.count == 2,
                0 <= offsets[0], offsets[0] <= offsets[1], Int64(offsets[1]) <= source.size - start
            else { throw NotReadable("tensor '\(key)' is not inside the file") }
            return Tensor(
                name: key, dtype: dtype, shape: shape, range: start + Int64(offsets[0])..<start + Int64(offsets[1]))
        }.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}

/// The number formats whose values can be compared.
package enum FloatFormat: String {
    case f64 = "F64", f32 = "F32", f16 = "F16", bf16 = "BF16"

    var width: Int {
        switch self {
        case .f64: 8
        case .f32: 4
        case .f16, .bf16: 2
        }
    }

    /// The value in bytes of little-endian order.
    @inline(__always)
    func value(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Double {
        switch self {
        case .f64:
            Double(
                bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        case .f32:
            Double(
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
        case .f16: FloatFormat.half(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
        case .bf16:
            Double(
                Float(
                    bitPattern: UInt32(
                        UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))) << 16))
        }
    }

    /// IEEE 754 binary16.
    package static func half(_ bits: UInt16) -> Double {
        let sign = bits >> 15 == 0 ? 1.0 : -1.0
        let exponent = Int(bits >> 10 & 0x1f)
        let fraction = Double(bits & 0x3ff)
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * (1 + fraction * 0x1p-10) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }
}
