/// Places for the nodes of one connected graph: layers from top to bottom, few crossings, straight edges.
///
/// After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures" (1981):
/// longest-path layers, dummy nodes where an edge passes a layer, barycentre ordering; then each layer is placed by
/// least squares under minimum distances (pool-adjacent-violators), alternating downwards and upwards.
struct GraphLayout {
    struct Place {
        /// Nil for a dummy node that only leads an edge through its layer.
        var name: String?
        var layer: Int
        var width: Int
        var left = 0
        var center: Int { left + width / 2 }
    }

    private(set) var places: [Place] = []
    /// Indices into `places` from upper to lower neighbour, always one layer apart.
    private(set) var links: [(upper: Int, lower: Int)] = []
    /// Indices into `places` from left to right.
    private(set) var layers: [[Int]] = []
    var width: Int { places.map { $0.left + $0.width }.max() ?? 0 }

    /// Nil when it would be wider than `limit`; graphs that cannot fit are found before the work of placing them.
    ///
    /// - Parameter boxWidth: columns of a node's box.
    init?(_ graph: Graph, limit: Int?, boxWidth: (String) -> Int) {
        let edges = GraphLayout.acyclic(graph)
        let layerOf = GraphLayout.longestPaths(graph.nodes, edges)
        var indexOf: [String: Int] = [:]
        for node in graph.nodes {
            indexOf[node] = places.count
            places.append(Place(name: node, layer: layerOf[node] ?? 0, width: boxWidth(node)))
        }
        for edge in edges {
            guard var upper = indexOf[edge.from], let last = indexOf[edge.to] else { continue }
            for layer in (places[upper].layer + 1)..<places[last].layer {
                places.append(Place(name: nil, layer: layer, width: 1))
                links.append((upper, places.count - 1))
                upper = places.count - 1
            }
            links.append((upper, last))
        }
        layers = Array(repeating: [], count: (places.map(\.layer).max() ?? -1) + 1)
        for index in places.indices { layers[places[index].layer].append(index) }
        let limit = limit ?? .max
        let least = layers.map { layer in layer.reduce(3 * (layer.count - 1)) { $0 + places[$1].width } }
        guard least.allSatisfy({ $0 <= limit }) else { return nil }
        order()
        position()
        guard width <= limit else { return nil }
    }

