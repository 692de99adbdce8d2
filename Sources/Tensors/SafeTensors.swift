import Base

/// The safetensors format: eight bytes of header length (little-endian), a JSON header, then the tensors' bytes.
///
/// Only 32-bit floats are read and written. Reading checks everything: a file that lies about its parts is an error.
public enum SafeTensors {
    /// Largest header that is read, in bytes, as in the format's own implementation.
    private static let maximumHeader = 100_000_000

    /// The bytes of a file, tensors in the given order.
    ///
    /// - Parameter metadata: texts for the header's `__metadata__`.
    public static func encode(_ tensors: [(name: String, value: Matrix)], metadata: [(String, String)] = []) -> [UInt8]
    {
        var header = JSONObject()
        if !metadata.isEmpty {
            header["__metadata__"] = .object(JSONObject(metadata.map { ($0.0, JSON.string($0.1)) }))
        }
        var offset = 0
        for (name, value) in tensors {
            let end = offset + value.values.count * 4
            header[name] = [
                "dtype": "F32", "shape": [JSON(value.rows), JSON(value.columns)],
                "data_offsets": [JSON(offset), JSON(end)],
            ]
            offset = end
        }
        var text = Array(JSON.object(header).compact().utf8)
        // The data begins at a multiple of eight, so that it can be mapped.
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + text.count + offset)
        withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes += text
        for (_, value) in tensors { value.values.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// The tensors of a file, by name. One-dimensional ones have one row.
    ///
    /// - Throws: `MLError(.corrupt)` naming the file and what is wrong.
    public static func decode(_ bytes: [UInt8], name: String) throws -> [String: Matrix] {
        func corrupt(_ what: String) -> MLError { MLError(.corrupt, "'\(name)' is no valid safetensors file: \(what)") }
        guard bytes.count >= 8 else { throw corrupt("it has only \(bytes.count) bytes") }
        let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(maximumHeader), Int(length) <= bytes.count - 8 else {
            throw corrupt("the header's length \(length) is beyond the end")
        }
        let start = 8 + Int(length)
        guard let header = try? JSON(parsing: Array(bytes[8..<start])), let entries = header.objectValue else {
            throw corrupt("the header is no JSON object")
        }
        var tensors: [String: Matrix] = [:]
        var covered: [Range<Int>] = []
        for (key, entry) in entries.pairs where key != "__metadata__" {
            guard entry["dtype"]?.stringValue == "F32" else { throw corrupt("tensor '\(key)' is not F32") }
            // −1 for what is no number: it must not vanish from the list.
            let shape = entry["shape"]?.arrayValue?.map { $0.intValue ?? -1 } ?? []
            let offsets = entry["data_offsets"]?.arrayValue?.map { $0.intValue ?? -1 } ?? []
            guard (1...2).contains(shape.count), shape.allSatisfy({ (0...(1 << 40)).contains($0) }), offsets.count == 2,
                offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= bytes.count - start
            else { throw corrupt("tensor '\(key)' has no valid shape or lies beyond the end") }
            let rows = shape.count == 2 ? shape[0] : 1
            let (count, overflow) = rows.multipliedReportingOverflow(by: shape[shape.count - 1])
            guard !overflow, count == (offsets[1] - offsets[0]) / 4, (offsets[1] - offsets[0]) % 4 == 0 else {
                throw corrupt("tensor '\(key)' has another size than its shape says")
            }
            covered.append(offsets[0]..<offsets[1])
            let values = bytes[(start + offsets[0])..<(start + offsets[1])].withUnsafeBytes { raw in
                (0..<count).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
            }
            tensors[key] = Matrix(rows: rows, columns: shape[shape.count - 1], values: values)
        }
        covered.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        var end = 0
        for range in covered {
            guard range.lowerBound == end else { throw corrupt("tensors overlap or leave gaps") }
            end = range.upperBound
        }
        guard end == bytes.count - start else { throw corrupt("it ends with bytes that belong to no tensor") }
        return tensors
    }
}
