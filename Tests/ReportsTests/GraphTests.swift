import Base
import Reports
import Testing

@Suite struct GraphTests {
    private let pipeline = Graph(
        nodes: ["prepare", "featurize", "train", "evaluate", "alone"],
        edges: [
            .init("prepare", "featurize"), .init("featurize", "train"), .init("train", "evaluate"),
            .init("featurize", "evaluate"),
        ])

    @Test func `boxes stand below their parents and long edges pass beside boxes`() {
        let expected = """
            +-------+
            | alone |
            +-------+

               +---------+
               | prepare |
               +---------+
                    *
                    *
                    *
              +-----------+
              | featurize |
              +-----------+
                    *
                  *   *
                *       *
            +-------+   *
            | train |   *
            +-------+   *
                *       *
                  *   *
                    *
              +----------+
              | evaluate |
              +----------+

            """
        #expect(GraphDrawing(pipeline).terminal() == expected)
    }

    @Test func `a diamond is symmetric, also with wide characters`() {
        let graph = Graph(
            nodes: [], edges: [.init("数a", "bbb"), .init("数a", "ccc"), .init("bbb", "ddd"), .init("ccc", "ddd")])
        let expected = """
                 +-----+
                 | 数a |
                 +-----+
                    *
                 *     *
               *         *
            +-----+   +-----+
            | bbb |   | ccc |
            +-----+   +-----+
               *         *
                  *   *
                    *
                 +-----+
                 | ddd |
                 +-----+

            """
        #expect(GraphDrawing(graph).terminal() == expected)
    }

    @Test func `what is wider than the terminal becomes an indented tree`() {
        let expected = """
            +-------+
            | alone |
            +-------+

            prepare
              featuri…
                evalu…
                train
                  eva…

            """
        #expect(GraphDrawing(pipeline).terminal(width: 10) == expected)
        let again = Graph(nodes: [], edges: [.init("a", "c"), .init("b", "c"), .init("c", "d")])
        #expect(GraphDrawing(again).tree() == "a\n  c\n    d\nb\n  c …\n")
    }

    @Test func `mermaid numbers nodes by name and goes on over the parts`() {
        let expected =
            "flowchart TD\n\tnode1[\"alone\"]\n\tnode2[\"evaluate\"]\n\tnode3[\"featurize\"]\n"
            + "\tnode4[\"prepare\"]\n\tnode5[\"train\"]\n"
            + "\tnode3-->node2\n\tnode3-->node5\n\tnode4-->node3\n\tnode5-->node2\n"
        #expect(pipeline.mermaid() == expected)
        #expect(pipeline.markdown() == "```mermaid\n" + expected + "```\n")
        #expect(Graph(nodes: ["a\"]\n#"], edges: []).mermaid() == "flowchart TD\n\tnode1[\"a#quot;]\\n#35;\"]\n")
    }

    @Test func `dot and json name every node and edge once`() {
        let graph = Graph(nodes: ["b", "a\"q"], edges: [.init("a\"q", "b"), .init("a\"q", "b"), .init("b", "b")])
        #expect(graph.dot() == "strict digraph {\n\"a\\\"q\";\n\"b\";\n\"a\\\"q\" -> \"b\";\n}\n")
        let json = #"{"nodes": ["a\"q", "b"], "edges": [{"from": "a\"q", "to": "b"}]}"#
        #expect(graph.json().compact() == json)
    }

    @Test func `cycles and nothing at all are drawn too`() {
        let cycle = Graph(nodes: [], edges: [.init("a", "b"), .init("b", "a")])
        #expect(GraphDrawing(cycle).terminal().contains("| b |"))
        #expect(GraphDrawing(cycle).tree() == "a\n  b\n    a …\n")
        #expect(GraphDrawing(Graph(nodes: [], edges: [])).terminal() == "")
    }

    @Test func `no box is hidden, whatever the graph`() {
        for round in 0..<60 {
            var random = SeededRandom(seed: 5, purpose: "graph", position: UInt64(round))
            let count = 2 + random.below(12)
            let names = (0..<count).map { "stage-\($0)" + String(repeating: "x", count: random.below(9)) }
            var edges: [Graph.Edge] = []
            for _ in 0..<random.below(2 * count) {
                let pair = [random.below(count), random.below(count)].sorted()
                edges.append(.init(names[pair[0]], names[pair[1]]))
            }
            let text = GraphDrawing(Graph(nodes: names, edges: edges)).terminal()
            for name in names { #expect(text.contains("| \(name) |")) }
            let rules = text.split(separator: "+").filter { $0.allSatisfy { $0 == "-" } && !$0.isEmpty }
            #expect(rules.count == 2 * count)
        }
    }
}
