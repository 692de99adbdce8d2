import Base

/// The small text Git keeps instead of a large file: Git LFS pointer, version 1 (git-lfs: docs/spec.md).
///
/// An empty file is an empty blob and never a pointer.
public struct Pointer: Hashable, Sendable {
    /// A pointer is shorter than this; anything longer is ordinary content.
    public static let sizeLimit = 1024
    /// The SHA-256 of the file.
    public var oid: ObjectID
    /// The file's length in bytes.
    public var size: Int64
    /// Lines of Git LFS extensions (`ext-0-name sha256:…`) as they were written; content under them was transformed
    /// by programs this project does not run. Empty in every pointer this project writes.
    public private(set) var extensions: [String] = []

    public init(oid: ObjectID, size: Int64) {
        self.oid = oid
        self.size = size
    }

    /// The one canonical spelling.
    public var encoded: [UInt8] {
        var text = "version \(Pointer.version)\n"
        for line in extensions { text += line + "\n" }
        text += "oid sha256:\(oid.hex)\nsize \(size)\n"
        return Array(text.utf8)
    }

    /// Reads a pointer, canonical or in one of the spellings Git LFS accepts too: CRLF line ends, blank lines and space
    /// around the text, the two older version lines, size 0.
    ///
    /// - Returns: nil when Git LFS would call the text ordinary content (trailing junk, other keys, other order).
    public static func parse(_ bytes: [UInt8]) -> Pointer? {
        guard bytes.count < sizeLimit, bytes.count > 90 else { return nil }
        if let pointer = bytes.withUnsafeBytes(canonical) { return pointer }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var lines = trimmedLines(text)
        guard lines.count >= 3, let first = value(of: "version", in: lines.removeFirst()), versions.contains(first)
        else { return nil }
        var extensions: [String] = []
        while let line = lines.first, isExtension(line, after: extensions.last) {
            extensions.append(line)
            lines.removeFirst()
        }
        guard lines.count == 2, let name = value(of: "oid", in: lines[0]), name.hasPrefix("sha256:"),
            let oid = ObjectID(hex: name.dropFirst(7)), let size = value(of: "size", in: lines[1]).flatMap(number)
        else { return nil }
        var pointer = Pointer(oid: oid, size: size)
        pointer.extensions = extensions
        return pointer
    }

    /// Whether `bytes` is a pointer in its canonical spelling, the only one this project writes.
    public static func isCanonical(_ bytes: [UInt8]) -> Bool {
        guard let pointer = parse(bytes) else { return false }
        return pointer.size > 0 && pointer.encoded == bytes
    }

    /// Whether `bytes` starts as a pointer does: a short text that does and still fails `parse` is a damaged pointer.
    public static func looksLikePointer(_ bytes: [UInt8]) -> Bool {
        bytes.count < sizeLimit && versions.contains { bytes.starts(with: "version \($0)".utf8) }
    }

    private static let version = "https://git-lfs.github.com/spec/v1"
    private static let versions = [version, "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"]

    private static let head = Array("version \(version)\noid sha256:".utf8)
    private static let middle = Array("\nsize ".utf8)

    /// Reads the one spelling nearly all pointers have, without making lines of it: a checkout reads them by the
    /// thousand. Nil leaves the answer to the lines.
    private static func canonical(_ bytes: UnsafeRawBufferPointer) -> Pointer? {
        let size = head.count + 2 * ObjectID.byteCount
        let digits = size + middle.count
        guard bytes.count > digits + 1, bytes.count < digits + 20, bytes[bytes.count - 1] == 10,
            bytes[..<head.count].elementsEqual(head), bytes[size..<digits].elementsEqual(middle),
            let oid = ObjectID(hexDigits: UnsafeRawBufferPointer(rebasing: bytes[head.count..<size]))
        else { return nil }
        var value: Int64 = 0
        for character in bytes[digits..<bytes.count - 1] {
            guard (0x30...0x39).contains(character) else { return nil }
            value = value * 10 + Int64(character - 0x30)
        }
        return Pointer(oid: oid, size: value)
    }

    /// The lines that say something, without carriage returns.
    private static func trimmedLines(_ text: String) -> [String] {
        var lines: [String] = []
        for part in text.utf8.split(separator: 10) {
            let line = part.last == 13 ? part.dropLast() : part
            if !line.isEmpty { lines.append(String(Substring(line))) }
        }
        // Git LFS trims white space around the whole text only.
        if let first = lines.first { lines[0] = String(first.drop(while: isSpace)) }
        while let last = lines.last {
            lines.removeLast()
            var end = last[...]
            while let character = end.last, isSpace(character) { end.removeLast() }
            if end.isEmpty { continue }
            lines.append(String(end))
            break
        }
        return lines
    }

    private static func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func value(of key: String, in line: String) -> String? {
        guard line.hasPrefix(key + " ") else { return nil }
        return String(line.dropFirst(key.count + 1))
    }

    private static func number(_ text: String) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// `ext-<digit>-<name> sha256:<oid>`, each with a higher digit than the one before.
    private static func isExtension(_ line: String, after previous: String?) -> Bool {
        let key = Array(line.utf8.prefix { $0 != 0x20 })
        guard key.starts(with: "ext-".utf8), key.count > 6, (0x30...0x39).contains(key[4]), key[5] == 0x2D else {
            return false
        }
        if let previous, Array(previous.utf8)[4] >= key[4] { return false }
        let rest = line.utf8.dropFirst(key.count + 1)
        return rest.starts(with: "sha256:".utf8) && ObjectID(hex: String(Substring(rest.dropFirst(7)))) != nil
    }
}
