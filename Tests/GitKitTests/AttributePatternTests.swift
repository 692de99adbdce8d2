import Base
import GitKit
import TestSupport
import Testing

@Suite struct AttributePatternTests {
    @Test func `random patterns match what git check-attr says`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        var random = SeededRandom(seed: 5, purpose: "patterns")
        func pick(_ list: [String]) -> String { list[Int(random.next() % UInt64(list.count))] }
        let parts = ["a", "b", "*", "**", "/", "/", "?", "[ab]", "[!a]", "[a-c]", "[[:alpha:]]", ".", "\\*", "*.b"]
        let letters = ["a", "b", "c", "/", "/", ".", "*", "ab", "-"]
        var checked = 0
        for _ in 0..<400 {
            let text = (0..<(1 + Int(random.next() % 5))).map { _ in pick(parts) }.joined()
            guard let pattern = try? AttributePattern(text), !text.contains("//") else { continue }
            let paths = Set(
                (0..<40).map { _ in (0..<(1 + Int(random.next() % 6))).map { _ in pick(letters) }.joined() }
            ).filter { path in
                !path.hasPrefix("/") && !path.hasSuffix("/")
                    && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                        !["", ".", ".."].contains($0)
                    }
            }.sorted()
            try box.write("\(text) mark\n", to: "repo/.gitattributes")
            let set = try Repository(discoveringFrom: box.root + "/repo").attribute("mark", of: paths)
            for path in paths {
                #expect(pattern.matches(path.utf8) == (set[path] == "set"), "'\(text)' on '\(path)'")
                checked += 1
            }
        }
        #expect(checked > 3000)
    }

    @Test func `what is no pattern for attributes is refused`() {
        for text in ["", "!a", "data/"] { #expect(throws: MLError.self) { try AttributePattern(text) } }
    }
}
