import Base

/// A place in a text, for the small readers of param files.
struct TextScanner {
    /// Deep enough for any real file, shallow enough for the stack.
    static let maximumDepth = 200

    private let name: String
    private let scalars: [Unicode.Scalar]
    private(set) var position = 0
    /// How many brackets are open.
    var depth = 0

    /// - Throws: `MLError(.invalidInput)` when the bytes are not UTF-8.
    init(_ bytes: [UInt8], name: String) throws {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw MLError(.invalidInput, "\(name):1:1: the file is not UTF-8 text")
        }
        self.name = name
        scalars = Array(text.unicodeScalars.drop { $0 == "\u{feff}" })
    }

    var peek: Unicode.Scalar? { peek(0) }

    func peek(_ offset: Int) -> Unicode.Scalar? {
        scalars.indices.contains(position + offset) ? scalars[position + offset] : nil
    }

    mutating func advance(_ count: Int = 1) { position = min(scalars.count, position + count) }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    mutating func takeWhile(_ isWanted: (Unicode.Scalar) -> Bool) -> String {
        var out = String.UnicodeScalarView()
        while let next = peek, isWanted(next) {
            out.append(next)
            position += 1
        }
        return String(out)
    }

    /// The scalar that `count` hex digits name.
    mutating func takeHex(_ count: Int) -> Unicode.Scalar? {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let next = peek, next.isASCII, let digit = Character(next).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return Unicode.Scalar(value)
    }

    /// An error at this place.
    func mistake(_ message: String) -> MLError {
        let before = scalars[..<position]
        let line = before.count { $0 == "\n" } + 1
        let column = position - (before.lastIndex(of: "\n").map { $0 + 1 } ?? 0) + 1
        return MLError(.invalidInput, "\(name):\(line):\(column): \(message)")
    }
}
