import Base

/// Paths as git prints them (git: quote.c, `quote_c_style`).
public enum PathQuoting {
    /// `path` in double quotes with C escapes when it holds a control character, a quote or a backslash, and, unless
    /// `core.quotePath` is false, any byte above 0x7f; otherwise as it is.
    public static func quote(_ path: String, nonASCII: Bool = true) -> String {
        let needsQuotes = path.pathBytes.contains { byte in
            byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F || (nonASCII && byte > 0x7F)
        }
        guard needsQuotes else { return path }
        var out: [UInt8] = [0x22]
        for byte in path.pathBytes {
            switch byte {
            case 0x07: out += Array("\\a".utf8)
            case 0x08: out += Array("\\b".utf8)
            case 0x09: out += Array("\\t".utf8)
            case 0x0A: out += Array("\\n".utf8)
            case 0x0B: out += Array("\\v".utf8)
            case 0x0C: out += Array("\\f".utf8)
            case 0x0D: out += Array("\\r".utf8)
            case 0x22: out += Array("\\\"".utf8)
            case 0x5C: out += Array("\\\\".utf8)
            case 0..<0x20, 0x7F: out += octal(byte)
            case 0x80...: out += nonASCII ? octal(byte) : [byte]
            default: out.append(byte)
            }
        }
        return String(path: out + [0x22])
    }

    private static func octal(_ byte: UInt8) -> [UInt8] {
        [0x5C, 0x30 + byte >> 6, 0x30 + byte >> 3 & 7, 0x30 + byte & 7]
    }
}
