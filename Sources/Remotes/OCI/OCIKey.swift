/// Keys as tags (OCI distribution specification 1.1: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`): `/` becomes `__`, any other byte
/// that a tag cannot have, and `_` itself, becomes `_` and two hex digits.
enum OCIKey {
    /// Nil for a key that is too long for a tag.
    static func tag(_ key: String) -> String? {
        var tag = ""
        for byte in key.utf8 {
            let scalar = Unicode.Scalar(byte)
            let isPlain = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
            if byte == UInt8(ascii: "/") {
                tag += "__"
            } else if isPlain || (!tag.isEmpty && (scalar == "." || scalar == "-")) {
                tag.unicodeScalars.append(scalar)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                tag += "_" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return tag.isEmpty || tag.utf8.count > 128 ? nil : tag
    }

    /// Nil for a tag that is none of ours.
    static func key(_ tag: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(tag.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "_") else {
                bytes.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "_") {
                rest = rest.dropFirst()
                bytes.append(UInt8(ascii: "/"))
                continue
            }
            guard rest.count >= 2, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        let key = String(decoding: bytes, as: UTF8.self)
        return OCIKey.tag(key) == tag ? key : nil
    }
}
