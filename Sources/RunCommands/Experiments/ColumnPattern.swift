import Base
import Glibc

/// A regular expression that names columns (`--drop`, `--keep`): it must match from the beginning, as in DVC.
///
/// POSIX extended expressions, with the spellings of Python that people use for columns: `\d`, `(?:…)`, `.*?`.
struct ColumnPattern {
    private final class Compiled {
        var value = regex_t()
        deinit { regfree(&value) }
    }
    private let compiled = Compiled()

    /// - Throws: `MLError(.usage)` for what is no regular expression.
    init(_ text: String) throws {
        var pattern = text
        for (python, posix) in [("\\d", "[0-9]"), ("(?:", "("), ("*?", "*"), ("+?", "+")] {
            pattern = pattern.replacing(python, posix)
        }
        let code = regcomp(&compiled.value, "^(" + pattern + ")", REG_EXTENDED | REG_NOSUB)
        guard code == 0 else {
            var message = [CChar](repeating: 0, count: 200)
            regerror(code, &compiled.value, &message, message.count)
            let words = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw MLError(.usage, "'\(text)' is not a regular expression: \(words)")
        }
    }

    func matches(_ name: String) -> Bool { regexec(&compiled.value, name, 0, nil, 0) == 0 }
}

extension String {
    /// Every `old` by `new`, without the regular expressions of the standard library, which take long to load.
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        let (bytes, wanted) = (Array(utf8), Array(old.utf8))
        var out: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if bytes[place...].starts(with: wanted) {
                out += new.utf8
                place += wanted.count
            } else {
                out.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
