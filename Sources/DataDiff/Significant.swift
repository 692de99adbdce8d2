import Glibc

/// Numbers with so many significant digits, the same on every machine: what stands in a diff must be stable.
enum Significant {
    static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return withVaList([Int32(digits), value]) { arguments in
            var buffer = [CChar](repeating: 0, count: 64)
            let length = vsnprintf(&buffer, buffer.count, "%.*g", arguments)
            return String(
                decoding: buffer.prefix(Int(max(0, min(length, 63)))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
