import Base
import DataDiff
import Testing

@Suite struct ContentMergeTests {
    private func gitMerge(_ ours: [UInt8], _ base: [UInt8], _ theirs: [UInt8]) throws -> [UInt8] {
        let folder = "/tmp/git-ml-merge-\(UInt64.random(in: 0...UInt64.max))"
        try Files.makeDirectories(folder)
        defer { try? Files.remove(folder) }
        try Files.writeAtomically(ours, to: folder + "/a")
        try Files.writeAtomically(base, to: folder + "/o")
        try Files.writeAtomically(theirs, to: folder + "/b")
        return try Subprocess(["git", "merge-file", "-p", "-q", "--diff3", "a", "o", "b"], directory: folder).run()
            .output
    }

    private func merge(_ path: String, _ base: String, _ ours: String, _ theirs: String) throws -> String? {
        let outcome = try ContentMerge.merge(
            path: path, base: Array(base.utf8), ours: Array(ours.utf8), theirs: Array(theirs.utf8), lineMerge: gitMerge)
        guard case .merged(let bytes) = outcome else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `rows that both sides append are kept, ours first, the same one once`() throws {
        #expect(
            try merge("t.csv", "h,k\n1,a\n", "h,k\n1,a\n2,b\n9,s\n", "h,k\n1,a\n3,c\n9,s\n")
                == "h,k\n1,a\n2,b\n9,s\n3,c\n")
        // The base does not end in a line feed: its last row is still one row.
        #expect(
            try merge("t.jsonl", "{\"a\":1}", "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":3}\n")
                == "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n")
    }

    @Test func `neighbouring rows edited apart are merged, in a text they are a conflict`() throws {
        #expect(try merge("t.tsv", "h\nx\ny\n", "h\nX\ny\n", "h\nx\nY\n") == "h\nX\nY\n")
        #expect(try merge("t.txt", "h\nx\ny\n", "h\nX\ny\n", "h\nx\nY\n") == nil)
    }

    @Test func `the same row edited or deleted by one side is a conflict`() throws {
        #expect(try merge("t.csv", "h\n1\n2\n3\n", "h\n1\nA\n3\n", "h\n1\nB\n3\n") == nil)
        #expect(try merge("t.csv", "h\n1\n2\n3\n", "h\n1\n3\n", "h\n1\nB\n3\n") == nil)
        #expect(try merge("t.csv", "h\n1\n2\n3\n", "h\n1\nA\n3\n", "h\n1\nA\n3\n") == "h\n1\nA\n3\n")
    }

    @Test func `a row of several lines is never merged in parts`() throws {
        let base = "h,k\n1,\"a\nb\nc\nd\ne\"\n2,x\n"
        let ours = "h,k\n1,\"A\nb\nc\nd\ne\"\n2,x\n"
        let theirs = "h,k\n1,\"a\nb\nc\nd\nE\"\n2,x\n"
        #expect(try merge("t.csv", base, ours, theirs) == nil)
        #expect(try merge("t.txt", base, ours, theirs)?.contains("A\nb\nc\nd\nE") == true)
    }

    @Test func `rows of another width do not get into a table`() throws {
        #expect(try merge("t.csv", "h,k\n1,a\n", "h,k,l\n1,a,x\n", "h,k\n1,a\n2,b\n") == nil)
    }

    @Test func `lines that look like markers are data`() throws {
        let base = "<<<<<<< x\n1\n2\n=======\n>>>>>>> y\n"
        #expect(try merge("t.txt", base, "0\n" + base, base + "9\n") == "0\n" + base + "9\n")
    }

    @Test func `bytes are no lines, and lines that make no document are refused`() throws {
        #expect(try merge("t", "a\n", "a\n\0", "b\na\n") == nil)
        let base = "{\n\"a\": 1,\n\"b\": 2,\n\"c\": 3,\n\"d\": 4\n}\n"
        let ours = "{\n\"z\": 0,\n\"a\": 1,\n\"b\": 2,\n\"c\": 3,\n\"d\": 4\n}\n"
        #expect(
            try merge("t.json", base, ours, base.replacing("4\n}", with: "4,\n\"e\": 5\n}"))?.contains("\"e\"") == true)
        // One side turns the document into a list, the other adds a key.
        #expect(try merge("t.json", base, "[" + base.dropLast() + "]\n", "[1,\n" + base.dropLast(2) + "}]\n") == nil)
    }

    @Test(arguments: 0..<100) func `edits of different rows are all in the result`(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed), purpose: "merge")
        let base = (0..<40).map { "row \($0)" }
        // Each row belongs to one side, which may edit it, drop it or leave it; both append.
        enum Fate { case kept, edited(Bool), dropped(Bool) }
        let fates = base.map { _ -> Fate in
            switch random.below(8) {
            case 0: .edited(true)
            case 1: .edited(false)
            case 2 where seed % 2 == 0: .dropped(random.below(2) == 0)
            default: .kept
            }
        }
        func side(_ own: Bool) -> [String] {
            zip(base, fates).compactMap { row, fate in
                switch fate {
                case .edited(own): "\(row) edited"
                case .dropped(own): nil
                default: row
                }
            } + (0..<1 + random.below(3)).map { "new \(own) \($0)" }
        }
        let (ours, theirs) = (side(true), side(false))
        func text(_ rows: [String]) -> String { "head\n" + rows.map { $0 + "\n" }.joined() }
        let expected =
            zip(base, fates).compactMap { row, fate -> String? in
                switch fate {
                case .kept: row
                case .edited: "\(row) edited"
                case .dropped: nil
                }
            } + (ours + theirs).filter { $0.hasPrefix("new") }
        // A row dropped beside new or edited ones can be taken for an edit of both: then a conflict is allowed and the
        // order may be another, but no row may be lost, doubled or brought back.
        let isAmbiguous = fates.contains { if case .dropped = $0 { true } else { false } }
        guard let merged = try merge("t.csv", text(base), text(ours), text(theirs)) else {
            return #expect(isAmbiguous)
        }
        if isAmbiguous {
            #expect(merged.split(separator: "\n").sorted() == text(expected).split(separator: "\n").sorted())
        } else {
            #expect(merged == text(expected))
        }
    }
}
