/// File names are bytes, texts are Unicode: a byte of a name that is no UTF-8 stands in a text as a private character from
/// U+10FF80 to U+10FFFF, 0x10FF00 more than the byte, and becomes the byte again wherever the name goes back to the system.
///
/// A name that has such a character itself is taken apart into bytes likewise, so that there is one text for each name.
extension String {
    /// The text of a file name or path.
    public init(path bytes: some Collection<UInt8>) {
        if let text = String(validating: bytes, as: UTF8.self), !PathText.hasPrivate(text) {
            self = text
        } else {
            self = PathText.decode(Array(bytes))
        }
    }

    /// The bytes of a file name or path.
    public var pathBytes: [UInt8] {
        guard PathText.hasPrivate(self) else { return Array(utf8) }
        return unicodeScalars.flatMap { scalar -> [UInt8] in
            PathText.range.contains(scalar.value) ? [UInt8(scalar.value & 0xFF)] : Array(String(scalar).utf8)
        }
    }

    /// Whether a byte of a name that is no UTF-8 stands in it.
    public var holdsRawBytes: Bool { PathText.hasPrivate(self) }

    /// The same, as the system takes it.
    public func withPath<T>(_ body: (UnsafePointer<CChar>) throws -> T) rethrows -> T {
        guard PathText.hasPrivate(self) else { return try withCString(body) }
        return try (pathBytes + [0]).withUnsafeBytes {
            guard let start = $0.baseAddress else { return try withCString(body) }
            return try body(start.assumingMemoryBound(to: CChar.self))
        }
    }
}

private enum PathText {
    static let range: ClosedRange<UInt32> = 0x10FF80...0x10FFFF

    static func hasPrivate(_ text: String) -> Bool {
        // All of them begin with the same byte, which hardly any name has.
        text.utf8.contains(0xF4) && text.unicodeScalars.contains { range.contains($0.value) }
    }

    static func decode(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        var position = 0
        while position < bytes.count {
            let lengths = 1...min(4, bytes.count - position)
            let scalar = lengths.lazy.compactMap {
                String(validating: bytes[position..<position + $0], as: UTF8.self)?.unicodeScalars.first
            }.first
            if let scalar, !range.contains(scalar.value) {
                text.append(scalar)
                position += String(scalar).utf8.count
            } else {
                if let stand = Unicode.Scalar(0x10FF00 + UInt32(bytes[position])) { text.append(stand) }
                position += 1
            }
        }
        return String(text)
    }
}
