import Base
import Reports
import Testing

@Suite struct TableTests {
    private let sample = Table(
        columns: [.init("Path"), .init("Size", .right), .init("Note")],
        rows: [["a.csv", Table.Cell("1,024", value: 1024), "x|y"], ["図表.bin", "7", ""]])

    @Test func `terminal columns are aligned by display width with two blanks between`() {
        let expected = """
            Path       Size  Note
            a.csv     1,024  x|y
            図表.bin      7

            """
        #expect(sample.terminal() == expected)
        #expect(sample.terminal(colour: .palette256).hasPrefix("\u{1b}[1mPath\u{1b}[0m       \u{1b}[1mSize"))
    }

    @Test func `a narrow terminal cuts the widest column`() {
        let table = Table(columns: [.init("A"), .init("B")], rows: [["0123456789", "xyz"], ["数数数数数", "q"]])
        let expected = """
            A        B
            012345…  xyz
            数数数…  q

            """
        #expect(table.terminal(width: 12) == expected)
        for line in table.terminal(width: 12).split(separator: "\n") {
            #expect(TextWidth.columns(String(line)) <= 12)
        }
    }

    @Test func `control characters never reach the terminal`() {
        let evil = "a\u{1b}[2Jb\r\n\u{7}\u{9b}31m\u{202e}c\u{0}"
        let table = Table(columns: [.init(evil)], rows: [[Table.Cell(evil)]])
        for text in [table.terminal(), table.markdown()] {
            let bad = text.unicodeScalars.filter {
                ($0.value < 0x20 && $0 != "\n") || (0x7F..<0xA0).contains($0.value) || $0.value == 0x202E
            }
            #expect(bad.isEmpty)
            #expect(text.split(separator: "\n").count == (text.hasPrefix("|") ? 3 : 2))
        }
        #expect(table.terminal().contains("a\\x1b[2Jb\\r\\n\\x07\\x9b31m\\u202ec\\x00"))
    }

    @Test func `widths follow East Asian Width and emoji presentation`() {
        let cases: [(String, Int)] = [
            ("abc", 3), ("e\u{301}", 1), ("数", 2), ("ｱ", 1), ("Ａ", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("❤", 1), ("❤\u{FE0F}", 2),
            ("한", 2), ("\u{1112}\u{1161}\u{11ab}", 2), ("\u{200b}", 0), ("", 0), ("한글 ok", 7), ("…", 1),
        ]
        for (text, width) in cases { #expect(TextWidth.columns(text) == width, "\(text)") }
        #expect(TextWidth.truncate("数数数", to: 4) == "数…")
        #expect(TextWidth.truncate("abc", to: 3) == "abc")
        #expect(TextWidth.truncate("abc", to: 0) == "")
    }

    @Test func `markdown escapes what would leave the cell`() {
        let expected = """
            | Path     |  Size | Note |
            | -------- | ----: | ---- |
            | a.csv    | 1,024 | x\\|y |
            | 図表.bin |     7 |      |

            """
        #expect(sample.markdown() == expected)
        let table = Table(columns: [.init("A")], rows: [["<b>*x*`\n"]])
        #expect(table.markdown().contains("| &lt;b&gt;\\*x\\*\\`\\\\n |"))
    }

    @Test func `csv quotes by RFC 4180 and keeps values`() {
        let table = Table(
            columns: [.init("a"), .init("b,c")],
            rows: [["say \"hi\"", Table.Cell("1,024", value: 1024)], ["x\ny", Table.Cell("-", value: .null)]])
        #expect(table.csv() == "a,\"b,c\"\n\"say \"\"hi\"\"\",1024\n\"x\ny\",\n")
        #expect(Table(columns: [.init("a")], rows: [[""]]).csv() == "a\n\"\"\n")
    }

    @Test func `json is a list of objects with the values behind the texts`() {
        #expect(
            sample.json().compact()
                == #"[{"Path": "a.csv", "Size": 1024, "Note": "x|y"}, {"Path": "図表.bin", "Size": "7", "Note": ""}]"#)
    }

    @Test func `csv reads back as the same fields whatever they hold`() {
        let pieces = ["a", "\"", ",", "\n", "\r", "é", " ", "\r\n"]
        for round in 0..<200 {
            var random = SeededRandom(seed: 11, purpose: "csv", position: UInt64(round))
            let rows = (0..<3).map { _ in
                (0..<2).map { _ in (0..<random.below(5)).map { _ in pieces[random.below(pieces.count)] }.joined() }
            }
            let table = Table(columns: [.init("x"), .init("y")], rows: rows.map { $0.map { Table.Cell($0) } })
            #expect(parseCSV(table.csv()).dropFirst() == rows[...])
        }
    }

    /// A reader written from the grammar of RFC 4180.
    private func parseCSV(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field: [UInt8] = []
        var quoted = false
        let bytes = Array(text.utf8)
        var i = 0
        while i < bytes.count {
            let byte = bytes[i]
            if quoted {
                if byte != 0x22 {
                    field.append(byte)
                } else if i + 1 < bytes.count, bytes[i + 1] == 0x22 {
                    field.append(0x22)
                    i += 1
                } else {
                    quoted = false
                }
            } else if byte == 0x22 {
                quoted = true
            } else if byte == 0x2C {
                row.append(String(decoding: field, as: UTF8.self))
                field = []
            } else if byte == 0x0A {
                row.append(String(decoding: field, as: UTF8.self))
                rows.append(row)
                (row, field) = ([], [])
            } else {
                field.append(byte)
            }
            i += 1
        }
        return rows
    }
}
