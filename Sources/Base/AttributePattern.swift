/// A pattern as in `.gitattributes` of the top folder (git: gitattributes, gitignore "PATTERN FORMAT", wildmatch.c): without
/// a slash it matches the last component anywhere, with one the whole path; `**` crosses folders.
public struct AttributePattern: Hashable, Sendable {
    private let pattern: [UInt8]
    private let matchesNameOnly: Bool

    /// - Throws: `MLError(.usage)` for what git takes in ignore files only: `!…` and `…/`.
    public init(_ text: String) throws {
        var bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes[0] != UInt8(ascii: "!") else {
            throw MLError(.usage, "'\(text)' is not a pattern for attributes", hint: "for example '*.bin' or 'data/**'")
        }
        guard bytes.last != 0x2F else {
            throw MLError(
                .usage, "'\(text)' would match a folder, and folders have no attributes", hint: "use '\(text)**'")
        }
        matchesNameOnly = !bytes.contains(0x2F)
        if bytes[0] == 0x2F { bytes.removeFirst() }
        pattern = bytes
    }

    /// - Parameter path: from the top, with `/`.
    public func matches(_ path: some Collection<UInt8>) -> Bool {
        var text = Array(path)
        if matchesNameOnly, let slash = text.lastIndex(of: 0x2F) { text.removeFirst(slash + 1) }
        return AttributePattern.match(pattern[...], text[...])
    }

    private static func match(
        _ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, before: UInt8? = nil
    ) -> Bool {
        var pattern = pattern
        var text = text
        var before = before
        while let head = pattern.first {
            switch head {
            case UInt8(ascii: "*"): return matchStars(pattern, text, before)
            case UInt8(ascii: "?"):
                guard let byte = text.first, byte != 0x2F else { return false }
                pattern.removeFirst()
            case UInt8(ascii: "["):
                guard let byte = text.first, byte != 0x2F, let (isIn, rest) = matchClass(pattern, byte), isIn else {
                    return false
                }
                pattern = rest
            default:
                if head == 0x5C, pattern.count > 1 { pattern.removeFirst() }
                guard let byte = text.first, byte == pattern.first else { return false }
                pattern.removeFirst()
            }
            before = text.popFirst()
        }
        return text.isEmpty
    }

    /// `*` stays in its folder; `**` crosses folders when slashes or the ends stand around it.
    private static func matchStars(
        _ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, _ before: UInt8?
    ) -> Bool {
        let rest = pattern.drop { $0 == UInt8(ascii: "*") }
        let isWide =
            rest.startIndex - pattern.startIndex >= 2 && (before == nil || before == 0x2F)
            && (rest.isEmpty || rest.first == 0x2F)
        if isWide && rest.isEmpty { return !text.isEmpty }
        // `a/**/b` matches `a/b`, too.
        if isWide, match(rest.dropFirst(), text, before: 0x2F) { return true }
        var tail = text
        var last = before
        while true {
            if match(rest, tail, before: last) { return true }
            guard let byte = tail.first, isWide || byte != 0x2F else { return false }
            last = byte
            tail.removeFirst()
        }
    }

    /// Whether a byte is in the class at the start of the pattern, and what follows the class; nil when it does not end.
    private static func matchClass(_ pattern: ArraySlice<UInt8>, _ byte: UInt8) -> (Bool, ArraySlice<UInt8>)? {
        var rest = pattern.dropFirst()
        var negated = false
        if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^") {
            negated = true
            rest.removeFirst()
        }
        var found = false
        var isFirst = true
        while let next = rest.first {
            if next == UInt8(ascii: "]"), !isFirst { return (found != negated, rest.dropFirst()) }
            isFirst = false
            if next == UInt8(ascii: "["), rest.dropFirst().first == UInt8(ascii: ":"),
                let (isIn, after) = matchNamedClass(rest, byte)
            {
                found = found || isIn
                rest = after
                continue
            }
            guard let low = takeByte(&rest) else { return nil }
            var high = low
            if rest.first == UInt8(ascii: "-"), let end = rest.dropFirst().first, end != UInt8(ascii: "]") {
                rest.removeFirst()
                guard let last = takeByte(&rest) else { return nil }
                high = last
            }
            if low <= high && (low...high).contains(byte) { found = true }
        }
        return nil
    }

    private static func takeByte(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
        if rest.first == 0x5C { rest.removeFirst() }
        return rest.popFirst()
    }

    private static func matchNamedClass(_ pattern: ArraySlice<UInt8>, _ byte: UInt8) -> (Bool, ArraySlice<UInt8>)? {
        let body = pattern.dropFirst(2)
        guard let end = body.firstIndex(of: UInt8(ascii: ":")), body.dropFirst(end - body.startIndex + 1).first == 0x5D
        else { return nil }
        let isLower = (0x61...0x7A).contains(byte)
        let isUpper = (0x41...0x5A).contains(byte)
        let isDigit = (0x30...0x39).contains(byte)
        let isGraph = (0x21...0x7E).contains(byte)
        let isIn: Bool
        switch String(decoding: body[..<end], as: UTF8.self) {
        case "alpha": isIn = isLower || isUpper
        case "lower": isIn = isLower
        case "upper": isIn = isUpper
        case "digit": isIn = isDigit
        case "alnum": isIn = isLower || isUpper || isDigit
        case "xdigit": isIn = isDigit || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
        case "space": isIn = byte == 0x20 || (0x09...0x0D).contains(byte)
        case "blank": isIn = byte == 0x20 || byte == 0x09
        case "punct": isIn = isGraph && !(isLower || isUpper || isDigit)
        case "graph": isIn = isGraph
        case "print": isIn = isGraph || byte == 0x20
        case "cntrl": isIn = byte < 0x20 || byte == 0x7F
        default: return nil
        }
        return (isIn, pattern[(end + 2)...])
    }
}
