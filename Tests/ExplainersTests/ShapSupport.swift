import Base
import Explainers
import Glibc

/// The black boxes of Fixtures/make-shap-cases.py.
struct BoxPredictor: Predictor {
    struct Class: Sendable {
        var bias: Double
        var terms: [(needle: [UInt8], weight: Double)]
        var pairs: [(first: [UInt8], second: [UInt8], bonus: Double)]
    }

    let labels: [String]
    /// Empty: the hash box.
    let classes: [Class]

    init(_ json: JSON) {
        func bytes(_ value: JSON) -> [UInt8] { Array(value.stringValue!.utf8) }
        guard json["kind"]?.stringValue == "softmax" else {
            labels = ["no", "yes"]
            classes = []
            return
        }
        let list = json["classes"]!.arrayValue!
        labels = list.map { $0["label"]!.stringValue! }
        classes = list.map { entry in
            Class(
                bias: entry["bias"]!.doubleValue!,
                terms: entry["terms"]!.arrayValue!.map { (bytes($0.arrayValue![0]), $0.arrayValue![1].doubleValue!) },
                pairs: entry["pairs"]!.arrayValue!.map {
                    (bytes($0.arrayValue![0]), bytes($0.arrayValue![1]), $0.arrayValue![2].doubleValue!)
                })
        }
    }

    func predict(_ texts: [String]) throws -> [[Double]] {
        texts.map { text in
            let data = Array(text.utf8)
            if classes.isEmpty {
                var hash: UInt64 = 0xcbf2_9ce4_8422_2325
                for byte in data { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
                let p = Double(hash & 0xfffff) / Double(1 << 20)
                return [1 - p, p]
            }
            let scores = classes.map { entry in
                var z = entry.bias
                for term in entry.terms { z += term.weight * Double(count(term.needle, data)) }
                for pair in entry.pairs where count(pair.first, data) > 0 && count(pair.second, data) > 0 {
                    z += pair.bonus
                }
                return z
            }
            let top = scores.max()!
            let powers = scores.map { exp($0 - top) }
            let total = powers.reduce(0, +)
            return powers.map { $0 / total }
        }
    }

    private func count(_ needle: [UInt8], _ bytes: [UInt8]) -> Int {
        var found = 0
        var at = 0
        while at + needle.count <= bytes.count {
            if bytes[at] == needle[0], bytes[at..<at + needle.count].elementsEqual(needle) {
                found += 1
                at += needle.count
            } else {
                at += 1
            }
        }
        return found
    }
}

/// Set functions for properties.
enum RandomGame {
    /// A random number for every coalition of `players`: interactions of every order.
    static func values(players: Int, seed: UInt64) -> [Double] {
        var random = SeededRandom(seed: seed, purpose: "game", position: UInt64(players))
        return (0..<1 << players).map { _ in random.uniform() - 0.5 }
    }

    static func game(_ values: [Double], tree: PartitionTree? = nil) -> Game {
        let players = values.count.trailingZeroBitCount
        return Game(players: players, tree: tree) { masks in masks.map { [values[bits($0)]] } }
    }

    static func bits(_ mask: BitSet) -> Int {
        var out = 0
        mask.forEach { out |= 1 << $0 }
        return out
    }

    /// A random binary tree: neighbours merged in random order.
    static func tree(players: Int, seed: UInt64) -> PartitionTree {
        var random = SeededRandom(seed: seed, purpose: "tree", position: UInt64(players))
        var groups = Array(0..<players)
        var merges: [(left: Int, right: Int)] = []
        while groups.count > 1 {
            let at = random.below(groups.count - 1)
            merges.append((groups[at], groups[at + 1]))
            groups[at] = players + merges.count - 1
            groups.remove(at: at + 1)
        }
        return PartitionTree(leaves: players, merges: merges)
    }
}

func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}
