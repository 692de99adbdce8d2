/// Percent encoding of URLs (RFC 3986, section 2).
package enum PercentEncoding {
    /// Encodes all but unreserved characters.
    ///
    /// - Parameter keeping: characters that stay besides, such as the slashes of a path.
    package static func encode(_ text: String, keeping: String = "") -> String {
        var out = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            let isPlain =
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                || "-._~".unicodeScalars.contains(scalar) || keeping.unicodeScalars.contains(scalar)
            if isPlain && byte < 128 {
                out.unicodeScalars.append(scalar)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                out += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return out
    }
}

extension PercentEncoding {
    /// The text behind an encoding; a `%` without two digits stays.
    ///
    /// - Parameter plus: whether `+` is a space, as in forms.
    package static func decode(_ text: String, plus: Bool = false) -> String {
        guard text.contains("%") || plus else { return text }
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "%"), place + 2 < bytes.count,
                bytes[place + 1] != UInt8(ascii: "+"),
                let byte = UInt8(String(decoding: bytes[place + 1...place + 2], as: UTF8.self), radix: 16)
            {
                out.append(byte)
                place += 3
            } else {
                out.append(plus && bytes[place] == UInt8(ascii: "+") ? 32 : bytes[place])
                place += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
