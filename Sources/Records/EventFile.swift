import Base

/// TensorBoard event files: TFRecord frames (length, its masked CRC-32C, data, its masked CRC-32C) around protocol buffer
/// messages `Event { double wall_time = 1; int64 step = 2; Summary summary = 5 }`, `Summary { repeated Value value = 1 }`,
/// `Value { string tag = 1; float simple_value = 2; TensorProto tensor = 8 }` (tensorflow/core/util/event.proto,
/// framework/summary.proto).
public enum EventFile {
    /// The scalars of a file with their steps. A last frame that was cut off is left out.
    ///
    /// - Throws: `MLError(.corrupt)` when a checksum is wrong.
    public static func read(_ path: String) throws -> RecordedValues {
        do { return try parse(Files.read(path)) } catch let error as MLError {
            throw MLError(error.code, "'\(path)': \(error.message)", hints: error.hints)
        }
    }

    static func parse(_ bytes: [UInt8]) throws -> RecordedValues {
        var values = RecordedValues()
        var position = 0
        while position + 12 <= bytes.count {
            let header = bytes[position..<position + 8]
            guard masked(header) == number(bytes, position + 8, 4) else {
                throw MLError(.corrupt, "the checksum of an event's length is wrong")
            }
            let length = number(bytes, position, 8)
            let start = position + 12
            guard length <= UInt64(bytes.count), start + Int(length) + 4 <= bytes.count else { break }
            let data = bytes[start..<start + Int(length)]
            guard masked(data) == number(bytes, start + Int(length), 4) else {
                throw MLError(.corrupt, "the checksum of an event is wrong")
            }
            event(data, &values)
            position = start + Int(length) + 4
        }
        return values
    }

    private static func event(_ bytes: ArraySlice<UInt8>, _ values: inout RecordedValues) {
        let fields = ProtocolBuffer.fields(bytes)
        let step = fields.last { $0.number == 2 }.map { Int64(bitPattern: $0.integer) } ?? 0
        for summary in fields where summary.number == 5 {
            for value in ProtocolBuffer.fields(summary.bytes) where value.number == 1 {
                let parts = ProtocolBuffer.fields(value.bytes)
                guard let tag = parts.last(where: { $0.number == 1 })?.bytes, let scalar = scalar(parts) else {
                    continue
                }
                values.add(String(decoding: tag, as: UTF8.self), scalar, step: step)
            }
        }
    }

    private static func scalar(_ parts: [ProtocolBuffer.Field]) -> JSON? {
        if let simple = parts.last(where: { $0.number == 2 && $0.kind == 5 }) {
            return json(Double(Float(bitPattern: UInt32(truncatingIfNeeded: simple.integer))))
        }
        // Newer writers put a tensor of one element: float_val (5), or its bytes in tensor_content (4).
        guard let tensor = parts.last(where: { $0.number == 8 }) else { return nil }
        let fields = ProtocolBuffer.fields(tensor.bytes)
        guard fields.last(where: { $0.number == 1 })?.integer == 1 else { return nil }
        if let value = fields.last(where: { $0.number == 5 }) {
            let raw = value.kind == 5 ? value.integer : value.bytes.count == 4 ? number(Array(value.bytes), 0, 4) : nil
            return raw.flatMap { json(Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0)))) }
        }
        guard let content = fields.last(where: { $0.number == 4 })?.bytes, content.count == 4 else { return nil }
        return json(Double(Float(bitPattern: UInt32(number(Array(content), 0, 4)))))
    }

    /// A float has seven digits; its value as a double would show seventeen.
    private static func json(_ value: Double) -> JSON? {
        guard value.isFinite else { return nil }
        return Double(Float(value).description).map { .number($0) }
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }

    /// TFRecord's masked CRC-32C.
    private static func masked(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var crc = ~UInt32(0)
        for byte in bytes { crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
        crc = ~crc
        return UInt64((crc >> 15 | crc << 17) &+ 0xA282_EAD8)
    }

    /// CRC-32C (Castagnoli), reflected polynomial 0x82F63B78.
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
    }
}

/// The wire format of protocol buffers, read without a schema.
enum ProtocolBuffer {
    struct Field {
        var number: Int
        /// 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
        var kind: Int
        var integer: UInt64 = 0
        var bytes: ArraySlice<UInt8> = []
    }

    /// The fields of a message; what is cut off or of another kind ends the list.
    static func fields(_ bytes: ArraySlice<UInt8>) -> [Field] {
        var result: [Field] = []
        var position = bytes.startIndex
        func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                guard position < bytes.endIndex else { return nil }
                let byte = bytes[position]
                position += 1
                if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
                if byte & 0x80 == 0 { return value }
            }
            return nil
        }
        func fixed(_ count: Int) -> UInt64? {
            guard position + count <= bytes.endIndex else { return nil }
            defer { position += count }
            return (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64(8 * $1) }
        }
        while position < bytes.endIndex, let tag = varint() {
            var field = Field(number: Int(truncatingIfNeeded: tag >> 3), kind: Int(tag & 7))
            switch field.kind {
            case 0, 1, 5:
                guard let value = field.kind == 0 ? varint() : fixed(field.kind == 1 ? 8 : 4) else { return result }
                field.integer = value
            case 2:
                guard let length = varint(), length <= UInt64(bytes.endIndex - position) else { return result }
                field.bytes = bytes[position..<position + Int(length)]
                position += Int(length)
            default: return result
            }
            result.append(field)
        }
        return result
    }
}
