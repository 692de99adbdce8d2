import Base
import DataDiff
import Testing

@Suite struct ContentTextTests {
    private func text(_ path: String, _ content: String) throws -> String {
        var out: [UInt8] = []
        try ContentText.write(ContentSource(Array(content.utf8)), path: path) { out += $0 }
        return String(decoding: out, as: UTF8.self)
    }

    @Test func `a table has its columns with exact statistics, then its rows`() throws {
        #expect(
            try text("t.csv", "id,score,name\n1,0.5,äb\n2,1.5,\n3,-1,x\n") == """
                csv: 3 rows, 3 columns
                column id: integer, 3 distinct, min 1, max 3, mean 2
                column score: number, 3 distinct, min -1, max 1.5, mean 0.333333
                column name: text, 2 distinct, mean length 1.5, 1 empty

                id,score,name
                1,0.5,äb
                2,1.5,
                3,-1,x

                """)
    }

    @Test func `keys of JSON Lines are columns`() throws {
        #expect(
            try text("t.jsonl", "{\"a\": 1, \"b\": \"xy\"}\n{\"b\": null, \"a\": 3}\n").hasPrefix(
                """
                jsonl: 2 rows, 2 columns
                column a: integer, 2 distinct, min 1, max 3, mean 2
                column b: text, 1 distinct, mean length 2, 1 empty

                """))
    }

    @Test func `a long table shows its first rows and a hash that changes with any other`() throws {
        let rows = (0..<60_000).map { "\($0)\tsome text here\n" }.joined()
        let one = try text("t.tsv", "id\ttext\n" + rows)
        let other = try text("t.tsv", "id\ttext\n" + rows.dropLast(5) + "HERE\n")
        #expect(one != other && one.utf8.count < 2000)
        #expect(one.hasSuffix("18\tsome text here\n…\n"))
        #expect(one.contains("sha256 \(ObjectID.of("id\ttext\n" + rows))"))
    }

    @Test func `texts are as they are, documents laid out, bytes named`() throws {
        #expect(try text("a.txt", "x\ny") == "x\ny")
        #expect(try text("a.json", "{\"b\":[1,2],\"a\":\"x\"}") == "{\n  \"b\": [1, 2],\n  \"a\": \"x\"\n}\n")
        #expect(try text("a.json", "{broken") == "{broken")
        #expect(try text("a.bin", "\0x") == "binary\nsize 2, sha256 \(ObjectID.of("\0x"))\n")
    }
}
