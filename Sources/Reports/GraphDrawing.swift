/// Graphs for terminals: boxes with the parents above, or an indented list where the boxes do not fit.
public struct GraphDrawing: Sendable {
    public var graph: Graph

    public init(_ graph: Graph) { self.graph = graph }

    /// One drawing a connected part, a blank line between them. Boxes of `+`, `-`, `|` and edges of `*`.
    ///
    /// - Parameter width: columns of the terminal; parts that are wider become an indented tree. Nil: no limit.
    public func terminal(width: Int? = nil) -> String {
        graph.components().map { part in
            let layout = GraphLayout(part, limit: width) { TextWidth.columns(TextWidth.escapingControls($0)) + 4 }
            return layout.map(GraphDrawing.draw) ?? GraphDrawing(part).tree(width: width)
        }.joined(separator: "\n")
    }

    /// Every root with what depends on it indented below; a node that was shown before is not unfolded again.
    /// Indentation ends at two thirds of the width, so that names stay readable at any depth.
    public func tree(width: Int? = nil) -> String {
        let outgoing = Dictionary(grouping: graph.edges, by: \.from)
        let withParent = Set(graph.edges.map(\.to))
        var shown: Set<String> = []
        var out = ""
        func show(_ roots: [String]) {
            var pending = roots.reversed().map { (name: $0, level: 0) }
            while let (name, level) = pending.popLast() {
                let children = outgoing[name] ?? []
                let again = !shown.insert(name).inserted && !children.isEmpty
                let indent = String(repeating: " ", count: min(2 * level, (width ?? .max) / 3 * 2))
                let line = indent + TextWidth.escapingControls(name) + (again ? " …" : "")
                out += (width.map { TextWidth.truncate(line, to: $0) } ?? line) + "\n"
                if !again { pending += children.reversed().map { ($0.to, level + 1) } }
            }
        }
        show(graph.nodes.filter { !withParent.contains($0) })
        // Only cycles have no root: start at their first names.
        for node in graph.nodes where !shown.contains(node) { show([node]) }
        return out
    }

    private static func draw(_ layout: GraphLayout) -> String {
        let gaps = layout.layers.indices.map { layer in
            let reach =
                layout.links.filter { layout.places[$0.upper].layer == layer }
                .map { abs(layout.places[$0.upper].center - layout.places[$0.lower].center) }.max() ?? 0
            return max(3, min(6, reach / 4))
        }
        var tops = [0]
        for gap in gaps { tops.append(tops[tops.count - 1] + 3 + gap) }
        var canvas = Canvas(width: layout.width, height: tops[layout.layers.count - 1] + 3)
        for link in layout.links {
            let upper = layout.places[link.upper]
            let lower = layout.places[link.lower]
            canvas.line(from: (upper.center, tops[upper.layer] + 3), to: (lower.center, tops[lower.layer] - 1))
        }
        for place in layout.places {
            let top = tops[place.layer]
            guard let name = place.name else {
                canvas.line(from: (place.left, top), to: (place.left, top + 2))
                continue
            }
            let rule = "+" + String(repeating: "-", count: place.width - 2) + "+"
            canvas.write(rule, at: (place.left, top))
            canvas.write("| \(TextWidth.escapingControls(name)) |", at: (place.left, top + 1))
            canvas.write(rule, at: (place.left, top + 2))
        }
        return canvas.text
    }

    /// Terminal cells; the second cell of a wide character is empty.
    private struct Canvas {
        private var cells: [[String]]

        init(width: Int, height: Int) {
            cells = Array(repeating: Array(repeating: " ", count: width), count: height)
        }

        mutating func write(_ text: String, at point: (x: Int, y: Int)) {
            var x = point.x
            for character in text {
                let width = TextWidth.columns(character)
                if width == 0, x > point.x {
                    cells[point.y][x - 1] += String(character)
                    continue
                }
                cells[point.y][x] = String(character)
                if width == 2 { cells[point.y][x + 1] = "" }
                x += width
            }
        }

        /// One star a row, and on flat lines one every third column, from the upper to the lower point.
        mutating func line(from: (x: Int, y: Int), to: (x: Int, y: Int)) {
            let rows = to.y - from.y
            let columns = to.x - from.x
            let steps = max(rows, abs(columns) / 3, 1)
            for step in 0...steps {
                let t = Double(step) / Double(steps)
                let x = from.x + Int((t * Double(columns)).rounded())
                let y = from.y + Int((t * Double(rows)).rounded())
                cells[y][x] = "*"
            }
        }

        var text: String {
            cells.map { row in
                let used = row.lastIndex { $0 != " " }.map { $0 + 1 } ?? 0
                return row[..<used].joined() + "\n"
            }.joined()
        }
    }
}
