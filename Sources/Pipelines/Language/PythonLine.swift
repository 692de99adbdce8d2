import Base

/// A logical line of Python: brackets, triple quotes and backslashes join physical ones; comments are gone.
struct PythonLine {
    var indent: Int
    /// What `;` parts.
    var statements: [String]

    /// - Throws: `MLError(.invalidInput)` for text or brackets without an end.
    static func split(_ bytes: [UInt8], name: String) throws -> [PythonLine] {
        var scanner = try TextScanner(bytes, name: name)
        var lines: [PythonLine] = []
        while scanner.peek != nil {
            var indent = 0
            while let next = scanner.peek, next == " " || next == "\t" || next == "\u{c}" {
                // A tab goes to the next multiple of eight, as in Python's tokeniser.
                indent = next == "\t" ? (indent / 8 + 1) * 8 : next == " " ? indent + 1 : 0
                scanner.advance()
            }
            let statements = try logicalLine(&scanner)
            if !statements.isEmpty { lines.append(PythonLine(indent: indent, statements: statements)) }
        }
        return lines
    }

    private static func logicalLine(_ scanner: inout TextScanner) throws -> [String] {
        var statements: [String] = []
        var current = ""
        var brackets: [TextScanner] = []
        func finish() {
            let text = current.trimmingSpaces()
            if !text.isEmpty { statements.append(String(text)) }
            current = ""
        }
        loop: while let next = scanner.peek {
            switch next {
            case "\"", "'":
                current += try quoted(&scanner)
                continue
            case "#":
                _ = scanner.takeWhile { $0 != "\n" }
                continue
            case "\\" where scanner.peek(1) == "\n":
                scanner.advance(2)
                current += " "
                continue
            case "\r" where scanner.peek(1) == "\n":
                scanner.advance()
                continue
            case "\n":
                scanner.advance()
                if brackets.isEmpty { break loop }
                current += " "
                continue
            case ";" where brackets.isEmpty:
                scanner.advance()
                finish()
                continue
            case "(", "[", "{": brackets.append(scanner)
            case ")", "]", "}":
                guard brackets.popLast() != nil else { throw scanner.mistake("unexpected '\(next)'") }
            default: break
            }
            current.unicodeScalars.append(next)
            scanner.advance()
        }
        if let open = brackets.last { throw open.mistake("a bracket without an end") }
        finish()
        return statements
    }

    /// A text with its quotes.
    private static func quoted(_ scanner: inout TextScanner) throws -> String {
        let start = scanner
        var out = String.UnicodeScalarView()
        func take(_ count: Int) {
            for _ in 0..<count {
                if let next = scanner.peek { out.append(next) }
                scanner.advance()
            }
        }
        let quote = scanner.peek
        let isLong = scanner.peek(1) == quote && scanner.peek(2) == quote
        take(isLong ? 3 : 1)
        while let next = scanner.peek {
            if next == "\\" {
                take(2)
            } else if next == quote, !isLong || (scanner.peek(1) == quote && scanner.peek(2) == quote) {
                take(isLong ? 3 : 1)
                return String(out)
            } else if next == "\n", !isLong {
                break
            } else {
                take(1)
            }
        }
        throw start.mistake("text without an end")
    }
}
