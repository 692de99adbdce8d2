import Base

/// The safetensors format: eight bytes of header length (little-endian), a JSON header, then the tensors' bytes.
///
/// Written: 32-bit and 16-bit floats, and bytes with a factor a row. Read: these and bfloat16, as 32-bit floats; tensors of
/// whole numbers are skipped. Reading checks everything: a file that lies about its parts is an error.
public enum SafeTensors {
    /// How numbers are stored.
    public enum Precision: String, Sendable, CaseIterable {
        /// 32-bit floats: nothing is lost.
        case single
        /// 16-bit floats: eleven bits of each number.
        case half
        /// Bytes; each row is divided by its largest value, kept as `NAME.factors`. Matrices only, single rows stay.
        case int8
    }

    /// Ends the name of the tensor with the factors of a tensor of bytes.
    private static let factors = ".factors"

    /// Bytes of an element, for the types that are known.
    private static let sizes = [
        "F32": 4, "F16": 2, "BF16": 2, "I8": 1, "U8": 1, "BOOL": 1, "I16": 2, "I32": 4, "I64": 8,
    ]

    /// Largest header that is read, in bytes, as in the format's own implementation.
    private static let maximumHeader = 100_000_000

    /// The bytes of a file, tensors in the given order.
    ///
    /// - Parameters:
    ///   - metadata: texts for the header's `__metadata__`.
    ///   - precision: how numbers are stored.
    public static func encode(
        _ tensors: [(name: String, value: Matrix)], metadata: [(String, String)] = [], precision: Precision = .single
    ) -> [UInt8] {
        var header = JSONObject()
        if !metadata.isEmpty {
            header["__metadata__"] = .object(JSONObject(metadata.map { ($0.0, JSON.string($0.1)) }))
        }
        var offset = 0
        var data: [(type: String, shape: Matrix, bytes: [UInt8])] = []
        func add(_ name: String, _ type: String, _ shape: Matrix, _ bytes: [UInt8]) {
            header[name] = [
                "dtype": .string(type), "shape": [JSON(shape.rows), JSON(shape.columns)],
                "data_offsets": [JSON(offset), JSON(offset + bytes.count)],
            ]
            offset += bytes.count
            data.append((type, shape, bytes))
        }
        // Bytes last: the others then begin at multiples of their own size.
        var small: [(String, Matrix, [Int8])] = []
        for (name, value) in tensors {
            switch precision {
            case .half: add(name, "F16", value, value.values.map { Float16($0) }.withUnsafeBytes { Array($0) })
            case .int8 where value.rows > 1:
                let (factors, bytes) = quantised(value)
                add(name + SafeTensors.factors, "F32", factors, factors.values.withUnsafeBytes { Array($0) })
                small.append((name, value, bytes))
            default: add(name, "F32", value, value.values.withUnsafeBytes { Array($0) })
            }
        }
        for (name, value, bytes) in small { add(name, "I8", value, bytes.map { UInt8(bitPattern: $0) }) }
        var text = Array(JSON.object(header).compact().utf8)
        // The data begins at a multiple of eight, so that it can be mapped.
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + text.count + offset)
        withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes += text
        for part in data { bytes += part.bytes }
        return bytes
    }

    /// Each row as bytes from −127 to 127 and the factor that brings them back.
    private static func quantised(_ x: Matrix) -> (factors: Matrix, bytes: [Int8]) {
        var factors = Matrix(1, x.rows)
        var bytes = [Int8](repeating: 0, count: x.values.count)
        for row in 0..<x.rows {
            let range = row * x.columns..<(row + 1) * x.columns
            let top = x.values[range].reduce(0) { max($0, abs($1)) }
            factors.values[row] = top / 127
            if top == 0 { continue }
            for place in range { bytes[place] = Int8((x.values[place] / top * 127).rounded()) }
        }
        return (factors, bytes)
    }

    /// The texts of the header's `__metadata__`.
    public static func metadata(_ bytes: [UInt8], name: String) throws -> [String: String] {
        let (header, _) = try header(bytes, name)
        let pairs = header["__metadata__"]?.objectValue?.pairs ?? []
        return Dictionary(pairs.map { ($0.key, $0.value.stringValue ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    private static func header(_ bytes: [UInt8], _ name: String) throws -> (header: JSONObject, start: Int) {
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
        return (entries, start)
    }

    /// The tensors of a file, by name. One-dimensional ones have one row.
    ///
    /// - Throws: `MLError(.corrupt)` naming the file and what is wrong.
    public static func decode(_ bytes: [UInt8], name: String) throws -> [String: Matrix] {
        func corrupt(_ what: String) -> MLError { MLError(.corrupt, "'\(name)' is no valid safetensors file: \(what)") }
        let (entries, start) = try header(bytes, name)
        var tensors: [String: Matrix] = [:]
        var covered: [Range<Int>] = []
        var small: [String] = []
        for (key, entry) in entries.pairs where key != "__metadata__" {
            let type = entry["dtype"]?.stringValue ?? ""
            guard let size = sizes[type] else { throw corrupt("tensor '\(key)' is of the unknown type '\(type)'") }
            // −1 for what is no number: it must not vanish from the list.
            let shape = entry["shape"]?.arrayValue?.map { $0.intValue ?? -1 } ?? []
            let offsets = entry["data_offsets"]?.arrayValue?.map { $0.intValue ?? -1 } ?? []
            let isSkipped = !["F32", "F16", "BF16", "I8"].contains(type)
            guard isSkipped || (1...2).contains(shape.count), shape.allSatisfy({ (0...(1 << 40)).contains($0) }),
                offsets.count == 2,
                offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= bytes.count - start
            else { throw corrupt("tensor '\(key)' has no valid shape or lies beyond the end") }
            let columns = shape.last ?? 1
            var (rows, overflow) = (1, false)
            for side in shape.dropLast() {
                let product = rows.multipliedReportingOverflow(by: side)
                (rows, overflow) = (product.partialValue, overflow || product.overflow)
            }
            let (count, tooMany) = rows.multipliedReportingOverflow(by: columns)
            guard !overflow, !tooMany, count == (offsets[1] - offsets[0]) / size, (offsets[1] - offsets[0]) % size == 0
            else {
                throw corrupt("tensor '\(key)' has another size than its shape says")
            }
            covered.append(offsets[0]..<offsets[1])
            if isSkipped { continue }
            let values = bytes[(start + offsets[0])..<(start + offsets[1])].withUnsafeBytes { raw -> [Float] in
                switch type {
                case "F16": (0..<count).map { Float(raw.loadUnaligned(fromByteOffset: $0 * 2, as: Float16.self)) }
                case "BF16":
                    (0..<count).map {
                        Float(bitPattern: UInt32(raw.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) << 16)
                    }
                case "I8": (0..<count).map { Float(Int8(bitPattern: raw[$0])) }
                default:
                    [Float](unsafeUninitializedCapacity: count) { out, filled in
                        UnsafeMutableRawBufferPointer(out).copyMemory(from: raw)
                        filled = count
                    }
                }
            }
            tensors[key] = Matrix(rows: rows, columns: columns, values: values)
            if type == "I8" { small.append(key) }
        }
        for key in small {
            guard let value = tensors[key] else { continue }
            guard let factors = tensors.removeValue(forKey: key + SafeTensors.factors),
                factors.values.count == value.rows
            else { throw corrupt("tensor '\(key)' of bytes has no factors for its rows") }
            for row in 0..<value.rows {
                for place in row * value.columns..<(row + 1) * value.columns {
                    tensors[key]?.values[place] *= factors.values[row]
                }
            }
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
