/// Blots out what in a text points to a person: addresses of mail and web, names of accounts, and numbers.
///
/// Words stay, so it is no anonymisation: a name that is spelled out is still there.
public enum Redaction {
    /// The same text with `<mail>`, `<url>`, `<account>`, and `0` for each digit.
    public static func of(_ text: String) -> String {
        var out = ""
        out.reserveCapacity(text.utf8.count)
        var word = ""
        for character in text {
            if character.isWhitespace {
                out += replaced(word)
                word = ""
                out.append(character)
            } else {
                word.append(character)
            }
        }
        return out + replaced(word)
    }

    private static func replaced(_ word: String) -> String {
        if word.isEmpty { return word }
        let lower = word.lowercased()
        if lower.hasPrefix("www.") || lower.contains("://") { return "<url>" }
        if let at = word.firstIndex(of: "@") {
            let name = word[..<at].contains { $0.isLetter || $0.isNumber }
            return name ? "<mail>" : "<account>"
        }
        return String(word.map { $0.isNumber ? "0" : $0 })
    }
}
