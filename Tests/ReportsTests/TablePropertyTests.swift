import Base
import Reports
import Testing

/// What must hold for any text in a table.
@Suite struct TablePropertyTests {
    private func random(_ seed: UInt64) -> Table {
        var source = RandomText(seed: seed)
        let count = 1 + source.below(5)
        let alignments: [Alignment] = [.left, .right, .center]
        return Table(
            columns: (0..<count).map { Table.Column("c\($0)", alignments[source.below(3)]) },
            rows: (0..<source.below(8)).map { _ in (0..<count).map { _ in Table.Cell(source.text()) } })
    }

    @Test func `random texts line up, fit, and steer no terminal`() {
        for seed in 0..<300 {
            var table = random(UInt64(seed))
            // The mark of a last column that is never empty shows where the others end.
            table.columns.append(.init("#"))
            for row in table.rows.indices { table.rows[row].append("#") }
            for width in [nil, 60, 40] as [Int?] {
                let lines = table.terminal(width: width).lines
                #expect(lines.count == table.rows.count + 1)
                #expect(Set(lines.map { TextWidth.columns($0) }).count == 1, "seed \(seed)")
                #expect(lines.allSatisfy { $0.hasSuffix("  #") })
                if let width { #expect(lines.allSatisfy { TextWidth.columns($0) <= width }) }
                let scalars = lines.joined().unicodeScalars
                #expect(
                    scalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) && $0 != "\u{202e}" })
            }
        }
    }

    @Test func `Markdown keeps every random text in its cell`() {
        for seed in 0..<300 {
            let table = random(UInt64(seed))
            for line in table.markdown().lines {
                // A pipe counts unless a backslash that is itself no escaped one stands before it.
                var pipes = 0
                var escaped = false
                for scalar in line.unicodeScalars {
                    if scalar == "|", !escaped { pipes += 1 }
                    escaped = scalar == "\\" && !escaped
                    #expect(scalar != "<" && scalar != ">")
                }
                #expect(pipes == table.columns.count + 1, "seed \(seed): \(line)")
            }
        }
    }

    @Test func `a title of several lines stands on the lowest`() {
        let stacked = Table(columns: [.init("Commit"), .init("dev\nf1", .right)], rows: [["abc", "0.93"]])
        #expect(stacked.terminal() == "         dev\nCommit    f1\nabc     0.93\n")
        #expect(stacked.markdown().hasPrefix("| Commit | dev f1 |\n"))
    }

    @Test func `styles appear only when there are colours`() {
        let table = Table(
            columns: [.init("Path"), .init("State", .center)],
            rows: [
                [Table.Cell("e\u{301}|x", style: .dim), Table.Cell("changed", style: Style(colour: .red))], ["a", ""],
            ])
        let coloured = table.terminal(colour: .palette256)
        #expect(coloured.contains("\u{1b}[2me\u{301}|x\u{1b}[0m"))
        #expect(coloured.contains("\u{1b}[31mchanged\u{1b}[0m"))
        #expect(coloured.withoutStyles == table.terminal())
        #expect(!table.terminal().contains("\u{1b}"))
    }

    @Test func `a table without rows or columns is no trouble`() {
        #expect(Table(columns: [.init("a")]).terminal() == "a\n")
        #expect(Table(columns: [.init("a")]).json() == [])
        #expect(Table(columns: []).terminal(width: 10) == "")
    }

    @Test func `cutting never exceeds the width and never splits a character`() {
        #expect(TextWidth.truncate("abcdef", to: 6) == "abcdef")
        #expect(TextWidth.truncate("abcdef", to: 5) == "abcd…")
        #expect(TextWidth.truncate("映画映画", to: 6) == "映画…")
        #expect(TextWidth.truncate("映画", to: 2) == "…")
        #expect(TextWidth.truncate("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", to: 3) == "👩‍👩‍👧‍👦…")
        #expect(TextWidth.truncate("ab", to: 0) == "")
        for seed in 0..<200 {
            var source = RandomText(seed: UInt64(seed))
            let text = TextWidth.escapingControls(source.text(pieces: 12))
            for width in 1..<12 {
                let cut = TextWidth.truncate(text, to: width)
                #expect(TextWidth.columns(cut) <= width)
                #expect(cut == text || cut.hasSuffix("…"))
            }
        }
    }
}
