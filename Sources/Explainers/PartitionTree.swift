import Base

/// A binary tree over the players 0..<leaves: what Owen values go down.
public struct PartitionTree: Hashable, Sendable {
    /// An inner node: two nodes below it (below `leaves`: a player; else inner node number − `leaves`) and its players.
    public struct Node: Hashable, Sendable {
        public var left: Int
        public var right: Int
        public var size: Int
    }

    public let leaves: Int
    /// Children before their parents; the last one is the root. None for a single leaf.
    public let nodes: [Node]

    /// - Parameter merges: pairs of nodes in the order of merging, `leaves` − 1 of them.
    public init(leaves: Int, merges: [(left: Int, right: Int)]) {
        self.leaves = leaves
        var nodes: [Node] = []
        func size(_ node: Int) -> Int { node < leaves ? 1 : nodes[node - leaves].size }
        for merge in merges {
            nodes.append(Node(left: merge.left, right: merge.right, size: size(merge.left) + size(merge.right)))
        }
        self.nodes = nodes
    }

    /// Halves of halves: for players without an order of their own.
    public init(balanced leaves: Int) {
        var merges: [(left: Int, right: Int)] = []
        func build(_ range: Range<Int>) -> Int {
            if range.count == 1 { return range.lowerBound }
            let middle = range.lowerBound + range.count / 2
            let left = build(range.lowerBound..<middle)
            let right = build(middle..<range.upperBound)
            merges.append((left, right))
            return leaves + merges.count - 1
        }
        if leaves > 1 { _ = build(0..<leaves) }
        self.init(leaves: leaves, merges: merges)
    }

    /// Trees over players one after another, joined from the left; nil without trees.
    init?(joining trees: [PartitionTree]) {
        guard let first = trees.first else { return nil }
        if trees.count == 1 {
            self = first
            return
        }
        let leaves = trees.reduce(0) { $0 + $1.leaves }
        var merges: [(left: Int, right: Int)] = []
        var start = 0
        var roots: [Int] = []
        for tree in trees {
            let inner = leaves + merges.count
            func moved(_ node: Int) -> Int { node < tree.leaves ? start + node : inner + node - tree.leaves }
            merges += tree.nodes.map { (moved($0.left), moved($0.right)) }
            roots.append(moved(tree.root))
            start += tree.leaves
        }
        var root = roots[0]
        for other in roots.dropFirst() {
            merges.append((root, other))
            root = leaves + merges.count - 1
        }
        self.init(leaves: leaves, merges: merges)
    }

    public var root: Int { leaves + nodes.count - 1 }

    public func size(of node: Int) -> Int { node < leaves ? 1 : nodes[node - leaves].size }

    /// The players below each node.
    public func masks() -> [BitSet] {
        var out = (0..<leaves).map { BitSet(count: leaves, CollectionOfOne($0)) }
        for node in nodes { out.append(out[node.left].union(out[node.right])) }
        return out
    }

    /// The tree of a text's segments as `shap.maskers.Text.clustering` builds it: neighbours are merged greedily, those
    /// with the best score first and the first of equals; scores favour small groups, parts of one word and apostrophe
    /// endings, and put off connectors, commas, sentence ends and unbalanced brackets.
    ///
    /// Two quirks of the package are kept, for the same trees: an opening bracket in front always costs 2, and only
    /// round brackets count.
    init?(segments: [[Unicode.Scalar]]) {
        if segments.isEmpty { return nil }
        var words: [String] = []
        for (index, segment) in segments.enumerated() {
            let word = MaskedText.string(MaskedText.stripped(segment))
            let continues =
                index > 0 && !PartitionTree.endsInSeparator(segments[index - 1])
                && segment.first.map { PartitionTree.isLetter($0) } ?? false && !words[index - 1].isEmpty
            words.append(continues ? "##" + word : word)
        }
        var balanced = words.map { $0 != "(" && $0 != ")" }
        var groups = words.indices.map { (range: $0..<$0 + 1, node: $0) }
        var merges: [(left: Int, right: Int)] = []
        var scores = zip(groups, groups.dropFirst()).map {
            PartitionTree.score($0.range, $1.range, words: words, balanced: balanced)
        }
        while groups.count > 1 {
            let best = scores.indices.dropFirst().reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
            let (left, right) = (groups[best], groups[best + 1])
            merges.append((left.node, right.node))
            groups[best] = (left.range.lowerBound..<right.range.upperBound, words.count + merges.count - 1)
            groups.remove(at: best + 1)
            scores.remove(at: best)
            let (first, last) = (left.range.lowerBound, right.range.upperBound - 1)
            if words[first] == "(", words[last] == ")" {
                balanced[first] = true
                balanced[last] = true
            }
            // Only the merged group's scores change: balance is looked at on the groups' ends.
            for pair in [best - 1, best] where scores.indices.contains(pair) {
                scores[pair] = PartitionTree.score(
                    groups[pair].range, groups[pair + 1].range, words: words, balanced: balanced)
            }
        }
        self.init(leaves: words.count, merges: merges)
    }

    private static func score(_ a: Range<Int>, _ b: Range<Int>, words: [String], balanced: [Bool]) -> Int {
        let (first, last) = (words[a.lowerBound], words[a.upperBound - 1])
        let (next, end) = (words[b.lowerBound], words[b.upperBound - 1])
        var score = -(a.count + b.count)
        if next.utf8.starts(with: "##".utf8) { score += 20 }
        let endings: Set = ["t", "s"]
        if next == "'", b.count == 1 || b.count == 2 && endings.contains(end) { score += 15 }
        if last == "'", endings.contains(next) { score += 15 }
        if isControl(first) != isControl(end) { score -= 1000 }
        if next == "(", !balanced[b.lowerBound] { score -= 100 }
        if last == ")", !balanced[a.upperBound - 1] { score -= 100 }
        if first == "(" { score -= 2 }
        let connectors: Set = ["but", "and", "or"]
        if connectors.contains(last) || connectors.contains(next) { score -= 2 }
        if last == "," { score -= 10 }
        if next == "," { score -= b.count > 1 ? 10 : 1 }
        let enders: Set = [".", "?", "!"]
        if enders.contains(last) { score -= 20 }
        if enders.contains(next) { score -= b.count > 1 ? 20 : 1 }
        return score
    }

    /// "[SEP]" and the like.
    private static func isControl(_ word: String) -> Bool {
        word.utf8.first == UInt8(ascii: "[") && word.utf8.last == UInt8(ascii: "]")
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    /// Python's `^.*\W$`: a separator at the end, or before a last line feed, with no line feed in front of it.
    private static func endsInSeparator(_ segment: [Unicode.Scalar]) -> Bool {
        var places = [segment.count - 1]
        if segment.last == "\n" { places.append(segment.count - 2) }
        return places.contains { place in
            place >= 0 && !IndexedText.isWordCharacter(segment[place]) && !segment[..<place].contains("\n")
        }
    }
}
