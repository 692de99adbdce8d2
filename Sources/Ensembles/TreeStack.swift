import Glibc

/// Gradient-boosted trees for several classes (Friedman 2001, algorithm 6) with second-order leaves and gains (Chen &
/// Guestrin 2016, equations 5 and 7).
struct TreeStack: Sendable {
    /// A tree as a list of nodes; the root is the first.
    struct Node: Sendable {
        /// The input that decides; −1 in a leaf.
        var input: Int
        var threshold: Double
        /// Places of the children: below or at the threshold, and above.
        var low: Int
        var high: Int
        var value: Double
    }

    static let depth = 3
    static let rate = 0.1
    /// Added to the curvature of each leaf.
    static let penalty = 1.0
    static let smallestLeaf = 5

    /// Trees of each round, one a class.
    var rounds: [[[Node]]]
    let classes: Int

    static func fit(_ rows: [[Double]], _ truth: [Int], classes: Int, rounds: Int) -> TreeStack {
        var model = TreeStack(rounds: [], classes: classes)
        var scores = [[Double]](repeating: [Double](repeating: 0, count: classes), count: rows.count)
        let width = rows.first?.count ?? 0
        // Sorted once: each split then is one pass.
        let sorted = (0..<width).map { input in
            rows.indices.sorted { (rows[$0][input], $0) < (rows[$1][input], $1) }
        }
        for _ in 0..<rounds {
            let answers = scores.map(softmax)
            var trees: [[Node]] = []
            for label in 0..<classes {
                let slopes = rows.indices.map { (truth[$0] == label ? 1 : 0) - answers[$0][label] }
                let curves = rows.indices.map { max(1e-6, answers[$0][label] * (1 - answers[$0][label])) }
                var tree: [Node] = []
                grow(
                    &tree, [Bool](repeating: true, count: rows.count), rows.count, rows, sorted, slopes, curves, depth)
                trees.append(tree)
            }
            for row in rows.indices {
                for label in 0..<classes { scores[row][label] += rate * value(trees[label], rows[row]) }
            }
            model.rounds.append(trees)
        }
        return model
    }

    private static func grow(
        _ tree: inout [Node], _ inside: [Bool], _ count: Int, _ rows: [[Double]], _ sorted: [[Int]],
        _ slopes: [Double], _ curves: [Double], _ depth: Int
    ) {
        let place = tree.count
        var (slope, curve) = (0.0, 0.0)
        for row in rows.indices where inside[row] {
            slope += slopes[row]
            curve += curves[row]
        }
        tree.append(Node(input: -1, threshold: 0, low: -1, high: -1, value: slope / (curve + penalty)))
        if depth == 0 || count < 2 * smallestLeaf { return }
        var best: (gain: Double, input: Int, threshold: Double, low: Int)?
        let whole = slope * slope / (curve + penalty)
        for (input, order) in sorted.enumerated() {
            var (left, leftCurve, seen) = (0.0, 0.0, 0)
            var previous = -1
            for row in order where inside[row] {
                if previous >= 0, seen >= smallestLeaf, count - seen >= smallestLeaf,
                    rows[row][input] > rows[previous][input]
                {
                    let right = slope - left
                    let gain =
                        left * left / (leftCurve + penalty) + right * right / (curve - leftCurve + penalty) - whole
                    if gain > (best?.gain ?? 1e-9) {
                        best = (gain, input, (rows[row][input] + rows[previous][input]) / 2, seen)
                    }
                }
                left += slopes[row]
                leftCurve += curves[row]
                seen += 1
                previous = row
            }
        }
        guard let best else { return }
        var (low, high) = (inside, inside)
        for row in rows.indices where inside[row] {
            if rows[row][best.input] <= best.threshold { high[row] = false } else { low[row] = false }
        }
        tree[place].input = best.input
        tree[place].threshold = best.threshold
        tree[place].low = tree.count
        grow(&tree, low, best.low, rows, sorted, slopes, curves, depth - 1)
        tree[place].high = tree.count
        grow(&tree, high, count - best.low, rows, sorted, slopes, curves, depth - 1)
    }

    private static func value(_ tree: [Node], _ row: [Double]) -> Double {
        var node = tree[0]
        while node.input >= 0 { node = tree[row[node.input] <= node.threshold ? node.low : node.high] }
        return node.value
    }

    func answer(_ row: [Double]) -> [Double] {
        var scores = [Double](repeating: 0, count: classes)
        for trees in rounds {
            for label in 0..<classes { scores[label] += TreeStack.rate * TreeStack.value(trees[label], row) }
        }
        return softmax(scores)
    }
}
