import Base

/// Owen values down a hierarchy of the players (Owen 1977), as shap 0.51's `PartitionExplainer` computes them: what
/// `shap.Explainer(model, shap.maskers.Text())` picks for texts.
///
/// A node with the worth f(S ∪ node) − f(S) of weight w is split by evaluating S ∪ left and S ∪ right; each child goes on
/// with weight w/2 once without and once with its sibling. The node with the largest weighted difference (over all
/// outputs) goes first; what the budget leaves unsplit is shared among the players below it in proportion to their
/// number. The values always add up; nothing is drawn, so there are no standard errors.
public struct PartitionShapley: GameExplainer {
    /// Which contexts of a node are evaluated.
    public enum Context: String, CaseIterable, Sendable {
        /// Both, averaged: Owen values.
        case both
        /// Siblings hidden (`fixed_context=0`): half the evaluations; interactions stay with the inner node.
        case absent
        /// Siblings visible (`fixed_context=1`).
        case present
    }

    /// Most evaluations, with those of nobody and everybody (`max_evals`).
    public var samples: Int
    public var context: Context
    /// Coalitions evaluated before the next nodes are chosen: the package's batch size for texts. With a budget that
    /// does not cover the tree it changes which nodes are split.
    public var round: Int
    public var seed: UInt64
    /// How nodes of the same difference are ordered: the first found, or as the package does by `numpy.random.randn`.
    public var source: DrawSource
    public var masking: Masking

    public init(
        samples: Int = 500, context: Context = .both, round: Int = 5, seed: UInt64 = 0, source: DrawSource = .keyed,
        masking: Masking = .init()
    ) {
        self.samples = samples
        self.context = context
        self.round = round
        self.seed = seed
        self.source = source
        self.masking = masking
    }

    public var method: String { "partition" }
    public var settings: JSONObject {
        var out: JSONObject = ["samples": JSON(samples), "context": .string(context.rawValue), "round": JSON(round)]
        if source == .legacyNumPy {
            out["rng"] = .string(source.rawValue)
            out["seed"] = json(seed: seed)
        }
        return out
    }

    /// A node in a context: nobody but `present` and the node's players.
    private struct Item {
        var present: BitSet
        var without: [Double]
        var with: [Double]
        var node: Int
        var weight: Double
    }

    public func solve(_ game: Game, output: Int, key: String) throws -> GameValues {
        guard samples >= 2 else { throw MLError(.usage, "'partition' needs at least 2 samples, not \(samples)") }
        guard round >= 1 else { throw MLError(.usage, "a round of 'partition' needs at least 1 sample, not \(round)") }
        try source.check(seed: seed)
        let tree = game.tree
        guard tree.leaves == game.players else {
            throw MLError(.invalidInput, "a tree of \(tree.leaves) leaves does not fit \(game.players) players")
        }
        let masks = tree.masks()
        let ends = try game.outputs([game.nobody, game.everybody])
        var random = LegacyNumPyRandom(seed: UInt32(truncatingIfNeeded: seed))
        // The queue moves numbers about, not what they stand for.
        var items: [Item] = []
        var queue = PriorityQueue<Int>()
        func put(_ item: Item) {
            let difference = zip(item.with, item.without).reduce(0) { max($0, abs($1.0 - $1.1)) }
            let tie = source == .legacyNumPy ? random.normal() : Double(queue.inserted)
            queue.insert(items.count, priority: (-difference * item.weight, tie))
            items.append(item)
        }
        items.append(Item(present: game.nobody, without: ends[0], with: ends[1], node: tree.root, weight: 1))
        queue.insert(0, priority: (0, 0))
        // Credit of each node, inner ones too.
        var credit = [Double](repeating: 0, count: tree.root + 1)
        func settle(_ item: Item) { credit[item.node] += (item.with[output] - item.without[output]) * item.weight }

        let budget = samples - 2
        var used = 0
        while !queue.isEmpty, used < budget {
            var splits: [(item: Item, left: Int, right: Int)] = []
            var asked: [BitSet] = []
            while asked.count < round, used + asked.count < budget, let first = queue.removeFirst() {
                let item = items[first]
                guard item.node >= tree.leaves else {
                    settle(item)
                    continue
                }
                let node = tree.nodes[item.node - tree.leaves]
                splits.append((item, node.left, node.right))
                asked.append(item.present.union(masks[node.left]))
                asked.append(item.present.union(masks[node.right]))
            }
            let rows = try game.outputs(asked)
            used += asked.count
            for (index, split) in splits.enumerated() {
                let item = split.item
                let (left, right) = (rows[2 * index], rows[2 * index + 1])
                let weight = context == .both ? item.weight / 2 : item.weight
                let interaction =
                    (item.with[output] - left[output] - right[output] + item.without[output]) * item.weight
                if context == .absent { credit[item.node] += interaction }
                if context == .present { credit[item.node] -= interaction }
                if context != .present {
                    put(
                        Item(
                            present: item.present, without: item.without, with: left, node: split.left, weight: weight))
                    put(
                        Item(
                            present: item.present, without: item.without, with: right, node: split.right, weight: weight
                        ))
                }
                if context != .absent {
                    put(
                        Item(
                            present: asked[2 * index + 1], without: right, with: item.with, node: split.left,
                            weight: weight))
                    put(
                        Item(
                            present: asked[2 * index], without: left, with: item.with, node: split.right, weight: weight
                        ))
                }
            }
        }
        var unsplit = 0
        while let first = queue.removeFirst() {
            let item = items[first]
            if item.node >= tree.leaves { unsplit += 1 }
            settle(item)
        }
        // From the root down: an inner node's credit goes to its children in proportion to their players.
        for node in stride(from: tree.root, through: tree.leaves, by: -1) {
            let inner = tree.nodes[node - tree.leaves]
            for child in [inner.left, inner.right] {
                credit[child] += credit[node] * Double(tree.size(of: child)) / Double(inner.size)
            }
        }
        return GameValues(
            values: Array(credit[..<tree.leaves]), base: ends[0][output], full: ends[1][output],
            remarks: unsplit == 0 ? [] : ["\(unsplit) groups of words were not split within \(samples) samples"])
    }
}
