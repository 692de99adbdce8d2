/// How many rows (or lines) differ between two versions.
///
/// Rows are compared as a multiset: a row is added or removed when one version has more of it than the other. A removed
/// and an added row that stand in the same gap between rows of both versions count as one changed row.
public struct RowChanges: Hashable, Sendable {
    public var before: Int
    public var after: Int
    /// Without the changed ones, as `removed`.
    public var added = 0
    public var removed = 0
    public var changed = 0
    /// Whether rows that both versions have stand in another order. No row counts as changed then.
    public var isReordered = false

    public var isEmpty: Bool { added == 0 && removed == 0 && changed == 0 && !isReordered }

    init(before: Int, after: Int) {
        self.before = before
        self.after = after
    }

    private struct Row {
        var hash: RowHash
        var index: Int

        static func precedes(_ a: Row, _ b: Row) -> Bool { a.hash != b.hash ? a.hash < b.hash : a.index < b.index }
    }

    private enum State { case kept, surplus, anchor }

    /// Compares two lists of row hashes. Needs 24 bytes a row and version beyond them, of the part that differs.
    public init(old: [RowHash], new: [RowHash]) {
        self.init(before: old.count, after: new.count)
        // What most edits leave alone is never sorted.
        let shorter = min(old.count, new.count)
        var start = 0
        while start < shorter && old[start] == new[start] { start += 1 }
        var tail = 0
        while tail < shorter - start && old[old.count - 1 - tail] == new[new.count - 1 - tail] { tail += 1 }
        let oldRows = RowChanges.sorted(old[start..<old.count - tail])
        let newRows = RowChanges.sorted(new[start..<new.count - tail])
        var oldStates = [State](repeating: .kept, count: oldRows.count)
        var newStates = [State](repeating: .kept, count: newRows.count)
        var partner = [Int32](repeating: -1, count: oldRows.count)
        var i = 0
        var j = 0
        while i < oldRows.count || j < newRows.count {
            // The next hash in order, and how often each version has it.
            let hash =
                i == oldRows.count
                ? newRows[j].hash : j == newRows.count ? oldRows[i].hash : min(oldRows[i].hash, newRows[j].hash)
            let firstOld = i
            while i < oldRows.count && oldRows[i].hash == hash { i += 1 }
            let firstNew = j
            while j < newRows.count && newRows[j].hash == hash { j += 1 }
            let common = min(i - firstOld, j - firstNew)
            for k in firstOld + common..<i { oldStates[oldRows[k].index] = .surplus }
            for k in firstNew + common..<j { newStates[newRows[k].index] = .surplus }
            removed += i - firstOld - common
            added += j - firstNew - common
            if i - firstOld == j - firstNew {
                // Which of several equal rows stayed is only certain when all did.
                for k in 0..<common {
                    let (a, b) = (oldRows[firstOld + k].index, newRows[firstNew + k].index)
                    oldStates[a] = .anchor
                    newStates[b] = .anchor
                    partner[a] = Int32(truncatingIfNeeded: b)
                }
            }
        }
        pair(oldStates, newStates, partner)
    }

    /// Finds out whether the order changed; if not, pairs what went and what came between the same anchors.
    private mutating func pair(_ old: [State], _ new: [State], _ partner: [Int32]) {
        var last: Int32 = -1
        for place in partner where place >= 0 {
            if place < last { isReordered = true }
            last = place
        }
        if isReordered { return }
        var pairs = 0
        var j = 0
        var gone = 0
        func closeGap(_ end: Int) {
            var came = 0
            while j < end {
                if new[j] == .surplus { came += 1 }
                j += 1
            }
            pairs += min(gone, came)
            gone = 0
        }
        for (index, state) in old.enumerated() {
            if state == .surplus { gone += 1 }
            if state == .anchor { closeGap(Int(partner[index])) }
        }
        closeGap(new.count)
        changed = pairs
        added -= pairs
        removed -= pairs
    }

    private static func sorted(_ hashes: ArraySlice<RowHash>) -> [Row] {
        var rows = hashes.enumerated().map { Row(hash: $0.element, index: $0.offset) }
        rows.sort(by: Row.precedes)
        return rows
    }
}
