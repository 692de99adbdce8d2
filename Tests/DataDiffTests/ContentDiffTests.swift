import Base
import DataDiff
import Testing

@Suite struct ContentDiffTests {
    private func compare(_ path: String, _ old: String, _ new: String) throws -> ContentDiff {
        try ContentDiff(path: path, old: source(old), new: source(new))
    }

    private func source(_ text: String) -> ContentSource { ContentSource(Array(text.utf8)) }

    private func table(_ path: String, _ old: String, _ new: String) throws -> TableDiff {
        let difference = try compare(path, old, new)
        guard case .table(let table) = difference.detail else {
            throw MLError(.failed, "\(difference.kind) is no table")
        }
        return table
    }

    @Test func `a column added to every row changes no row`() throws {
        let table = try table("t.tsv", "id\ttext\n1\ta\n2\tb\n", "id\ttext\tlabel\n1\ta\tx\n2\tb\ty\n3\tc\tz\n")
        #expect(table.columnsAdded == ["label"] && table.columnsRemoved.isEmpty)
        #expect(table.rows.added == 1 && table.rows.removed == 0 && table.rows.changed == 0)
        #expect(table.rows.before == 2 && table.rows.after == 3)
    }

    @Test func `renamed, removed and moved columns are told apart`() throws {
        let old = "id,text,old\n" + (0..<50).map { "\($0),t\($0),\($0 * 7)\n" }.joined()
        let renamed = "id,text,new\n" + (0..<50).map { "\($0),t\($0),\($0 * 7)\n" }.joined() + "99,t,1\n"
        let table = try table("t.csv", old, renamed)
        #expect(table.columnsRenamed == [TableDiff.Renamed(old: "old", new: "new")])
        #expect(table.columnsAdded.isEmpty && table.columnsRemoved.isEmpty && table.rows.added == 1)
        let other = "text,id,new\n" + (0..<50).map { "t\($0),\($0),\($0 * 3 + 1)\n" }.joined()
        let moved = try self.table("t.csv", old, other)
        #expect(moved.columnsAdded == ["new"] && moved.columnsRemoved == ["old"] && moved.isColumnOrderChanged)
        #expect(moved.rows.isEmpty)
    }

    @Test func `quotes that need not be there, and line ends, are no change of a row`() throws {
        let table = try table("t.csv", "a,b\n1,x\n2,\"y\"\"z\"\n", "a,b\r\n\"1\",\"x\"\r\n2,\"y\"\"z\"\r\n")
        #expect(table.rows.isEmpty)
        let quoted = try self.table("t.csv", "a,b\n1,\"x\ny\"\n", "a,b\n1,\"x\nz\"\n")
        #expect(quoted.rows.before == 1 && quoted.rows.changed == 1)
    }

    @Test func `a lone quote in tab-separated text is text`() throws {
        let table = try table("t.tsv", "id\ttext\n1\t\"so\n2\tx\n", "id\ttext\n1\t\"so\n2\ty\n")
        #expect(table.rows.before == 2 && table.rows.changed == 1)
    }

    @Test func `a table without names has columns by number`() throws {
        let table = try table("t.csv", "1,a\n2,b\n", "1,a\n2,c\n3,d\n")
        #expect(table.rows.before == 2 && table.rows.after == 3 && table.rows.changed == 1 && table.rows.added == 1)
    }

