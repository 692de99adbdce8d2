import Base

/// Named nodes and directed edges, from what comes first to what depends on it.
public struct Graph: Sendable {
    /// An edge between two names.
    public struct Edge: Hashable, Comparable, Sendable {
        public var from: String
        public var to: String

        public init(_ from: String, _ to: String) {
            self.from = from
            self.to = to
        }

        public static func < (a: Edge, b: Edge) -> Bool { (a.from, a.to) < (b.from, b.to) }
    }

    /// All names, sorted, each once.
    public let nodes: [String]
    /// All edges, sorted, each once.
    public let edges: [Edge]

    /// Names that only edges mention become nodes too; edges from a node to itself are dropped.
    public init(nodes: [String], edges: [Edge]) {
        self.nodes = Set(nodes + edges.flatMap { [$0.from, $0.to] }).sorted()
        self.edges = Set(edges).filter { $0.from != $0.to }.sorted()
    }

    /// Some nodes and everything that leads to them.
    public func ancestors(of names: [String]) -> Graph {
        let sources = Dictionary(grouping: edges, by: \.to)
        var kept = Set(names).intersection(nodes)
        var pending = Array(kept)
        while let next = pending.popLast() {
            for edge in sources[next] ?? [] where kept.insert(edge.from).inserted { pending.append(edge.from) }
        }
        return Graph(
            nodes: nodes.filter(kept.contains), edges: edges.filter { kept.contains($0.from) && kept.contains($0.to) })
    }

    /// The connected parts, in the order of their first names.
    public func components() -> [Graph] {
        var neighbours: [String: [String]] = [:]
        for edge in edges {
            neighbours[edge.from, default: []].append(edge.to)
            neighbours[edge.to, default: []].append(edge.from)
        }
        var componentOf: [String: Int] = [:]
        var members: [[String]] = []
        for node in nodes where componentOf[node] == nil {
            var pending = [node]
            componentOf[node] = members.count
            var found: [String] = []
            while let next = pending.popLast() {
                found.append(next)
                for neighbour in neighbours[next] ?? [] where componentOf[neighbour] == nil {
                    componentOf[neighbour] = members.count
                    pending.append(neighbour)
                }
            }
            members.append(found)
        }
        var edgesOf: [[Edge]] = Array(repeating: [], count: members.count)
        for edge in edges { if let index = componentOf[edge.from] { edgesOf[index].append(edge) } }
        return members.indices.map { Graph(nodes: members[$0], edges: edgesOf[$0]) }
    }

    /// A Mermaid flowchart as `dvc dag --mermaid` writes it; numbers go on over the connected parts.
    public func mermaid() -> String {
        var out = "flowchart TD\n"
        var next = 1
        for component in components() {
            var ids: [String: String] = [:]
            for node in component.nodes {
                ids[node] = "node\(next)"
                out += "\tnode\(next)[\"\(Graph.escapeMermaid(node))\"]\n"
                next += 1
            }
            for edge in component.edges { out += "\t\(ids[edge.from] ?? "")-->\(ids[edge.to] ?? "")\n" }
        }
        return out
    }

    /// The Mermaid flowchart in a Markdown code fence.
    public func markdown() -> String { "```mermaid\n" + mermaid() + "```\n" }

    /// Graphviz' language.
    public func dot() -> String {
        var out = "strict digraph {\n"
        for node in nodes { out += Graph.quoteDot(node) + ";\n" }
        for edge in edges { out += "\(Graph.quoteDot(edge.from)) -> \(Graph.quoteDot(edge.to));\n" }
        return out + "}\n"
    }

    /// `{nodes: [name], edges: [{from, to}]}`.
    public func json() -> JSON {
        ["nodes": JSON(nodes), "edges": .array(edges.map { ["from": .string($0.from), "to": .string($0.to)] })]
    }

    private static func escapeMermaid(_ name: String) -> String {
        var out = ""
        for scalar in TextWidth.escapingControls(name).unicodeScalars {
            switch scalar {
            case "\"": out += "#quot;"
            case "#": out += "#35;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func quoteDot(_ name: String) -> String {
        var out = "\""
        // By scalars, as above: a quotation mark under a combining mark still ends the name.
        for scalar in TextWidth.escapingControls(name).unicodeScalars {
            if scalar == "\"" || scalar == "\\" { out += "\\" }
            out.unicodeScalars.append(scalar)
        }
        return out + "\""
    }
}
