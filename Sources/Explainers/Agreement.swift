import Base

/// How alike two rankings of the same words are.
public enum Agreement {
    /// Spearman's ρ: the correlation of the ranks, equals sharing theirs (as scipy's `spearmanr`); nil when a list is
    /// constant or shorter than 2.
    public static func spearman(_ a: [Double], _ b: [Double]) throws -> Double? {
        try check(a, b)
        let (x, y) = (ranks(a), ranks(b))
        let mean = Double(a.count + 1) / 2
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for (p, q) in zip(x, y) {
            xx += (p - mean) * (p - mean)
            yy += (q - mean) * (q - mean)
            xy += (p - mean) * (q - mean)
        }
        return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : nil
    }

    /// Kendall's τ-b, which allows for equals (as scipy's `kendalltau`); nil when a list is constant or shorter than 2.
    public static func kendall(_ a: [Double], _ b: [Double]) throws -> Double? {
        try check(a, b)
        // Pairs in the same order less those in the other; pairs not equal in a, in b.
        var (balance, pairsA, pairsB) = (0, 0, 0)
        for i in a.indices {
            for j in 0..<i {
                let (p, q) = (sign(a[i] - a[j]), sign(b[i] - b[j]))
                balance += p * q
                pairsA += abs(p)
                pairsB += abs(q)
            }
        }
        return pairsA > 0 && pairsB > 0
            ? Double(balance) / (Double(pairsA) * Double(pairsB)).squareRoot() : nil
    }

    /// Share of the `count` largest by size that both lists have; of equals the first. 1 for empty lists.
    public static func topOverlap(_ a: [Double], _ b: [Double], count: Int) throws -> Double {
        try check(a, b)
        guard count >= 1 else { throw MLError(.usage, "the overlap needs at least 1 word, not \(count)") }
        func top(_ values: [Double]) -> Set<Int> {
            Set(values.indices.sorted { (abs(values[$1]), $0) < (abs(values[$0]), $1) }.prefix(count))
        }
        return a.isEmpty ? 1 : Double(top(a).intersection(top(b)).count) / Double(min(count, a.count))
    }

    /// The values of two attributions of one text at the places that either explains; 0 where one has none. A word of
    /// several occurrences has an equal share at each, so that methods that merge repeats compare with those that do not.
    public static func aligned(_ a: Attribution, _ b: Attribution) throws -> (a: [Double], b: [Double]) {
        guard Array(a.text.utf8) == Array(b.text.utf8) else {
            throw MLError(.invalidInput, "attributions of different texts cannot be compared")
        }
        let (x, y) = (a.valueByPlace, b.valueByPlace)
        let places = Set(x.keys).union(y.keys).sorted()
        return (places.map { x[$0] ?? 0 }, places.map { y[$0] ?? 0 })
    }

    private static func check(_ a: [Double], _ b: [Double]) throws {
        guard a.count == b.count else {
            throw MLError(.invalidInput, "rankings of \(a.count) and \(b.count) words cannot be compared")
        }
    }

    private static func sign(_ value: Double) -> Int { value > 0 ? 1 : value < 0 ? -1 : 0 }

    /// 1 for the smallest; equals get the mean of their places.
    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var out = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
            for place in start...end { out[order[place]] = Double(start + end) / 2 + 1 }
            start = end + 1
        }
        return out
    }
}

extension Attribution {
    /// Values by the offset of each place: a word of several occurrences has an equal share at each.
    var valueByPlace: [Int: Double] {
        var out: [Int: Double] = [:]
        for word in words {
            for place in word.occurrences {
                out[place.lowerBound, default: 0] += word.value / Double(word.occurrences.count)
            }
        }
        return out
    }
}