    @Test func `keys of JSON Lines are columns, their order and white space nothing`() throws {
        let table = try table(
            "t.jsonl", #"{"a": 1, "b": {"x": [1, "}"]}}"# + "\n" + #"{"a": 2}"# + "\n",
            #"{"b":{"x": [1, "}"]},"a":1}"# + "\n" + #"{"a":2,"c":null}"# + "\n" + #"{"a":3}"# + "\n")
        #expect(table.columnsAdded == ["c"] && table.rows.added == 1 && table.rows.removed == 0)
        #expect(table.rows.changed == 0)
    }

    @Test(arguments: 0..<60) func `rows of random tables are counted exactly`(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed), purpose: "tables")
        let kind = ["csv", "tsv", "jsonl"][seed % 3]
        let pieces = ["x", "long text", "with \"quotes\"", "a,b", "two\nlines", "", "ä", "7"]
        func cell() -> String {
            let text = pieces[random.below(pieces.count)] + String(random.below(5))
            return kind == "tsv" ? text.filter { $0 != "\n" } : text
        }
        func spell(_ row: [String]) -> String {
            switch kind {
            case "tsv": return row.joined(separator: "\t") + "\n"
            case "jsonl":
                return JSON.object(JSONObject(row.enumerated().map { ("k\($0)", JSON.string($1)) })).compact() + "\n"
            default:
                return row.map { text in
                    // Quoted where it must be, and sometimes where it need not.
                    guard text.contains(where: { ",\"\n".contains($0) }) || random.below(3) == 0 else { return text }
                    return "\""
                        + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
                        + "\""
                }.joined(separator: ",") + "\n"
            }
        }
        let header = kind == "jsonl" ? "" : spell(["first", "second", "third"])
        let old = (0..<random.below(80) + 1).map { _ in (0..<3).map { _ in cell() } }
        var new = old
        for _ in 0..<random.below(10) {
            let place = random.below(new.count)
            switch random.below(3) {
            case 0: new.insert((0..<3).map { _ in cell() }, at: place)
            case 1 where new.count > 1: new.remove(at: place)
            default: new[place][random.below(3)] = cell()
            }
        }
        let before = Dictionary(old.map { ($0, 1) }, uniquingKeysWith: +)
        let after = Dictionary(new.map { ($0, 1) }, uniquingKeysWith: +)
        let table = try table("t.\(kind)", header + old.map(spell).joined(), header + new.map(spell).joined())
        #expect(table.rows.before == old.count && table.rows.after == new.count)
        #expect(
            table.rows.added + table.rows.changed
                == after.reduce(0) { $0 + max(0, $1.value - (before[$1.key] ?? 0)) })
        #expect(
            table.rows.removed + table.rows.changed
                == before.reduce(0) { $0 + max(0, $1.value - (after[$1.key] ?? 0)) })
    }

    @Test func `rows across the pieces a file is read in are whole`() throws {
        let row = String(repeating: "abcdefg ", count: 40_000)
        let old = "id\ttext\n" + (0..<12).map { "\($0)\t\(row)\n" }.joined()
        let table = try table("t.tsv", old, old + "12\tx\n")
        #expect(old.utf8.count > 3 * ContentSource.step)
        #expect(table.rows.before == 12 && table.rows.added == 1 && table.rows.removed == 0)
    }

    @Test func `what is broken is compared as text or as bytes`() throws {
        #expect(try compare("t.csv", "a,b\n1,\"x\n", "a,b\n1,\"y\n").kind == .text)
        #expect(try compare("t.jsonl", "{\"a\":1}\n{\"a\":\n", "{\"a\":1}\n{}\n").kind == .text)
        #expect(try compare("t.json", "{\"a\":1}", "{\"a\":").kind == .text)
        #expect(try compare("t.csv", "a,b\n1,2\n", "a,\0\n").kind == .binary)
        #expect(try compare("t.csv", "", "a\n1\n").kind == .text)
        #expect(
            try compare("t.json", "{\"a\": [1,2]}", "{\n\"a\":[1, 2]}").summary() == ["lines equal but for white space"]
        )
    }

    @Test func `bytes in shared chunks are asked for only where nothing better is known`() throws {
        let binary = try ContentDiff(path: "b", old: ContentSource([0, 1]), new: ContentSource([0, 2])) { 1 }
        #expect(binary.sharedBytes == 1)
        #expect(binary.summary() == ["binary, 50% in chunks of the old version"])
        let text = try ContentDiff(path: "t", old: source("a\n"), new: source("b\n")) {
            Issue.record("asked for a text")
            return nil
        }
        #expect(text.summary() == ["lines +0 -0 ~1"])
    }
}
