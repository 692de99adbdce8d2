/// How many terminal columns texts take, and cutting them to a number of columns.
///
/// Wide (East Asian Width W and F, Unicode Standard Annex #11) and emoji characters take two columns, combining
/// marks and other characters without an advance none.
public enum TextWidth {
    /// Columns of a text without control characters.
    public static func columns(_ text: String) -> Int {
        var total = 0
        var isASCII = true
        for byte in text.utf8 {
            if byte >= 0x80 {
                isASCII = false
                break
            }
            total += 1
        }
        return isASCII ? total : text.reduce(0) { $0 + columns($1) }
    }

    /// Columns of one grapheme cluster.
    public static func columns(_ character: Character) -> Int {
        var width = 0
        for scalar in character.unicodeScalars {
            // The emoji variation selector asks for the wide, coloured form of its base.
            if scalar.value == 0xFE0F, width == 1 { return 2 }
            width = max(width, columns(scalar))
        }
        return width
    }

    /// The longest beginning of `text` that fits, ending in `…` when something was cut off.
    public static func truncate(_ text: String, to width: Int) -> String {
        if columns(text) <= width { return text }
        if width <= 0 { return "" }
        var out = ""
        var used = 0
        for character in text {
            let next = columns(character)
            if used + next > width - 1 { break }
            out.append(character)
            used += next
        }
        return out + "…"
    }

    /// `text` filled up with spaces to `width` columns.
    public static func pad(_ text: String, to width: Int, alignment: Alignment = .left) -> String {
        let missing = width - columns(text)
        guard missing > 0 else { return text }
        switch alignment {
        case .left: return text + String(repeating: " ", count: missing)
        case .right: return String(repeating: " ", count: missing) + text
        case .center:
            let before = missing / 2
            return String(repeating: " ", count: before) + text + String(repeating: " ", count: missing - before)
        }
    }

    /// `text` with every character spelled out that could steer a terminal or hide what is written: controls as `\n`,
    /// `\t`, `\x1b`, line separators and direction overrides as `\u202e`.
    public static func escapingControls(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard isUnsafe(scalar) else {
                out.append(scalar)
                continue
            }
            switch scalar {
            case "\n": out.append(contentsOf: "\\n".unicodeScalars)
            case "\r": out.append(contentsOf: "\\r".unicodeScalars)
            case "\t": out.append(contentsOf: "\\t".unicodeScalars)
            default:
                let digits = String(scalar.value, radix: 16)
                let length = scalar.value < 0x100 ? 2 : 4
                let zeros = String(repeating: "0", count: max(0, length - digits.count))
                out.append(contentsOf: ((length == 2 ? "\\x" : "\\u") + zeros + digits).unicodeScalars)
            }
        }
        return String(out)
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0x61C: true
        default: false
        }
    }

    private static func columns(_ scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x300 { return value == 0xAD ? 0 : 1 }
        let properties = scalar.properties
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        // Vowels and final consonants of decomposed Hangul sit inside the leading consonant's two columns.
        if (0x1160...0x11FF).contains(value) { return 0 }
        return properties.isEmojiPresentation || isWide(value) ? 2 : 1
    }

    /// East Asian Width W and F outside the emoji, which Unicode.Scalar.Properties knows; unassigned gaps are joined.
    private static let wide: [(first: UInt32, last: UInt32)] = [
        (0x1100, 0x115F), (0x2329, 0x232A), (0x2E80, 0x303E), (0x3041, 0x3247), (0x3250, 0x4DBF), (0x4E00, 0xA4CF),
        (0xA960, 0xA97F), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE10, 0xFE19), (0xFE30, 0xFE6F), (0xFF01, 0xFF60),
        (0xFFE0, 0xFFE6), (0x16FE0, 0x1B2FF), (0x1F200, 0x1F2FF), (0x20000, 0x3FFFD),
    ]

    private static func isWide(_ value: UInt32) -> Bool {
        var low = 0
        var high = wide.count
        while low < high {
            let middle = (low + high) / 2
            if wide[middle].last < value { low = middle + 1 } else { high = middle }
        }
        return low < wide.count && wide[low].first <= value
    }
}

/// Where a text sits in its column.
public enum Alignment: Sendable {
    case left, right, center
}
