import Base
import Reports
import Testing

/// What must hold for any graph.
@Suite struct GraphPropertyTests {
    @Test func `names cannot break out of their quotes`() {
        let names = ["a\"b", "\"\u{308}]; evil[\"", "back\\", "#35;", "line\nfeed", "</script>"]
        let graph = Graph(nodes: names, edges: [])
        for line in graph.mermaid().lines.dropFirst() {
            #expect(line.unicodeScalars.count { $0 == "\"" } == 2, "\(line)")
        }
        for line in graph.dot().lines.dropFirst().dropLast() {
            var quotes = 0
            var escaped = false
            for scalar in line.unicodeScalars {
                if scalar == "\"", !escaped { quotes += 1 }
                escaped = scalar == "\\" && !escaped
            }
            #expect(quotes == 2 && line.hasSuffix("\";"), "\(line)")
        }
        #expect(graph.mermaid().lines.count == names.count + 1)
    }

    @Test func `every name of a random graph is drawn once, boxes whole, nothing wider than asked`() {
        for seed in 0..<120 {
            var source = RandomText(seed: UInt64(seed))
            let count = 1 + source.below(14)
            let names = (0..<count).map { "n\($0)" + ["", "_映画", "_long_name"][source.below(3)] }
            var edges: [Graph.Edge] = []
            for _ in 0..<source.below(2 * count) {
                let (a, b) = (source.below(count), source.below(count))
                if a < b { edges.append(.init(names[a], names[b])) }
            }
            let graph = Graph(nodes: names, edges: edges)
            let drawn = GraphDrawing(graph).terminal()
            for name in names {
                #expect(
                    drawn.split(separator: "| \(name) |", omittingEmptySubsequences: false).count == 2, "seed \(seed)")
                let rule = "+" + String(repeating: "-", count: TextWidth.columns(name) + 2) + "+"
                #expect(drawn.contains(rule))
            }
            for width in [30, 60] {
                let lines = GraphDrawing(graph).terminal(width: width).lines
                #expect(lines.allSatisfy { TextWidth.columns($0) <= width })
            }
        }
    }

    @Test func `a thousand stages on a terminal are a list whose names stay readable`() {
        let edges = (0..<1000).flatMap { index in
            [Graph.Edge("s\(index)", "s\(index + 1)"), Graph.Edge("s\(index / 2)", "s\(index + 1)")]
        }
        let lines = GraphDrawing(Graph(nodes: [], edges: edges)).terminal(width: 100).lines
        let names = Set(lines.compactMap { $0.split(separator: " ").first.map(String.init) })
        #expect((0...1000).allSatisfy { names.contains("s\($0)") })
        #expect(lines.allSatisfy { TextWidth.columns($0) <= 100 })
    }
}
