/// One line of a JSON Lines file, cut into its keys and values without building them.
struct JSONRow {
    /// Keys as they are spelt between the quotes, and values without the space around them; of an object only.
    private(set) var pairs: [(key: [UInt8], value: Range<Int>)] = []
    private let bytes: UnsafeRawBufferPointer

    /// - Throws: `NotReadable` for what is not laid out as a JSON value. Numbers and words are not looked into.
    init(_ line: UnsafeRawBufferPointer) throws {
        bytes = line
        var position = 0
        skipSpace(&position)
        if position < line.count && line[position] == UInt8(ascii: "{") {
            position += 1
            try readObject(&position)
        } else {
            try skipValue(&position)
        }
        skipSpace(&position)
        guard position == line.count else { throw JSONRow.mistake }
    }

    private static let mistake = NotReadable("a line is no JSON value")

    /// The same for the same keys and values, whatever the order of the keys and the space between them.
    ///
    /// - Parameter keys: only these; nil for all.
    func hash(keys: Set<[UInt8]>?) -> RowHash {
        if pairs.isEmpty { return RowHash(bytes) }
        var sum = RowHash.zero
        for (key, value) in pairs where keys?.contains(key) ?? true {
            var text = key
            text.append(0)
            text.append(contentsOf: bytes[value])
            sum = sum + RowHash(text)
        }
        return sum
    }

    private mutating func readObject(_ position: inout Int) throws {
        skipSpace(&position)
        if take("}", &position) { return }
        while true {
            skipSpace(&position)
            let start = position + 1
            try skipString(&position)
            let key = Array(bytes[start..<position - 1])
            skipSpace(&position)
            guard take(":", &position) else { throw JSONRow.mistake }
            skipSpace(&position)
            let value = position
            try skipValue(&position)
            pairs.append((key, value..<position))
            skipSpace(&position)
            if take(",", &position) { continue }
            guard take("}", &position) else { throw JSONRow.mistake }
            return
        }
    }

    private func skipValue(_ position: inout Int) throws {
        guard position < bytes.count else { throw JSONRow.mistake }
        switch bytes[position] {
        case UInt8(ascii: "\""): try skipString(&position)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            var depth = 0
            repeat {
                guard position < bytes.count else { throw JSONRow.mistake }
                switch bytes[position] {
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                case UInt8(ascii: "\""):
                    try skipString(&position)
                    continue
                default: break
                }
                position += 1
            } while depth > 0
        default:
            let start = position
            while position < bytes.count, JSONRow.isWord(bytes[position]) { position += 1 }
            if position == start { throw JSONRow.mistake }
        }
    }

    private func skipString(_ position: inout Int) throws {
        guard take("\"", &position) else { throw JSONRow.mistake }
        while position < bytes.count {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        throw JSONRow.mistake
    }

    private func skipSpace(_ position: inout Int) {
        while position < bytes.count, [0x20, 0x09, 0x0D, 0x0A].contains(bytes[position]) { position += 1 }
    }

    private func take(_ scalar: Unicode.Scalar, _ position: inout Int) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    /// Digits, letters, sign and point: `-1.5e3`, `true`, also `NaN`, which Python writes.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E: true
        default: false
        }
    }
}
