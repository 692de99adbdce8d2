/// Merges rows of a table where git sees a conflict: neighbours that were edited apart, and rows both sides put in at one
/// place.
enum RowMerge {
    /// Longer stretches are left as conflicts: lining them up takes time with the product of their lengths.
    static let limit = 4_000_000

    /// - Parameters: rows as numbers; equal rows have equal numbers.
    /// - Returns: nil when both sides changed the same row differently.
    static func merge(base: [Int], ours: [Int], theirs: [Int]) -> [Int]? {
        guard base.count * max(ours.count, theirs.count) <= limit else { return nil }
        let left = Edits(base, ours)
        let right = Edits(base, theirs)
        var out: [Int] = []
        for place in 0...base.count {
            // A block that was replaced as a whole leaves no place inside for the rows of the other side.
            if left.isInsideBlock(place) && !right.inserted[place].isEmpty { return nil }
            if right.isInsideBlock(place) && !left.inserted[place].isEmpty { return nil }
            out += joined(left.inserted[place], right.inserted[place])
            if place == base.count { break }
            switch (left.actions[place], right.actions[place]) {
            case (.keep, .keep): out.append(base[place])
            case (.replace(let rows, _), .keep), (.keep, .replace(let rows, _)): out += rows
            case (.replace(let a, block: nil), .replace(let b, block: nil)):
                guard a == b else { return nil }
                out += a
            case (.replace, .replace): return nil
            }
        }
        return out
    }

    /// Rows of both sides, ours first; a row that both sides put in stands once.
    private static func joined(_ ours: [Int], _ theirs: [Int]) -> [Int] {
        var known: [Int: Int] = [:]
        for row in ours { known[row, default: 0] += 1 }
        return ours
            + theirs.filter { row in
                guard let count = known[row], count > 0 else { return true }
                known[row] = count - 1
                return false
            }
    }

    /// What became of one row.
    private enum Action {
        case keep
        /// Another row, or none; `block` when it went together with its neighbours.
        case replace([Int], block: Int?)
    }

    /// What one side did to the base.
    private struct Edits {
        var actions: [Action]
        /// Rows put in before each row of the base, and behind the last.
        var inserted: [[Int]]
        private var blocks: [Range<Int>] = []

        init(_ base: [Int], _ side: [Int]) {
            actions = Array(repeating: .keep, count: base.count)
            inserted = Array(repeating: [], count: base.count + 1)
            var i = 0
            var j = 0
            for (nextBase, nextSide) in RowMerge.commonRows(base, side) + [(base.count, side.count)] {
                note(i..<nextBase, Array(side[j..<nextSide]))
                i = nextBase + 1
                j = nextSide + 1
            }
        }

        /// Whether a row put in before `place` would stand between rows that were replaced together.
        func isInsideBlock(_ place: Int) -> Bool { blocks.contains { $0.lowerBound < place && place < $0.upperBound } }

        private mutating func note(_ gone: Range<Int>, _ came: [Int]) {
            if gone.isEmpty {
                inserted[gone.lowerBound] += came
            } else if came.count >= gone.count {
                // Edited rows first, new ones behind them.
                for (place, row) in zip(gone, came) { actions[place] = .replace([row], block: nil) }
                inserted[gone.upperBound] += came.dropFirst(gone.count)
            } else if came.isEmpty {
                for place in gone { actions[place] = .replace([], block: nil) }
            } else {
                for place in gone { actions[place] = .replace([], block: blocks.count) }
                actions[gone.lowerBound] = .replace(came, block: blocks.count)
                blocks.append(gone)
            }
        }
    }

    /// A longest common subsequence, as pairs of places (Wagner and Fischer's table).
    private static func commonRows(_ a: [Int], _ b: [Int]) -> [(Int, Int)] {
        let width = b.count + 1
        var lengths = [Int32](repeating: 0, count: (a.count + 1) * width)
        for i in a.indices.reversed() {
            for j in b.indices.reversed() {
                lengths[i * width + j] =
                    a[i] == b[j]
                    ? lengths[(i + 1) * width + j + 1] + 1
                    : max(lengths[(i + 1) * width + j], lengths[i * width + j + 1])
            }
        }
        var pairs: [(Int, Int)] = []
        var i = 0
        var j = 0
        while i < a.count && j < b.count {
            if a[i] == b[j] {
                pairs.append((i, j))
                i += 1
                j += 1
            } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
                i += 1
            } else {
                j += 1
            }
        }
        return pairs
    }
}