    /// The edges without those that close a cycle, found by depth-first search in the order of names.
    private static func acyclic(_ graph: Graph) -> [Graph.Edge] {
        let outgoing = Dictionary(grouping: graph.edges, by: \.from)
        var state: [String: Int] = [:]
        var kept: [Graph.Edge] = []
        for root in graph.nodes where state[root] == nil {
            var stack: [(node: String, next: Int)] = [(root, 0)]
            state[root] = 1
            while let (node, next) = stack.last {
                let edges = outgoing[node] ?? []
                if next == edges.count {
                    state[node] = 2
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let edge = edges[next]
                if state[edge.to] == 1 { continue }
                kept.append(edge)
                if state[edge.to] == nil {
                    state[edge.to] = 1
                    stack.append((edge.to, 0))
                }
            }
        }
        return kept.sorted()
    }

    /// Each node's layer: one below its lowest parent.
    private static func longestPaths(_ nodes: [String], _ edges: [Graph.Edge]) -> [String: Int] {
        let outgoing = Dictionary(grouping: edges, by: \.from)
        var waiting: [String: Int] = [:]
        for edge in edges { waiting[edge.to, default: 0] += 1 }
        var layer: [String: Int] = [:]
        var ready = nodes.filter { waiting[$0] == nil }
        while let node = ready.popLast() {
            for edge in outgoing[node] ?? [] {
                layer[edge.to] = max(layer[edge.to] ?? 0, (layer[node] ?? 0) + 1)
                waiting[edge.to, default: 1] -= 1
                if waiting[edge.to] == 0 { ready.append(edge.to) }
            }
        }
        return layer
    }

    private func neighbours(above: Bool) -> [[Int]] {
        var out: [[Int]] = Array(repeating: [], count: places.count)
        for link in links {
            if above { out[link.lower].append(link.upper) } else { out[link.upper].append(link.lower) }
        }
        return out
    }

    private mutating func order() {
        let upper = neighbours(above: true)
        let lower = neighbours(above: false)
        var rank = [Double](repeating: 0, count: places.count)
        func remember(_ layer: [Int]) { for (position, index) in layer.enumerated() { rank[index] = Double(position) } }
        layers.forEach(remember)
        var best = layers
        var fewest = crossings()
        for sweep in 0..<8 where fewest > 0 {
            let downwards = sweep % 2 == 0
            let order = downwards ? Array(layers.indices) : layers.indices.reversed()
            for layer in order {
                let near = downwards ? upper : lower
                let keys = layers[layer].map { index in
                    let others = near[index]
                    return others.isEmpty ? rank[index] : others.map { rank[$0] }.reduce(0, +) / Double(others.count)
                }
                // The old position breaks ties, so equal nodes keep the order of their names.
                let sorted = layers[layer].indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
                layers[layer] = sorted.map { layers[layer][$0] }
                remember(layers[layer])
            }
            let count = crossings()
            if count < fewest {
                fewest = count
                best = layers
            }
        }
        layers = best
    }

    private func crossings() -> Int {
        var rank = [Int](repeating: 0, count: places.count)
        for layer in layers { for (position, index) in layer.enumerated() { rank[index] = position } }
        var byLayer: [[(Int, Int)]] = Array(repeating: [], count: layers.count)
        for link in links { byLayer[places[link.upper].layer].append((rank[link.upper], rank[link.lower])) }
        return byLayer.reduce(0) { sum, pairs in
            // Links cross where the lower end stands before that of a link further left: inversions.
            var lower = pairs.sorted { $0 < $1 }.map(\.1)
            return sum + GraphLayout.inversions(&lower)
        }
    }

    /// Sorts the numbers and returns how many pairs of them stood in the wrong order (merge sort).
    private static func inversions(_ numbers: inout [Int]) -> Int {
        guard numbers.count > 1 else { return 0 }
        var left = Array(numbers[..<(numbers.count / 2)])
        var right = Array(numbers[(numbers.count / 2)...])
        var count = inversions(&left) + inversions(&right)
        var (l, r) = (0, 0)
        for index in numbers.indices {
            if r == right.count || l < left.count && left[l] <= right[r] {
                numbers[index] = left[l]
                l += 1
            } else {
                numbers[index] = right[r]
                r += 1
                count += left.count - l
            }
        }
        return count
    }

    private mutating func position() {
        let upper = neighbours(above: true)
        let lower = neighbours(above: false)
        for layer in layers {
            var left = 0
            for index in layer {
                places[index].left = left
                left += places[index].width + 3
            }
        }
        for sweep in 0..<12 {
            let downwards = sweep % 2 == 0
            for layer in downwards ? Array(layers.indices) : layers.indices.reversed() {
                let near = downwards ? upper : lower
                let wanted = layers[layer].map { index in
                    let others = near[index].isEmpty ? [index] : near[index]
                    let mean = Double(others.map { places[$0].center }.reduce(0, +)) / Double(others.count)
                    return mean - Double(places[index].width / 2)
                }
                place(layers[layer], wanted: wanted)
            }
        }
        let leftmost = places.map(\.left).min() ?? 0
        for index in places.indices { places[index].left -= leftmost }
    }

    /// Puts a layer where the sum of squared distances to the wanted places is least, three columns apart.
    private mutating func place(_ layer: [Int], wanted: [Double]) {
        var blocks: [(sum: Double, count: Int)] = []
        var offsets: [Int] = []
        var offset = 0
        for (index, wanted) in zip(layer, wanted) {
            offsets.append(offset)
            blocks.append((wanted - Double(offset), 1))
            offset += places[index].width + 3
            while blocks.count > 1 {
                let last = blocks[blocks.count - 1]
                let before = blocks[blocks.count - 2]
                guard before.sum / Double(before.count) > last.sum / Double(last.count) else { break }
                blocks.removeLast(2)
                blocks.append((before.sum + last.sum, before.count + last.count))
            }
        }
        var next = 0
        for block in blocks {
            // Halves go to the left everywhere, so that parents and children of the same nodes stand in one line.
            let start = Int((block.sum / Double(block.count) - 0.5).rounded(.up))
            for _ in 0..<block.count {
                places[layer[next]].left = start + offsets[next]
                next += 1
            }
        }
    }
}
