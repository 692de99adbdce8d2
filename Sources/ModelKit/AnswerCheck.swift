import Base

/// Checks what a model outside of this program answers, and names the text that a fault belongs to.
struct AnswerCheck {
    /// What the model is called in messages.
    let name: String

    /// A text as messages show it.
    static func quoted(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.count > 60 ? "'\(line.prefix(59))…'" : "'\(line)'"
    }

    /// Rows of finite numbers, one row a text and one number a label.
    ///
    /// - Throws: `MLError(.failed)` naming the first text that has no such row.
    func rows(_ rows: [[Double?]], texts: [String], labels: Int) throws -> [[Double]] {
        guard rows.count == texts.count else {
            throw MLError(
                .failed, "\(name) gave \(rows.count) of \(texts.count) answers, the first text is \(first(texts))")
        }
        return try zip(rows, texts).map { row, text in
            guard row.count == labels else {
                throw MLError(
                    .failed,
                    "\(name) gave \(row.count) of \(labels) probabilities to the text "
                        + AnswerCheck.quoted(text))
            }
            return try row.map { value in
                guard let value, value.isFinite else {
                    throw MLError(
                        .failed,
                        "\(name) gave a probability that is not a finite number to the text "
                            + AnswerCheck.quoted(text))
                }
                return value
            }
        }
    }

    private func first(_ texts: [String]) -> String { texts.first.map(AnswerCheck.quoted) ?? "none" }

    /// Asks for all texts at once and, when that fails, in halves until the text that fails alone is found.
    ///
    /// - Parameters:
    ///   - isWorthRepeating: false for faults that no smaller batch would cure, such as a time-out.
    func blame<Answer>(
        _ texts: [String], isWorthRepeating: (any Error) -> Bool, _ ask: ([String]) throws -> Answer
    ) throws -> Answer {
        do { return try ask(texts) } catch {
            guard texts.count > 1, isWorthRepeating(error) else { throw error }
            var suspects = texts
            var last = error
            while suspects.count > 1 {
                let half = Array(suspects[..<(suspects.count / 2)])
                do {
                    _ = try ask(half)
                    suspects.removeFirst(half.count)
                } catch {
                    last = error
                    suspects = half
                }
            }
            do { _ = try ask(suspects) } catch { last = error }
            throw last
        }
    }
}
